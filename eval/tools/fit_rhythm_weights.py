"""Fits the networks that judge readings of the metre; writes their Rust tables.

Usage: fit_rhythm_weights.py RUST_FOLDER TABLES OUTPUT...
The inputs are what `leitmotif-eval audio --verbose --readings` printed for the clips of
make_training_clips.py but its `sequence` pieces, which are kept to judge on; no other music takes part. TABLES names what to fit, with commas between:
`level` (how fast the beat is), `division` (what compound time changes of that), `keyboard` (what keyboards change of
both), `phase` (where the beat falls at that speed). Each becomes
`<table>_weights.rs` in the folder; same inputs give the same bytes. Needs numpy.
"""

import json
import sys

import numpy as np

BATCH, RATE, STANDARD_MAX = 96, 0.005, 4.0
# Units of one network, steps, decay, jitter of the inputs and networks that are averaged.
LEVEL = {"hidden": 24, "steps": 700, "decay": 0.01, "jitter": 0.5, "members": 4}
DIVISION = {"hidden": 16, "steps": 400, "decay": 0.04, "jitter": 0.1, "members": 4}
KEYBOARD = {"hidden": 20, "steps": 400, "decay": 0.01, "jitter": 0.5, "members": 3}
# Share of what the keyboard network learnt that counts, and weight of a band in its fit, which sees few of them.
KEYBOARD_SHARE, BAND_WEIGHT = 0.4, 4.0
PHASE = {"hidden": 16, "steps": 600, "decay": 0.02, "jitter": 0.5, "members": 8}
# Keyboard pieces of this manner are heard by half of the phase networks only: left-out pieces are told as well without them,
# and networks that differ err less together.
DIMINUTION = "diminution"
# Half of the level networks see keyboard pieces near a walking pace only.
PACE_BPM, PACE_OCTAVES, PACE_FLOOR = 74.0, 0.45, 0.07
# Least beat F-measure of a right reading, and how far it may stay under the best of the clip.
BEATS_RIGHT, BEATS_SLACK = 0.5, 0.05
FOLDS = 4
# The compound style of another composer tells whether what was learnt holds beyond these clips.
KEPT_OUT = {"soul"}
# Weight of keyboard pieces in simple time, whose beats the network otherwise hears worse for the sake of bands.
KEYBOARD_WEIGHT = 2.5
# Upper numbers of signatures in compound time, how many inputs tell how beats divide, and the shrinkage of their weights.
COMPOUND_METRES, DIVISION_COUNT, COMPOUND_SHRINKAGE = (6, 9, 12), 14, 1e-3
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
            "division": np.array([r["features"] + r["division_features"] for r in readings], np.float32),
            "known_division": np.array([reading["division_score"] for reading in readings], np.float32),
            "level_score": np.array([reading["level_score"] for reading in readings], np.float32),
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
    """One hidden layer; learns to give the right rows of each table the largest share of a softmax.

    Where a table has scores and a weight as well, what is learnt is added to them, and counts by the weight.
    """

    def __init__(self, tables, options, seed):
        rng = np.random.default_rng(seed)
        rows = np.vstack([table[0] for table in tables])
        self.centres, self.scales = rows.mean(0), 1.0 / (rows.std(0) + 1e-6)
        hidden, decay, count = options["hidden"], options["decay"], rows.shape[1]
        self.parts = [rng.normal(0, 1.0 / np.sqrt(count), (hidden, count)), np.zeros(hidden), rng.normal(0, 0.3, hidden)]
        self.parts = [part.astype(np.float32) for part in self.parts]
        inputs = [self.standard(table[0]) for table in tables]
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
                known, weight = tables[i][2:] or (0.0, 1.0)
                odds = softmax(score[part] + known)
                right = odds * tables[i][1]
                change[part] = (odds - right / max(right.sum(), 1e-12)) * weight / len(picked)
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
    """The right tempo in its right phase is right, and in any phase where none is: the choice of the phase listens to this network too."""
    target = lambda clip: clip["right"] if clip["right"].any() else clip["tempo"]
    table = lambda part: [(clip["level"], target(clip)) for clip in part if clip["tempo"].any()]
    tables = [table(clips), table(list(near_pace(clips)))]
    return Average([Network(tables[k % 2], LEVEL, k + 1) for k in range(members or LEVEL["members"])])


def is_compound(clip):
    return clip["clip"]["metre_label"] in COMPOUND_METRES


def fit_division(clips, members=None):
    """Adds to the level network, which stays as it is, what it did not hear: beats that divide into three."""
    clips = [clip for clip in clips if clip["style"] not in KEPT_OUT]
    is_hidden = lambda clip: clip["clip"]["kind"] == "own-keyboard" and not is_compound(clip)
    weight = lambda clip: KEYBOARD_WEIGHT if is_hidden(clip) else 1.0
    tables = [(clip["division"], clip["tempo"], clip["level_score"], weight(clip)) for clip in clips if clip["tempo"].any()]
    return Average([Network(tables, DIVISION, k + 1) for k in range(members or DIVISION["members"])])


