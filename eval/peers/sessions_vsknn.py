"""VS-kNN (Ludewig and Jannach 2018) in plain Python on the files of `leitmotif-eval sessions`, judged by the same
rules: a second reading of the paper beside ours, not a fast one.

Usage: python sessions_vsknn.py TRAIN TEST [EVERY]     (no packages; EVERY prefix of so many is asked, 20 if left out)
"""
import gzip
import json
import math
import sys
import time
from collections import defaultdict

CANDIDATES, NEIGHBOURS, LENGTH = 1000, 100, 20


def sessions(path):
    opened = gzip.open(path, "rt") if path.endswith(".gz") else open(path)
    with opened as lines:
        return [[int(item) for item in line.split()] for line in lines if line.strip()]


train, test = sessions(sys.argv[1]), sessions(sys.argv[2])
every = int(sys.argv[3]) if len(sys.argv) > 3 else 20
start = time.perf_counter()
holders = defaultdict(list)
for number, session in enumerate(train):
    for item in set(session):
        holders[item].append(number)
sets = [set(session) for session in train]
rarity = {item: math.log(len(train) / len(held)) for item, held in holders.items()}
fit_s = time.perf_counter() - start


def recommend(prefix):
    step_of = {item: at + 1 for at, item in enumerate(prefix)}
    weight = {item: at / len(prefix) for item, at in step_of.items()}
    shared = {number for item in step_of for number in holders.get(item, ())[-CANDIDATES:]}
    recent = sorted(shared, reverse=True)[:CANDIDATES]
    nearest = sorted(recent, key=lambda one: (-sum(weight[i] for i in sets[one] & weight.keys()), -one))[:NEIGHBOURS]
    scores = defaultdict(float)
    for number in nearest:
        common = sets[number] & weight.keys()
        similarity = sum(weight[item] for item in common)
        last = len(prefix) + 1 - max(step_of[item] for item in common)
        for item in sets[number]:
            scores[item] += similarity / last * rarity[item]
    return sorted(scores, key=lambda item: (-scores[item], item))[:LENGTH]


asked = hits = 0
reciprocal = gain = spent = 0.0
for number, session in enumerate(s[:cut] + [s[cut]] for s in test for cut in range(1, len(s))):
    if number % every:
        continue
    start = time.perf_counter()
    best = recommend(session[:-1])
    spent += time.perf_counter() - start
    asked += 1
    if session[-1] in best:
        place = best.index(session[-1]) + 1
        hits, reciprocal, gain = hits + 1, reciprocal + 1 / place, gain + 1 / math.log2(place + 1)
print(json.dumps({"vsknn": {
    "prefixes": asked, "hr@20": hits / asked, "mrr@20": reciprocal / asked, "ndcg@20": gain / asked,
    "fit_s": fit_s, "us_per_query": spent / asked * 1e6,
}}))
