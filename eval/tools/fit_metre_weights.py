"""Fits the metre weights of `leitmotif-analysis` and prints them as JSON.

Usage: fit_metre_weights.py KIT_OUTPUT OWN_OUTPUT
The inputs are what `leitmotif-eval audio --verbose --readings` printed for the shared audio kit and
for the clips of make_metre_clips.py. Only clips free to train on are used: kinds `synth`,
`real-loop` (CC0) and `own`. Needs numpy.
"""

import json
import sys

import numpy as np

RIDGE, STEPS, RATE = 0.05, 400, 0.05
CLIP_WEIGHT = {"synth": 1.0, "real-loop": 1.0, "own": 0.2}


def read(path):
    for line in open(path):
        clip = json.loads(line) if line.startswith("{") else {}
        if not clip.get("readings") or clip["acc2"] is None or clip["kind"] not in CLIP_WEIGHT:
            continue
        readings = clip["readings"]
        features = np.array([reading["features"] for reading in readings])
        bpm = np.array([reading["bpm"] for reading in readings])
        beat_f = np.array([-1 if r["beat_f"] is None else r["beat_f"] for r in readings])
        is_tempo = np.abs(bpm / clip["bpm"] - 1) < 0.04
        is_right = is_tempo & ((beat_f > 0.8) | (beat_f < 0))
        yield clip, features, is_tempo, beat_f, is_right


def fit(clips):
    table = np.vstack([features for _, features, _, _, _ in clips])
    centres, scales = table.mean(0), table.std(0) + 1e-6
    known = [(CLIP_WEIGHT[c["kind"]], (x - centres) / scales, p) for c, x, _, _, p in clips if p.any()]
    total = sum(weight for weight, _, _ in known)
    weights = np.zeros(table.shape[1])
    first, second = np.zeros_like(weights), np.zeros_like(weights)
    for step in range(1, STEPS + 1):
        gradient = RIDGE * weights
        for weight, features, is_right in known:
            score = features @ weights
            odds = np.exp(score - score.max())
            right = odds * is_right
            change = odds / odds.sum() - right / max(right.sum(), 1e-12)
            gradient = gradient + weight / total * (features.T @ change)
        first = 0.9 * first + 0.1 * gradient
        second = 0.99 * second + 0.01 * gradient**2
        weights -= RATE * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.99**step)) + 1e-8)
    return centres, weights / scales


def main():
    clips = [clip for path in sys.argv[1:] for clip in read(path)]
    hits, scores = [], []
    for style in sorted({c["genre"] for c, *_ in clips if c["kind"] == "synth"}):
        centres, weights = fit([clip for clip in clips if clip[0]["genre"] != style])
        for clip, features, is_tempo, beat_f, _ in clips:
            if clip["genre"] == style and clip["kind"] == "synth":
                best = ((features - centres) @ weights).argmax()
                hits.append(is_tempo[best])
                scores.append(beat_f[best])
    print(f"style left out: tempo {np.mean(hits):.3f}, beats {np.mean(scores):.3f}", file=sys.stderr)
    centres, weights = fit(clips)
    print(json.dumps({"centres": centres.round(4).tolist(), "weights": weights.round(4).tolist()}))


main()
