"""Fits the networks that judge readings of the metre; writes their Rust tables.

Usage: fit_rhythm_weights.py RUST_FOLDER TABLES OUTPUT...
The inputs are what `leitmotif-eval audio --verbose --readings` printed for the clips of
make_training_clips.py; no other music takes part. TABLES names what to fit, with commas between:
`level` (how fast the beat is), `phase` (where it falls at that speed). Each becomes
`<table>_weights.rs` in the folder; same inputs give the same bytes. Needs numpy.
"""

import json
import sys

import numpy as np

BATCH, RATE, STANDARD_MAX = 96, 0.005, 4.0
# Units of one network, steps, decay, jitter of the inputs and networks that are averaged.
LEVEL = {"hidden": 24, "steps": 700, "decay": 0.01, "jitter": 0.1, "members": 4}
PHASE = {"hidden": 16, "steps": 400, "decay": 0.02, "jitter": 0.15, "members": 6}
# Half of the level networks see keyboard pieces near a walking pace only.
PACE_BPM, PACE_OCTAVES, PACE_FLOOR = 74.0, 0.45, 0.07
# Least beat F-measure of a right reading, and how far it may stay under the best of the clip.
BEATS_RIGHT, BEATS_SLACK = 0.5, 0.05
FOLDS = 4
# Share of the level network's log probability in the choice of the phase, as in the analyzer.
LEVEL_SHARE = 0.25


def read(path):
    for line in open(path):
        clip = json.loads(line) if line.startswith("{") else {}
        readings = clip.get("readings")
        if not readings or clip.get("bpm") is None:
            continue
        bpm = np.array([reading["bpm"] for reading in readings])
        beat_f = np.array([-1 if r["beat_f"] is None else r["beat_f"] for r in readings])
        is_tempo = np.abs(bpm / clip["bpm"] - 1) < 0.04
        reached = beat_f[is_tempo].max() if is_tempo.any() else 0.0
        del clip["readings"]
        yield {
            "clip": clip,
            "style": clip["genre"].split("_")[0],
            "level": np.array([reading["features"] for reading in readings], np.float32),
            "phase": np.array([reading["phase_features"] for reading in readings], np.float32),
            "group": np.array([reading["group"] for reading in readings]),
            "odds": np.array([reading["probability"] for reading in readings]),
            "bpm": bpm,
            "f": beat_f,
            "tempo": is_tempo,
            "right": is_tempo & (beat_f > max(BEATS_RIGHT, reached - BEATS_SLACK)),
        }


def softmax(score):
    odds = np.exp(score - score.max())
    return odds / odds.sum()


class Network:
    """One hidden layer; learns to give the right rows of each table the largest share of a softmax."""

    def __init__(self, tables, options, seed):
        rng = np.random.default_rng(seed)
        rows = np.vstack([x for x, _ in tables])
        self.centres, self.scales = rows.mean(0), 1.0 / (rows.std(0) + 1e-6)
        hidden, decay, count = options["hidden"], options["decay"], rows.shape[1]
        self.parts = [rng.normal(0, 1.0 / np.sqrt(count), (hidden, count)), np.zeros(hidden), rng.normal(0, 0.3, hidden)]
        self.parts = [part.astype(np.float32) for part in self.parts]
        inputs = [self.standard(x) for x, _ in tables]
        first = [np.zeros_like(part) for part in self.parts]
        second = [np.zeros_like(part) for part in self.parts]
        for step in range(1, options["steps"] + 1):
            picked = rng.choice(len(tables), min(BATCH, len(tables)), replace=False)
            x = np.vstack([inputs[i] for i in picked])
            ends = np.cumsum([0] + [len(inputs[i]) for i in picked])
            weights, bias, output = self.parts
            # Jitter stands for the textures that were not drawn.
            x = x + np.float32(options["jitter"]) * rng.standard_normal(x.shape, np.float32)
            units = np.tanh(x @ weights.T + bias)
            score = units @ output
            change = np.zeros_like(score)
            for order, i in enumerate(picked):
                part = slice(ends[order], ends[order + 1])
                odds = softmax(score[part])
                right = odds * tables[i][1]
                change[part] = (odds - right / max(right.sum(), 1e-12)) / len(picked)
            back = np.outer(change, output) * (1 - units**2)
            gradients = [back.T @ x + decay * weights, back.sum(0), units.T @ change + decay * output]
            rate = RATE * (1 - step / options["steps"]) ** 0.5
            for k, gradient in enumerate(gradients):
                first[k] = 0.9 * first[k] + 0.1 * gradient
                second[k] = 0.99 * second[k] + 0.01 * gradient**2
                ahead = first[k] / (1 - 0.9**step)
                self.parts[k] = self.parts[k] - rate * ahead / (np.sqrt(second[k] / (1 - 0.99**step)) + 1e-8)
                self.parts[k] = self.parts[k].astype(np.float32)

    def standard(self, x):
        return np.clip((x - self.centres) * self.scales, -STANDARD_MAX, STANDARD_MAX)

    def score(self, x):
        weights, bias, output = self.parts
        return np.tanh(self.standard(x) @ weights.T + bias) @ output


class Average:
    """Networks side by side as one whose score is their mean."""

    def __init__(self, members):
        self.centres, self.scales = members[0].centres, members[0].scales
        weights = [member.parts[0] * member.scales / self.scales for member in members]
        shifts = [member.parts[0] * member.scales * (self.centres - member.centres) for member in members]
        biases = [member.parts[1] + shift.sum(1) for member, shift in zip(members, shifts)]
        outputs = [member.parts[2] / len(members) for member in members]
        self.parts = [np.vstack(weights), np.concatenate(biases), np.concatenate(outputs)]

    standard, score = Network.standard, Network.score


