"""Fits the network that judges readings of the metre and writes `reading_weights.rs`.

Usage: fit_rhythm_weights.py RUST_FILE HELD_OUT_PREDICTIONS OWN_OUTPUT...
The inputs are what `leitmotif-eval audio --verbose --readings` printed for the clips of
make_training_clips.py; no other music takes part. One style at a time is left out to tell how the
network does on styles it never heard; those predictions are kept to calibrate the confidence on.
Needs numpy.
"""

import json
import sys

import numpy as np

HIDDEN, STEPS, RATE, DECAY, BATCH = 24, 700, 0.005, 0.01, 96
# Half of the networks see all pieces, half only keyboard pieces near a walking pace.
MEMBERS = 3
PACE_BPM, PACE_OCTAVES, PACE_FLOOR = 74.0, 0.45, 0.07
STANDARD_MAX = 4.0
# Least beat F-measure of a right reading, and how far it may stay under the best of the clip.
BEATS_RIGHT, BEATS_SLACK = 0.5, 0.05


def read(path):
    for line in open(path):
        clip = json.loads(line) if line.startswith("{") else {}
        readings = clip.get("readings")
        if not readings or clip.get("bpm") is None:
            continue
        features = np.array([reading["features"] for reading in readings])
        bpm = np.array([reading["bpm"] for reading in readings])
        beat_f = np.array([-1 if r["beat_f"] is None else r["beat_f"] for r in readings])
        is_tempo = np.abs(bpm / clip["bpm"] - 1) < 0.04
        reached = beat_f[is_tempo].max() if is_tempo.any() else 0.0
        is_right = is_tempo & (beat_f > max(BEATS_RIGHT, reached - BEATS_SLACK))
        group = np.array([reading["group"] for reading in readings])
        del clip["readings"]
        yield {"clip": clip, "group": group, "x": features, "bpm": bpm, "f": beat_f, "tempo": is_tempo, "right": is_right}


class Network:
    def __init__(self, clips, seed=1):
        rng = np.random.default_rng(seed)
        table = np.vstack([clip["x"] for clip in clips])
        self.centres, self.scales = table.mean(0), 1.0 / (table.std(0) + 1e-6)
        count = table.shape[1]
        self.parts = [rng.normal(0, 1.0 / np.sqrt(count), (HIDDEN, count)), np.zeros(HIDDEN), rng.normal(0, 0.3, HIDDEN)]
        known = [clip for clip in clips if clip["right"].any()]
        inputs = [self.standard(clip["x"]) for clip in known]
        first = [np.zeros_like(part) for part in self.parts]
        second = [np.zeros_like(part) for part in self.parts]
        for step in range(1, STEPS + 1):
            picked = rng.choice(len(known), min(BATCH, len(known)), replace=False)
            x = np.vstack([inputs[i] for i in picked])
            ends = np.cumsum([0] + [len(inputs[i]) for i in picked])
            weights, bias, output = self.parts
            # Jitter stands for the textures that were not drawn.
            x = x + rng.normal(0, 0.1, x.shape)
            hidden = np.tanh(x @ weights.T + bias)
            score = hidden @ output
            change = np.zeros_like(score)
            for order, i in enumerate(picked):
                part = slice(ends[order], ends[order + 1])
                odds = np.exp(score[part] - score[part].max())
                right = odds * known[i]["right"]
                change[part] = (odds / odds.sum() - right / max(right.sum(), 1e-12)) / len(picked)
            back = np.outer(change, output) * (1 - hidden**2)
            gradients = [back.T @ x + DECAY * weights, back.sum(0), hidden.T @ change + DECAY * output]
            rate = RATE * (1 - step / STEPS) ** 0.5
            for k, gradient in enumerate(gradients):
                first[k] = 0.9 * first[k] + 0.1 * gradient
                second[k] = 0.99 * second[k] + 0.01 * gradient**2
                ahead = first[k] / (1 - 0.9**step)
                self.parts[k] = self.parts[k] - rate * ahead / (np.sqrt(second[k] / (1 - 0.99**step)) + 1e-8)

    def standard(self, x):
        return np.clip((x - self.centres) * self.scales, -STANDARD_MAX, STANDARD_MAX)

    def score(self, x):
        weights, bias, output = self.parts
        return np.tanh(self.standard(x) @ weights.T + bias) @ output


def judge(network, clip):
    """The decision of the analyzer: the tempo, then the beats, by all readings that agree."""
    score = network.score(clip["x"])
    odds = np.exp(score - score.max())
    odds /= odds.sum()
    mass = np.array([odds[np.abs(clip["bpm"] / bpm - 1) < 0.04].sum() for bpm in clip["bpm"]])
    tempo = mass.argmax()
    same = np.abs(clip["bpm"] / clip["bpm"][tempo] - 1) < 0.04
    of_group = np.array([odds[clip["group"] == group].sum() for group in clip["group"]])
    best = np.where(same, of_group + 1e-6 * odds, -1).argmax()
    return best, min(mass[tempo], 1.0)


