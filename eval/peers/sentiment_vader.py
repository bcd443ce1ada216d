"""Compares our compound sentiment with vaderSentiment 3.3.2 (pip install vaderSentiment), line by line.

    cargo build --release -p leitmotif-analysis --example sentiment
    python3 eval/peers/sentiment_vader.py target/release/examples/sentiment poems_en_*.txt [--record]

Lines are taken once each; tags of the poem files (AUTHOR, TITLE, RHYME) are left out. With --record the reference's
compound of every line is printed as the fixture crates/analysis/src/lyrics/meaning/recorded_pairs.tsv has it.
"""

import re
import subprocess
import sys

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

TOLERANCE = 0.001
TAG = re.compile(r"(AUTHOR|TITLE|RHYME)\b")
EDGES = re.compile(r"^[\"'(\[{,.;:*_]+|[\"')\]},.;:*_]+$")


def separated(line):
    """The line with plain apostrophes, dashes as spaces and bare words."""
    line = re.sub(r"--+|—|–|…", " ", line.replace("’", "'").replace("‘", "'"))
    return " ".join(EDGES.sub("", word) or word for word in line.split())


def ours(program, lines):
    answer = subprocess.run([program], input="\n".join(lines), capture_output=True, text=True, check=True)
    return [float(row.split("\t")[0]) for row in answer.stdout.splitlines()]


def cause(line):
    if re.search(r"\b(kind|sort) of\b", line, re.I):
        return "kind of, sort of"
    words = [word.strip(".,;:!?'\"()[]-").lower() for word in line.split()]
    tests = [("so, this", {"so", "this"}), ("no", {"no"}), ("but", {"but"}), ("least", {"least"})]
    return next((name for name, told in tests if told & set(words)), "other")


def compare(name, program, reference, lines):
    differing, equal, felt = [], 0, 0
    for line, mine in zip(lines, ours(program, lines), strict=True):
        theirs = reference.polarity_scores(line)["compound"]
        if mine or theirs:
            felt += 1
        if abs(mine - theirs) > TOLERANCE:
            differing.append(line)
        elif mine or theirs:
            equal += 1
    print(f"{name}: {len(lines)} lines, equal {1 - len(differing) / len(lines):.4f};", end=" ")
    print(f"not zero {felt}, equal {equal / max(felt, 1):.4f}; {len(differing)} differ")
    return differing


def main():
    program, *files = [argument for argument in sys.argv[1:] if argument != "--record"]
    lines = {}
    for file in files:
        with open(file, encoding="utf-8", errors="replace") as text:
            lines.update((line.strip(), None) for line in text if line.strip() and not TAG.match(line.strip()))
    lines = list(lines)
    reference = SentimentIntensityAnalyzer()
    if "--record" in sys.argv:
        for line in lines:
            print(f"{reference.polarity_scores(line)['compound']:.4f}\t{line}")
        return
    compare("as written", program, reference, lines)
    causes = {}
    for line in compare("words separated", program, reference, [separated(line) for line in lines]):
        causes[cause(line)] = causes.get(cause(line), 0) + 1
    print(causes)


main()
