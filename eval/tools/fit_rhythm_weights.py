"""Fits the network that judges readings of the metre and what its confidence goes by; writes their Rust tables.

Usage: fit_rhythm_weights.py RUST_FILE OUTPUT...
The inputs are what `leitmotif-eval audio --verbose --readings` printed for the clips that the header of the Rust file
names; no other music takes part. Same inputs give the same bytes. Needs numpy; takes minutes, most of them for the
confidence, which is fitted on what networks say of clips that they have not heard.
"""

import json
import multiprocessing
import os
import sys

# One thread each, so that sums are made in one order; several networks are fitted at a time instead.
for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ[f"{library}_NUM_THREADS"] = "1"

import numpy as np

BATCH, RATE, STANDARD_MAX = 96, 0.005, 4.0
# Units of one network, steps, decay, jitter of the inputs and networks that are averaged.
HIDDEN, STEPS, DECAY, JITTER, MEMBERS = 48, 700, 0.02, 0.8, 4
# Keyboard pieces are the most of what is heard, and songs the most of what is asked.
SONG_WEIGHT = 4.0
# Least beat F-measure of a right reading, and how far it may stay under the best of the clip.
BEATS_RIGHT, BEATS_SLACK = 0.5, 0.05
SAME_TEMPO = 0.04
# One over the least spread of an input that says something.
SCALE_MAX = 1e4
# Parts of the clips, and networks averaged for each, of what confidences are fitted on: what is said of one by networks
# that heard the others. Of the demo they hear nothing, for most music is of composers that were never heard.
FOLDS, FOLD_MEMBERS, NEVER_HEARD = 3, 3, "demo"
LOG_ODDS_MAX, CONFIDENCE_SHRINKAGE = 9.2, 1e-3
# Of the tracks of a library one in twenty is taken to be a keyboard piece; confidences hold for such a mix.
KEYBOARD_SHARE = 0.05
# The compound style of another composer tells whether what was learnt holds beyond these clips.
KEPT_OUT = {"soul"}
# Upper numbers of signatures in compound time, how many inputs tell how beats divide, and the shrinkage of their weights.
COMPOUND_METRES, DIVISION_COUNT, COMPOUND_SHRINKAGE = (6, 9, 12), 14, 1e-3


def read(path):
    for line in open(path):
        clip = json.loads(line) if line.startswith("{") else {}
        readings = clip.pop("readings", None)
        if not readings or clip.get("bpm") is None:
            continue
        bpm = np.array([reading["bpm"] for reading in readings])
        beat_f = np.array([-1 if r["beat_f"] is None else r["beat_f"] for r in readings])
        is_tempo = np.abs(bpm / clip["bpm"] - 1) < SAME_TEMPO
        reached = beat_f[is_tempo].max() if is_tempo.any() else 0.0
        described = [r["features"] + r["division_features"] + r["phase_features"] for r in readings]
        yield {
            "clip": clip,
            "style": clip["genre"].split("_")[0],
            "is_keyboard": clip["kind"] == "own-keyboard",
            "described": np.array(described, np.float32),
            "division": np.array([r["division_features"] for r in readings], np.float64),
            "bpm": bpm,
            "f": beat_f,
            "right": is_tempo & (beat_f > max(BEATS_RIGHT, reached - BEATS_SLACK)),
        }


def inputs(clip):
    """What describes each reading, and what it is over the mean of the track."""
    return np.hstack([clip["described"], clip["described"] - clip["described"].mean(0)])


def softmax(score):
    odds = np.exp(score - score.max())
    return odds / odds.sum()


class Network:
    """One hidden layer; learns to give the right rows of each table the largest share of a softmax."""

    def __init__(self, tables, seed):
        rng = np.random.default_rng(seed)
        rows = np.vstack([table[0] for table in tables])
        self.centres, self.scales, count = rows.mean(0), 1.0 / (rows.std(0) + 1e-6), rows.shape[1]
        self.parts = [rng.normal(0, 1.0 / np.sqrt(count), (HIDDEN, count)), np.zeros(HIDDEN), rng.normal(0, 0.3, HIDDEN)]
        self.parts = [part.astype(np.float32) for part in self.parts]
        standard = [self.standard(table[0]) for table in tables]
        first = [np.zeros_like(part) for part in self.parts]
        second = [np.zeros_like(part) for part in self.parts]
        for step in range(1, STEPS + 1):
            picked = rng.choice(len(tables), min(BATCH, len(tables)), replace=False)
            gradients = self.gradients([standard[i] for i in picked], [tables[i] for i in picked], rng)
            rate = RATE * (1 - step / STEPS) ** 0.5
            for k, gradient in enumerate(gradients):
                first[k] = 0.9 * first[k] + 0.1 * gradient
                second[k] = 0.99 * second[k] + 0.01 * gradient**2
                ahead = first[k] / (1 - 0.9**step)
                self.parts[k] = self.parts[k] - rate * ahead / (np.sqrt(second[k] / (1 - 0.99**step)) + 1e-8)
                self.parts[k] = self.parts[k].astype(np.float32)

    def gradients(self, standard, tables, rng):
        weights, bias, output = self.parts
        x = np.vstack(standard)
        ends = np.cumsum([0] + [len(rows) for rows in standard])
        # Jitter stands for the textures that were not drawn.
        x = x + np.float32(JITTER) * rng.standard_normal(x.shape, np.float32)
        units = np.tanh(x @ weights.T + bias)
        score = units @ output
        change = np.zeros_like(score)
        for order, (_, is_right, weight) in enumerate(tables):
            part = slice(ends[order], ends[order + 1])
            odds = softmax(score[part])
            right = odds * is_right
            change[part] = (odds - right / max(right.sum(), 1e-12)) * weight / len(tables)
        back = np.outer(change, output) * (1 - units**2)
        return [back.T @ x + DECAY * weights, back.sum(0), units.T @ change + DECAY * output]

    def standard(self, x):
        return np.clip((x - self.centres) * self.scales, -STANDARD_MAX, STANDARD_MAX)

    def score(self, x):
        weights, bias, output = self.parts
        return np.tanh(self.standard(x) @ weights.T + bias) @ output