def report(name, rows):
    tempo, beats, oracle = (np.mean([row[k] for row in rows]) for k in ("tempo", "f", "oracle"))
    print(f"{name:24s} n {len(rows):4d} tempo {tempo:.3f} beats {beats:.3f} reachable {oracle:.3f}", file=sys.stderr)


def held_out(clips):
    rows = []
    for style in sorted({clip["clip"]["genre"] for clip in clips}):
        network = Average([clip for clip in clips if clip["clip"]["genre"] != style])
        for clip in clips:
            if clip["clip"]["genre"] == style:
                best, confidence = judge(network, clip)
                rows.append({
                    "style": style, "kind": clip["clip"]["kind"], "tempo": bool(clip["tempo"][best]),
                    "f": float(clip["f"][best]), "oracle": bool(clip["right"].any()), "confidence": float(confidence),
                })
        report(style, [row for row in rows if row["style"] == style])
    for kind in sorted({row["kind"] for row in rows}):
        report("left out: " + kind, [row for row in rows if row["kind"] == kind])
    return rows


def near_pace(clips):
    """Drops keyboard pieces the more, the further they are from a walking pace."""
    rng = np.random.default_rng(0)
    for clip in clips:
        octaves = np.log2(clip["clip"]["bpm"] / PACE_BPM) / PACE_OCTAVES
        if clip["clip"]["kind"] != "own-keyboard" or rng.random() < max(np.exp(-0.5 * octaves**2), PACE_FLOOR):
            yield clip


class Average:
    """Networks side by side as one whose score is their mean."""

    def __init__(self, clips):
        near = list(near_pace(clips))
        members = [Network(part, seed) for part in (clips, near) for seed in range(1, MEMBERS + 1)]
        self.centres, self.scales = members[0].centres, members[0].scales
        weights = [member.parts[0] * member.scales / self.scales for member in members]
        shifts = [member.parts[0] * member.scales * (self.centres - member.centres) for member in members]
        biases = [member.parts[1] + shift.sum(1) for member, shift in zip(members, shifts)]
        outputs = [member.parts[2] / len(members) for member in members]
        self.parts = [np.vstack(weights), np.concatenate(biases), np.concatenate(outputs)]

    standard, score = Network.standard, Network.score


def rust_list(values):
    words = [repr(round(float(np.float32(value)), 4)) for value in values]
    return "[" + ", ".join(words) + "]"


HEADER = """//! Weights of the network that judges readings of the metre.
//!
//! Fitted on random pieces that were composed and rendered for it: songs for a band in eighteen
//! styles and keyboard pieces played with human timing. No recorded music and no clip of an evaluation
//! kit took part. Made by `eval/tools/fit_rhythm_weights.py`; not edited by hand.

#![allow(
    clippy::approx_constant,
    reason = "weights that happen to be near a constant"
)]

use super::reading_features::FEATURE_COUNT;
use super::reading_network::HIDDEN_COUNT;

"""


def write_rust(path, network):
    weights, bias, output = network.parts
    with open(path, "w") as file:
        file.write(HEADER)
        for name, text, values in [
            ("CENTRES", "Mean of each feature.", network.centres),
            ("SCALES", "One over the standard deviation of each feature.", network.scales),
            ("HIDDEN_BIASES", "Biases of the hidden units.", bias),
            ("OUTPUT_WEIGHTS", "Weights of the hidden units in the score.", output),
        ]:
            size = "FEATURE_COUNT" if len(values) == weights.shape[1] else "HIDDEN_COUNT"
            file.write(f"/// {text}\npub(crate) static {name}: [f32; {size}] = {rust_list(values)};\n\n")
        file.write("/// Weights of the features in the hidden units.\n#[rustfmt::skip]\n")
        file.write("pub(crate) static HIDDEN_WEIGHTS: [[f32; FEATURE_COUNT]; HIDDEN_COUNT] = [\n")
        file.writelines(f"    {rust_list(row)},\n" for row in weights)
        file.write("];\n")


def main():
    rust_path, predictions_path = sys.argv[1:3]
    clips = [clip for path in sys.argv[3:] for clip in read(path)]
    if predictions_path != "-":
        rows = held_out(clips)
        with open(predictions_path, "w") as file:
            json.dump(rows, file)
    write_rust(rust_path, Average(clips))


if __name__ == "__main__":
    main()