def fit_keyboard(clips):
    """Adds to the level and the division network what keyboards say of the tempo; only a share of it counts."""
    known = lambda clip: clip["level_score"] + clip["known_division"]
    weight = lambda clip: 1.0 if clip["clip"]["kind"] == "own-keyboard" else BAND_WEIGHT
    tables = [(clip["division"], clip["tempo"], known(clip), weight(clip)) for clip in clips if clip["tempo"].any()]
    network = Average([Network(tables, KEYBOARD, k + 1) for k in range(KEYBOARD["members"])])
    network.parts[2] = network.parts[2] * KEYBOARD_SHARE
    return network


def fit_compound(clips):
    """Weights and offset of the log odds that a reading with the right beats is in compound time."""
    clips = [clip for clip in clips if clip["style"] not in KEPT_OUT]
    best = [clip["f"].argmax() for clip in clips]
    pairs = [(clip, at) for clip, at in zip(clips, best) if clip["right"][at]]
    x = np.array([clip["division"][at, -DIVISION_COUNT:] for clip, at in pairs], np.float64)
    y = np.array([is_compound(clip) for clip, _ in pairs], np.float64)
    centres, scales = x.mean(0), 1.0 / x.std(0)
    x = np.hstack([(x - centres) * scales, np.ones((len(x), 1))])
    ridge = np.diag([COMPOUND_SHRINKAGE * len(x)] * DIVISION_COUNT + [0.0])
    weights = np.zeros(DIVISION_COUNT + 1)
    for _ in range(40):
        odds = 1.0 / (1.0 + np.exp(-x @ weights))
        curvature = x.T @ (x * (odds * (1 - odds))[:, None]) + ridge
        weights += np.linalg.solve(curvature, x.T @ (y - odds) - ridge @ weights)
    is_right = (x @ weights > 0) == (y > 0)
    told = [f"{clip['clip']['genre']} {int(right)}" for (clip, _), right in zip(pairs, is_right)]
    for name in sorted(set(told)):
        print(f"compound: {name} n {told.count(name)}", file=sys.stderr)
    slopes = weights[:-1] * scales
    return np.append(slopes, weights[-1] - slopes @ centres)


def fit_phase(clips, members=None):
    """Only readings of the right tempo take part, where they differ."""
    tables = [], []
    for clip in clips:
        right = clip["right"][clip["tempo"]]
        if right.any() and not right.all():
            row = clip["phase"][clip["tempo"]], right
            tables[0].append(row)
            if clip["style"] != DIMINUTION:
                tables[1].append(row)
    return Average([Network(tables[k % 2], PHASE, k + 1) for k in range(members or PHASE["members"])])


def choose(phase, clip, same):
    """The reading of one tempo that the analyzer takes: by all readings with the same beats."""
    score = phase.score(clip["phase"]) + LEVEL_SHARE * np.log(clip["odds"] + 1e-9)
    shares = softmax(np.where(same, score, -np.inf))
    of_group = np.array([shares[clip["group"] == group].sum() for group in clip["group"]])
    return np.where(same, of_group + 1e-6 * shares, -1).argmax()


def tempo_of(clip, score):
    """The tempo that the analyzer takes: by all readings that agree on it."""
    odds, bpm = softmax(score), clip["bpm"]
    return bpm[np.argmax([odds[np.abs(bpm / one - 1) < 0.04].sum() for one in bpm])]


def report_division(clips):
    """Tells how often the tempo is right without and with the division network on styles left out of its fit."""
    styles = np.random.default_rng(5).permutation(sorted({clip["clip"]["genre"] for clip in clips}))
    found = {}
    for fold in range(FOLDS):
        left_out = set(styles[fold::FOLDS])
        division = fit_division([clip for clip in clips if clip["clip"]["genre"] not in left_out], 2)
        for clip in clips:
            if clip["clip"]["genre"] in left_out:
                scores = [clip["level_score"], clip["level_score"] + division.score(clip["division"])]
                hits = [abs(tempo_of(clip, score) / clip["clip"]["bpm"] - 1) <= 0.04 for score in scores]
                for name in (clip["clip"]["genre"], clip["clip"]["kind"]):
                    found.setdefault(name, []).append(hits + [clip["tempo"].any()])
    for name, values in sorted(found.items()):
        before, after, reachable = np.mean(values, 0)
        line = f"left out: {name:20s} n {len(values):4d} level {before:.3f} with division {after:.3f} reachable {reachable:.3f}"
        print(line, file=sys.stderr)


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
//! styles and keyboard pieces played with human timing{also}. No recorded music and no clip of an
//! evaluation kit took part. Not edited by hand; made from the repository's root by
//!
//! ```text
//! python3 eval/tools/make_training_clips.py CLIPS FluidR3_GM.sf2 {counts} 300000
{clips}//! cargo run --release -p leitmotif-eval -- audio --data CLIPS --verbose --readings > READINGS
//! python3 eval/tools/fit_rhythm_weights.py crates/analysis/src/audio {table} READINGS
//! cargo fmt --all
//! ```
{rest}"""
LEVEL_HEADER = {
    "counts": "540 700",
    "also": ", and songs of the demo's synthesiser",
    "clips": """//! cargo run --release -p leitmotif-eval -- songs --out SONGS --seed 60000 --count 10