class Average:
    """Networks side by side as one whose score is their mean; all have heard the same clips."""

    def __init__(self, members):
        self.centres, self.scales = members[0].centres, members[0].scales
        parts = list(zip(*(member.parts for member in members)))
        self.parts = [np.vstack(parts[0]), np.concatenate(parts[1]), np.concatenate(parts[2]) / len(members)]

    standard, score = Network.standard, Network.score


def fit_member(seed):
    return Network(TABLES, seed)


def fit_network(clips, members=MEMBERS):
    """Networks of the first seeds, fitted side by side; the tables go with the fork."""
    global TABLES
    weight = lambda clip: 1.0 if clip["is_keyboard"] else SONG_WEIGHT
    TABLES = [(inputs(clip), clip["right"], weight(clip)) for clip in clips if clip["right"].any()]
    with multiprocessing.get_context("fork").Pool() as pool:
        network = Average(pool.map(fit_member, range(1, members + 1), chunksize=1))
    TABLES = []
    return network


def tempo_of(clip, score):
    """The tempo that the analyzer takes, by all readings that agree on it, and their share."""
    odds, bpm = softmax(np.float64(score)), clip["bpm"]
    shares = (np.abs(bpm[None] / bpm[:, None] - 1) < SAME_TEMPO) @ odds
    best = shares.argmax()
    return bpm[best], shares[best]


def fit_logistic(x, y, weights, shrinkage):
    """Weights and offset of log odds; rows count by their weights, and inputs are shrunk by their spread."""
    weights = weights / weights.sum()
    centres = weights @ x
    scales = 1.0 / np.sqrt(weights @ (x - centres) ** 2)
    rows = np.hstack([(x - centres) * scales, np.ones((len(x), 1))])
    ridge = np.diag([shrinkage] * x.shape[1] + [0.0])
    slopes = np.zeros(x.shape[1] + 1)
    for _ in range(40):
        odds = 1.0 / (1.0 + np.exp(-rows @ slopes))
        curvature = rows.T @ (rows * (weights * odds * (1 - odds))[:, None]) + ridge
        slopes += np.linalg.solve(curvature, rows.T @ (weights * (y - odds)) - ridge @ slopes)
    scaled = slopes[:-1] * scales
    return np.append(scaled, slopes[-1] - scaled @ centres)


def is_compound(clip):
    return clip["clip"]["metre_label"] in COMPOUND_METRES


def fit_compound(clips):
    """Log odds that a reading with the right beats is in compound time; of songs, for keyboard pieces hide it."""
    clips = [clip for clip in clips if not clip["is_keyboard"] and clip["style"] not in KEPT_OUT]
    best = [clip["f"].argmax() for clip in clips]
    pairs = [(clip, at) for clip, at in zip(clips, best) if clip["right"][at]]
    x = np.array([clip["division"][at] for clip, at in pairs])
    y = np.array([is_compound(clip) for clip, _ in pairs], np.float64)
    slopes = fit_logistic(x, y, np.ones(len(y)), COMPOUND_SHRINKAGE)
    is_right = (x @ slopes[:-1] + slopes[-1] > 0) == (y > 0)
    told = [f"{clip['clip']['genre']} {int(right)}" for (clip, _), right in zip(pairs, is_right)]
    for name in sorted(set(told)):
        print(f"compound: {name} n {told.count(name)}", file=sys.stderr)
    return slopes


def log_odds(share):
    """As `confidence.rs` has it: a share that rounds to all or nothing says no more than its bound."""
    return np.clip(np.log(share) - np.log(max(1.0 - share, 1e-12)), -LOG_ODDS_MAX, LOG_ODDS_MAX)


def group_of(clip):
    """Keyboards, songs of the composer that the networks hear most of, and those of one that they may not have heard."""
    return "keyboards" if clip["is_keyboard"] else NEVER_HEARD if clip["clip"]["kind"] == NEVER_HEARD else "songs"


