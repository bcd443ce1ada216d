"""Fits the weights that tell keys from profiles; writes their Rust table.

Usage: fit_key_weights.py RUST_FILE OUTPUT...
The inputs are what `leitmotif-eval audio --verbose --keys` printed for clips of make_training_clips.py and for songs of
`leitmotif-eval songs`; no other music takes part. Clips whose key changes are left out. Tells on standard error how each
composer's music is told by weights that heard the others alone, which the confidence is fitted on too. Same inputs give the same bytes. Needs numpy.
"""

import json
import sys

import numpy as np

# Steps of the fit, pieces a step, rate, shrinkage of the weights and jitter of the inputs.
STEPS, BATCH, RATE, DECAY, JITTER = 1200, 96, 0.005, 0.003, 0.5
STANDARD_MAX = 4.0
# Least share that counts in a lead, as in the analyzer.
SHARE_MIN = 1e-4
# A piece of a composer with few counts as much as this share of evenly heard composers gives it.
EVENNESS = 0.5
# What the votes of the published profiles count beside what is learnt (of the whole, of the segments, of the opening; places
# of the major half among the profiles). Learnt weights know their composers' habits; with these votes they tell the
# music of a composer that was left out better: 0.938 in the mean, without them 0.934, with twice the weight 0.935.
VOTES = {2: 1.0, 4: 1.0, 6: 0.53}


def read(path):
    for line in open(path):
        clip = json.loads(line) if line.startswith("{") else {}
        if clip.get("key_profiles") and clip.get("mirex") is not None:
            tonic, is_minor = clip["key"]
            yield {"profiles": np.array(clip["key_profiles"]), "key": tonic + 12 * is_minor, "composer": path}


def turned(profiles):
    """One row a tonic: all profiles from that degree on."""
    return np.array([np.roll(profiles, -tonic, 1).ravel() for tonic in range(12)], np.float32)


class Weights:
    """A linear score of 24 keys whose weights all tonics share, fitted as a logistic regression."""

    def __init__(self, clips):
        rng = np.random.default_rng(1)
        profiles = np.array([clip["profiles"] for clip in clips])
        self.centres = profiles.mean((0, 2))
        self.scales = 1.0 / (profiles.std((0, 2)) + 1e-6)
        x = np.array([turned(self.standard(clip["profiles"])) for clip in clips])
        keys = np.array([clip["key"] for clip in clips])
        composers = [clip["composer"] for clip in clips]
        odds = np.array([composers.count(composer) ** -EVENNESS for composer in composers])
        odds /= odds.sum()
        parts = [np.zeros((x.shape[2], 2), np.float32), np.zeros(2, np.float32)]
        first, second = ([np.zeros_like(part) for part in parts] for _ in range(2))
        for step in range(1, STEPS + 1):
            picked = rng.choice(len(x), min(BATCH, len(x)), replace=False, p=odds)
            rows = x[picked] + np.float32(JITTER) * rng.standard_normal(x[picked].shape, np.float32)
            change = softmax(by_key(rows @ parts[0] + parts[1]))
            change[np.arange(len(picked)), keys[picked]] -= 1.0
            change = change.reshape(len(picked), 2, 12).transpose(0, 2, 1) / len(picked)
            gradients = [np.einsum("nti,ntm->im", rows, change) + DECAY * parts[0], change.sum((0, 1))]
            rate = RATE * (1 - step / STEPS) ** 0.5
            for part, mean, square, gradient in zip(parts, first, second, gradients):
                mean += 0.1 * (gradient - mean)
                square += 0.001 * (gradient**2 - square)
                part -= rate * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
        self.parts = parts
        self.add_votes()

    def add_votes(self):
        """Adds a vote of degree 0 for each profile of correlations, undoing what standardises it."""
        for place, weight in VOTES.items():
            for mode in (0, 1):
                self.parts[0][(place + mode) * 12, mode] += weight / self.scales[place + mode]
                self.parts[1][mode] += weight * self.centres[place + mode]

    def standard(self, profiles):
        return np.clip((profiles - self.centres[:, None]) * self.scales[:, None], -STANDARD_MAX, STANDARD_MAX)

    def shares(self, clip):
        rows = turned(self.standard(clip["profiles"]))
        return softmax(by_key((rows @ self.parts[0] + self.parts[1])[None]))[0]

    def tell(self, clip):
        return int(self.shares(clip).argmax())

    def evidence(self, clip):
        """Lead over the next best key as the analyzer measures it, and whether the key is right."""
        shares = self.shares(clip)
        best = np.maximum(np.sort(shares)[::-1], SHARE_MIN)
        return np.log(best[0] / best[1]), shares.argmax() == clip["key"]


def by_key(scores):
    """From [clips × tonics × modes] to [clips × 24]."""
    return scores.transpose(0, 2, 1).reshape(len(scores), 24)