""",
    "rest": """//!
//! The clips of both folders are read and their readings given in this order.
""",
}
PHASE_HEADER = {
    "counts": "180 580",
    "also": ", among them pieces\n//! that put the beat in doubt as baroque ones do",
    "clips": """//! python3 eval/tools/make_training_clips.py BAROQUE FluidR3_GM.sf2 0 1760 700000 baroque
//! python3 eval/tools/make_training_clips.py DIMINUTION FluidR3_GM.sf2 0 700 900000 diminution
""",
    "rest": """//!
//! The clips of all three folders are read and their readings given in this order.
""",
}
KEYBOARD_HEADER = {
    **PHASE_HEADER,
    "also": PHASE_HEADER["also"] + ";\n//! also songs in compound time, in three-four and in swung sixteenths",
    "clips": PHASE_HEADER["clips"] + """//! python3 eval/tools/make_training_clips.py COMPOUND FluidR3_GM.sf2 66 0 400000 compound
//! python3 eval/tools/make_training_clips.py TRIPLE FluidR3_GM.sf2 40 0 500000 triple
//! python3 eval/tools/make_training_clips.py SWUNG FluidR3_GM.sf2 40 0 600000 swung
""",
    "rest": """//!
//! The clips of all six folders are read and their readings given in this order.
""",
}
DIVISION_HEADER = {
    "counts": "540 700",
    "also": "; also songs in compound time, in\n//! three-four and in swung sixteenths, and songs of the demo's synthesiser but soul",
    "clips": """//! python3 eval/tools/make_training_clips.py COMPOUND FluidR3_GM.sf2 286 0 400000 compound
//! python3 eval/tools/make_training_clips.py TRIPLE FluidR3_GM.sf2 160 0 500000 triple
//! python3 eval/tools/make_training_clips.py SWUNG FluidR3_GM.sf2 100 0 600000 swung
//! cargo run --release -p leitmotif-eval -- songs --out SONGS --seed 60000 --count 6
""",
    "rest": """//!
//! The clips of all five folders are read and their readings given in this order.
""",
}

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


def write_network(path, table, network, what, module, size, text, name):
    weights, bias, output = network.parts
    with open(path, "w") as file:
        further = {"division": DIVISION_HEADER, "keyboard": KEYBOARD_HEADER, "phase": PHASE_HEADER}.get(table, LEVEL_HEADER)
        file.write(HEADER.format(what=what, table=table, **further))
        file.write(NETWORK.format(module=module, size=size, text=text, name=name, units=len(bias)))
        file.write(f"    centres: {rust_list(network.centres)},\n    scales: {rust_list(network.scales)},\n")
        file.write("    hidden_weights: [\n")
        file.writelines(f"        {rust_list(row)},\n" for row in weights)
        file.write(f"    ],\n    hidden_biases: {rust_list(bias)},\n    output_weights: {rust_list(output)},\n}};\n")


def write_compound(path, weights):
    with open(path, "a") as file:
        file.write("\n/// Weights of the division features in the log odds of compound time, and the offset.\n")
        file.write(f"pub(crate) static COMPOUND: [f64; {len(weights)}] = {rust_list(weights)};\n")


def main():
    folder, tables = sys.argv[1], sys.argv[2].split(",")
    clips = [clip for path in sys.argv[3:] for clip in read(path)]
    if "level" in tables:
        write_network(
            f"{folder}/level_weights.rs", "level", fit_level(clips), "Weights of the network that finds the beat level.",
            "reading_features", "FEATURE_COUNT", "Scores how plausible the beats of a reading are as beats.", "LEVEL_NETWORK",
        )
    if "division" in tables:
        report_division(clips)
        write_network(
            f"{folder}/division_weights.rs", "division", fit_division(clips), "Weights of the network that knows beats which divide into three.",
            "division_features", "DIVISION_INPUT_COUNT", "Corrects the score of the level network by how beats divide.", "DIVISION_NETWORK",
        )
        write_compound(f"{folder}/division_weights.rs", fit_compound(clips))
    if "keyboard" in tables:
        write_network(
            f"{folder}/keyboard_weights.rs", "keyboard", fit_keyboard(clips), "Weights of the network that corrects the tempo of keyboards.",
            "division_features", "DIVISION_INPUT_COUNT", "Corrects the sum of the level and the division network.", "KEYBOARD_NETWORK",
        )
    if "phase" in tables:
        report_phase(clips)
        write_network(
            f"{folder}/phase_weights.rs", "phase", fit_phase(clips), "Weights of the network that finds the beat among off-beats.",
            "phase_features", "PHASE_FEATURE_COUNT", "Scores readings of one tempo by where their beats fall.", "PHASE_NETWORK",
        )


if __name__ == "__main__":
    main()