def fit_confidence(clips):
    """Log odds that a tempo is right, by those of its share, in a library of keyboards and songs never heard."""
    fold_of = np.random.default_rng(5).permutation(np.arange(len(clips)) % FOLDS)
    groups = np.array([group_of(clip) for clip in clips])
    x, y = np.zeros((len(clips), 1)), np.zeros(len(clips))
    for fold in range(FOLDS):
        is_heard = (fold_of != fold) & (groups != NEVER_HEARD)
        network = fit_network([clips[at] for at in np.flatnonzero(is_heard)], FOLD_MEMBERS)
        for at in np.flatnonzero(fold_of == fold):
            bpm, share = tempo_of(clips[at], network.score(inputs(clips[at])))
            x[at], y[at] = log_odds(share), abs(bpm / clips[at]["clip"]["bpm"] - 1) <= SAME_TEMPO
    is_told = groups != "songs"
    shares = {"keyboards": KEYBOARD_SHARE, NEVER_HEARD: 1.0 - KEYBOARD_SHARE}
    weights = np.array([shares[group] / (groups == group).sum() for group in groups[is_told]])
    slopes = fit_logistic(x[is_told], y[is_told], weights, CONFIDENCE_SHRINKAGE)
    told = 1.0 / (1.0 + np.exp(-(x @ slopes[:-1] + slopes[-1])))
    for group in sorted(set(groups)):
        part = groups == group
        print(f"not heard: {group} n {part.sum()} right {y[part].mean():.3f} confidence {told[part].mean():.3f}", file=sys.stderr)
    return slopes


def rust_list(values):
    words = [repr(round(float(np.float32(value)), 4)) for value in values]
    return "[" + ", ".join(words) + "]"


HEADER = """//! Weights of the network that judges readings of the metre, of what its confidence goes by, and of compound time.
//!
//! Fitted on random pieces that were composed and rendered for it: songs for a band in eighteen styles, in compound time,
//! in three-four and in swung sixteenths, keyboard pieces played with human timing, among them pieces that put the beat in
//! doubt as baroque ones do, and songs of the demo's synthesiser. No recorded music and no clip of an evaluation kit took
//! part. Not edited by hand; made from the repository's root by
//!
//! ```text
//! python3 eval/tools/make_training_clips.py CLIPS FluidR3_GM.sf2 540 700 300000
//! python3 eval/tools/make_training_clips.py BAROQUE FluidR3_GM.sf2 0 1000 700000 baroque
//! python3 eval/tools/make_training_clips.py DIMINUTION FluidR3_GM.sf2 0 240 900000 diminution
//! python3 eval/tools/make_training_clips.py COMPOUND FluidR3_GM.sf2 160 0 400000 compound
//! python3 eval/tools/make_training_clips.py TRIPLE FluidR3_GM.sf2 160 0 500000 triple
//! python3 eval/tools/make_training_clips.py SWUNG FluidR3_GM.sf2 40 0 600000 swung
//! cargo run --release -p leitmotif-eval -- songs --out SONGS --seed 60000 --count 10
//! cargo run --release -p leitmotif-eval -- audio --data CLIPS --verbose --readings > READINGS
//! python3 eval/tools/fit_rhythm_weights.py crates/analysis/src/audio/reading_weights.rs READINGS
//! cargo fmt --all
//! ```
//!
//! The clips of all seven folders are read and their readings given in this order.

#![allow(
    clippy::approx_constant,
    reason = "weights that happen to be near a constant"
)]

use super::network::Network;
use super::reading_network::READING_INPUT_COUNT;

/// Scores how plausible the beats of a reading are, beside those of the others of its track.
#[rustfmt::skip]
pub(crate) static READING_NETWORK: Network<READING_INPUT_COUNT, {units}> = Network {{
"""
CONFIDENCE = """
/// Weight of the log odds of a tempo's share in those that it is right, and the offset: fitted on clips as told by networks
/// that had not heard them, one keyboard piece for nineteen songs of a composer that they had not heard.
pub(crate) static TEMPO_CONFIDENCE: [f64; {count}] = {values};
"""
COMPOUND = """
/// Weights of the division features in the log odds of compound time, and the offset.
pub(crate) static COMPOUND: [f64; {count}] = {values};
"""


def write(path, network, confidence, compound):
    weights, bias, output = network.parts
    # The texture is the same for all readings of a track: over their mean it is nothing but rounding.
    scales = np.where(network.scales > SCALE_MAX, 0.0, network.scales)
    with open(path, "w") as file:
        file.write(HEADER.format(units=len(bias)))
        file.write(f"    centres: {rust_list(network.centres)},\n    scales: {rust_list(scales)},\n")
        file.write("    input_weights: [\n")
        file.writelines(f"        {rust_list(row)},\n" for row in weights.T)
        file.write(f"    ],\n    hidden_biases: {rust_list(bias)},\n    output_weights: {rust_list(output)},\n}};\n")
        for text, values in ((CONFIDENCE, confidence), (COMPOUND, compound)):
            file.write(text.format(count=len(values), values=rust_list(values)))


def main():
    clips = [clip for path in sys.argv[2:] for clip in read(path)]
    write(sys.argv[1], fit_network(clips), fit_confidence(clips), fit_compound(clips))


if __name__ == "__main__":
    main()