def softmax(scores):
    odds = np.exp(scores - scores.max(1, keepdims=True))
    return odds / odds.sum(1, keepdims=True)


def mirex(truth, found):
    interval = (found - truth) % 12
    if truth // 12 == found // 12:
        return {0: 1.0, 5: 0.5, 7: 0.5}.get(interval, 0.0)
    return {0: 0.2, 3 if truth >= 12 else 9: 0.3}.get(interval, 0.0)


def fit_confidence(evidence):
    """Weight of the lead and offset of a logistic regression; steps of Newton's."""
    x = np.array([[lead, 1.0] for lead, _ in evidence])
    y = np.array([is_right for _, is_right in evidence], np.float64)
    weights = np.zeros(2)
    for _ in range(30):
        odds = 1.0 / (1.0 + np.exp(-x @ weights))
        curvature = x.T @ (x * (odds * (1 - odds))[:, None])
        weights += np.linalg.solve(curvature, x.T @ (y - odds))
    return weights


def fit(clips):
    """Weights by all clips, and the map of their confidence by each composer's clips as told by what heard the others."""
    weights, evidence = Weights(clips), []
    folds = [Weights([clip for order, clip in enumerate(clips) if order % 5 != fold]) for fold in range(5)]
    for composer in sorted({clip["composer"] for clip in clips}):
        of_it = [(order, clip) for order, clip in enumerate(clips) if clip["composer"] == composer]
        others = Weights([clip for clip in clips if clip["composer"] != composer])
        evidence += [others.evidence(clip) for _, clip in of_it]
        unheard = np.mean([mirex(clip["key"], others.tell(clip)) for _, clip in of_it])
        folded = np.mean([mirex(clip["key"], folds[order % 5].tell(clip)) for order, clip in of_it])
        print(f"{composer}: n {len(of_it)} composer left out {unheard:.3f} five folds {folded:.3f}", file=sys.stderr)
    return weights, fit_confidence(evidence)


HEADER = """//! Weights of the score that tells keys.
//!
//! Fitted on random pieces that were composed and rendered for it: songs for a band in eighteen styles, the same styles
//! over plain harmony and over one that puts the key in doubt, keyboard pieces, baroque ones among them, and songs of the demo's synthesiser. No recorded music and
//! no clip of an evaluation kit took part. Not edited by hand; made from the repository's root by
//!
//! ```text
//! python3 eval/tools/make_training_clips.py BAND FluidR3_GM.sf2 540 0 300000
//! python3 eval/tools/make_training_clips.py PLAIN FluidR3_GM.sf2 360 0 1100000 plain
//! python3 eval/tools/make_training_clips.py HARMONY FluidR3_GM.sf2 540 0 1000000 harmony
//! python3 eval/tools/make_training_clips.py KEYBOARD FluidR3_GM.sf2 0 300 300000
//! python3 eval/tools/make_training_clips.py BAROQUE FluidR3_GM.sf2 0 180 700000 baroque
//! python3 eval/tools/make_training_clips.py DIMINUTION FluidR3_GM.sf2 0 120 900000 diminution
//! cargo run --release -p leitmotif-eval -- songs --out SONGS --seed 60000 --count 20
//! cargo run --release -p leitmotif-eval -- audio --data CLIPS --verbose --keys > KEYS
//! python3 eval/tools/fit_key_weights.py crates/analysis/src/audio/key_weights.rs KEYS
//! cargo fmt --all
//! ```
//!
//! The clips of all seven folders are read and what is printed is given in this order.

use super::key_features::{KeyWeights, ModeWeights};

/// Scores keys by their profiles.
#[rustfmt::skip]
pub(crate) static KEY_WEIGHTS: KeyWeights = KeyWeights {
"""


def rust_list(values):
    return "[" + ", ".join(repr(round(float(np.float32(value)), 4)) for value in values) + "]"


def write(path, weights, confidence):
    with open(path, "w") as file:
        file.write(HEADER)
        file.write(f"    centres: {rust_list(weights.centres)},\n    scales: {rust_list(weights.scales)},\n")
        for mode, name in enumerate(["major", "minor"]):
            file.write(f"    {name}: ModeWeights {{\n        degrees: [\n")
            degrees = weights.parts[0][:, mode].reshape(-1, 12)
            file.writelines(f"            {rust_list(row)},\n" for row in degrees)
            file.write(f"        ],\n        offset: {rust_list(weights.parts[1][mode : mode + 1])[1:-1]},\n    }},\n")
        file.write("};\n")
        file.write("\n/// Weight of a key's lead in the log odds that it is right, and the offset: fitted on each composer's music as told by\n")
        file.write(f"/// weights that had heard the others alone.\npub(crate) static KEY_CONFIDENCE: [f64; 2] = {rust_list(confidence)};\n")


def main():
    clips = [clip for path in sys.argv[2:] for clip in read(path)]
    write(sys.argv[1], *fit(clips))


if __name__ == "__main__":
    main()
