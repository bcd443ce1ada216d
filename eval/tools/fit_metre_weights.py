import json,sys,numpy as np,collections
L=[json.loads(l) for l in open('/tmp/audio-out.txt') if l.startswith('{')]; L.pop()
O=[json.loads(l) for l in open('/tmp/own-out.txt') if l.startswith('{')]; O.pop(); L+=O
OW=float(__import__('os').environ.get('OW','0.5'))
names=None
clips=[]
for c in L:
    if not c.get('readings'): 
        print('none',c['file']); continue
    if c['bpm'] is None or c['acc2'] is None: continue
    R=c['readings']
    X=np.array([r['features'] for r in R]); b=np.array([r['bpm'] for r in R]); 
    F=np.array([r['beat_f'] if r['beat_f'] is not None else -1 for r in R])
    t=np.abs(b/c['bpm']-1)<.04
    pos=t&((F>.8)|(F<0)) if c['kind']!='midi-performance' else (F>.6)&t
    clips.append(dict(c=c,X=X,b=b,F=F,t=t,pos=pos,kind=c['kind'],style=c['genre']))
synth=[k for k in clips if k['kind']=='synth']; bach=[k for k in clips if k['kind']=='midi-performance']
own=[k for k in clips if k['kind']=='own']
print('own oracle pos',np.mean([k['pos'].any() for k in own]),np.mean([k['F'].max() for k in own]))
loops=[k for k in clips if k['kind']=='real-loop']
print('oracle synth pos',np.mean([k['pos'].any() for k in synth]),'tempo',np.mean([k['t'].any() for k in synth]),'bestF',np.mean([k['F'].max() for k in synth]))
for k in synth:
    if not k['pos'].any(): print('  no pos',k['c']['file'],k['c']['bpm'],sorted(zip(k['b'].round(1),k['F'].round(2)),key=lambda x:-x[1])[:5])
print('oracle bach tempo',np.mean([k['t'].any() for k in bach]),'bestF',np.mean([k['F'].max() for k in bach]))
def fit(tr,lam,mask,iters=400):
    A=np.vstack([k['X'] for k in tr]); mu=A.mean(0); sd=A.std(0)+1e-6
    w=np.zeros(A.shape[1]); m=np.zeros_like(w); v=np.zeros_like(w)
    D=[((k['X']-mu)/sd*mask,k['pos']) for k in tr if k['pos'].any()]
    W=[OW if k['kind']=='own' else 1. for k in tr if k['pos'].any()]; SW=sum(W)
    for it in range(iters):
        g=np.zeros_like(w)
        for (X,p),cw in zip(D,W):
            s=X@w; s-=s.max(); e=np.exp(s); q=e/e.sum(); r=e*p; r/=max(r.sum(),1e-12)
            g+=cw*(X.T@(q-r))
        g=g/SW+lam*w
        m=.9*m+.1*g; v=.99*v+.01*g*g
        w-=0.05*(m/(1-.9**(it+1)))/(np.sqrt(v/(1-.99**(it+1)))+1e-8)
    return mu,sd,w*mask
def pick(k,M): 
    mu,sd,w=M; s=((k['X']-mu)/sd)@w; return s
def rep(ks,Ms,verbose=False):
    a=[];f=[]
    for k,M in zip(ks,Ms):
        i=pick(k,M).argmax(); a.append(k['t'][i]); f.append(k['F'][i])
        if verbose and (not k['t'][i] or (0<=k['F'][i]<.8)): print('   ',k['c']['file'],k['c']['bpm'],'->',round(k['b'][i],1),round(k['F'][i],2))
    return round(np.mean(a),3),round(np.mean(f),3)
nf=clips[0]['X'].shape[1]; mask=np.ones(nf)
for drop in [int(a) for a in sys.argv[2:]]: mask[drop]=0
styles=sorted({k['style'] for k in synth})
lams=[float(sys.argv[1])] if len(sys.argv)>1 else [.003,.01,.03,.1,.3]
for lam in lams:
    Mall=fit(synth+loops+own,lam,mask)
    cv=[];ks=[]
    for s in styles:
        M=fit([k for k in synth+loops+own if k['style']!=s],lam,mask)
        for k in synth:
            if k['style']==s: cv.append(M); ks.append(k)
    print('lam',lam,'CV synth',rep(ks,cv,len(lams)==1),'train',rep(synth,[Mall]*len(synth)),'loops',rep(loops,[Mall]*len(loops)),'own',rep(own,[Mall]*len(own)),'bach',rep(bach,[Mall]*len(bach),len(lams)==1))
if len(lams)==1:
    mu,sd,w=Mall
    json.dump(dict(centres=mu.tolist(),weights=(w/sd).tolist(),std=w.tolist()),open('/tmp/weights.json','w'))
    for i in np.argsort(-abs(w)): print(i,round(w[i],2),end='; ')
    print()