def near_pace(clips):
    """Drops keyboard pieces the more, the further they are from a walking pace."""
    rng = np.random.default_rng(0)
    for clip in clips:
        octaves = np.log2(clip["clip"]["bpm"] / PACE_BPM) / PACE_OCTAVES
        if clip["clip"]["kind"] != "own-keyboard" or rng.random() < max(np.exp(-0.5 * octaves**2), PACE_FLOOR):
            yield clip


def fit_level(clips, members=None):
    """All readings of the right tempo are right, in whatever phase."""
    table = lambda part: [(clip["level"], clip["tempo"]) for clip in part if clip["tempo"].any()]
    tables = [table(clips), table(list(near_pace(clips)))]
    return Average([Network(tables[k % 2], LEVEL, k + 1) for k in range(members or LEVEL["members"])])


def fit_phase(clips, members=None):
    """Only readings of the right tempo take part, where they differ."""
    tables = []
    for clip in clips:
        right = clip["right"][clip["tempo"]]
        if right.any() and not right.all():
            tables.append((clip["phase"][clip["tempo"]], right))
    return Average([Network(tables, PHASE, k + 1) for k in range(members or PHASE["members"])])


def choose(phase, clip, same):
    """The reading of one tempo that the analyzer takes: by all readings with the same beats."""
    score = phase.score(clip["phase"]) + LEVEL_SHARE * np.log(clip["odds"] + 1e-9)
    shares = softmax(np.where(same, score, -np.inf))
    of_group = np.array([shares[clip["group"] == group].sum() for group in clip["group"]])
    return np.where(same, of_group + 1e-6 * shares, -1).argmax()


def report_phase(clips):
    """Tells how the phase network does at the right tempo on styles that it was not fitted on."""
    styles = np.random.default_rng(5).permutation(sorted({clip["style"] for clip in clips}))
    beats = {}
    for fold in range(FOLDS):
        left_out = set(styles[fold::FOLDS])
        phase = fit_phase([clip for clip in clips if clip["style"] not in left_out], 2)
        for clip in clips:
            if clip["style"] in left_out and clip["tempo"].any():
                found = clip["f"][choose(phase, clip, clip["tempo"])], clip["f"][clip["tempo"]].max()
                for name in (clip["style"], clip["clip"]["kind"]):
                    beats.setdefault(name, []).append(found)
    for name, values in sorted(beats.items()):
        found, reachable = np.mean(values, 0)
        print(f"left out: {name:14s} n {len(values):4d} beats {found:.3f} reachable {reachable:.3f}", file=sys.stderr)


def rust_list(values):
    words = [repr(round(float(np.float32(value)), 4)) for value in values]
    return "[" + ", ".join(words) + "]"


HEADER = """//! {what}
//!
//! Fitted on random pieces that were composed and rendered for it: songs for a band in eighteen
//! styles and keyboard pieces played with human timing. No recorded music and no clip of an evaluation
//! kit took part. Not edited by hand; made from the repository's root by
//!
//! ```text
//! python3 eval/tools/make_training_clips.py CLIPS FluidR3_GM.sf2 540 700 300000
//! cargo run --release -p leitmotif-eval -- audio --data CLIPS --verbose --readings > READINGS
//! python3 eval/tools/fit_rhythm_weights.py crates/analysis/src/audio {tables} READINGS
//! cargo fmt --all
//! ```
"""

NETWORK = """
#![allow(
    clippy::approx_constant,
    reason = "weights that happen to be near a constant"
)]

use super::network::Network;
use super::{module}::{size};

/// {text}
#[rustfmt::skip]
pub(crate) static {name}: Network<{size}, {units}> = Network {{
"""


def write_network(path, network, what, module, size, text, name):
    weights, bias, output = network.parts
    with open(path, "w") as file:
        file.write(HEADER.format(what=what, tables=module.split("_")[0].replace("reading", "level")))
        file.write(NETWORK.format(module=module, size=size, text=text, name=name, units=len(bias)))
        file.write(f"    centres: {rust_list(network.centres)},\n    scales: {rust_list(network.scales)},\n")
        file.write("    hidden_weights: [\n")
        file.writelines(f"        {rust_list(row)},\n" for row in weights)
        file.write(f"    ],\n    hidden_biases: {rust_list(bias)},\n    output_weights: {rust_list(output)},\n}};\n")


def main():
    folder, tables = sys.argv[1], sys.argv[2].split(",")
    clips = [clip for path in sys.argv[3:] for clip in read(path)]
    if "level" in tables:
        write_network(
            f"{folder}/level_weights.rs", fit_level(clips), "Weights of the network that finds the beat level.",
            "reading_features", "FEATURE_COUNT", "Scores how plausible the beats of a reading are as beats.", "LEVEL_NETWORK",
        )
    if "phase" in tables:
        report_phase(clips)
        write_network(
            f"{folder}/phase_weights.rs", fit_phase(clips), "Weights of the network that finds the beat among off-beats.",
            "phase_features", "PHASE_FEATURE_COUNT", "Scores readings of one tempo by where their beats fall.", "PHASE_NETWORK",
        )


if __name__ == "__main__":
    main()
