"""Fits the projection of the audio embedding and writes `crates/analysis/data/audio_embedding.bin`.

Usage: fit_audio_embedding.py WEIGHTS_FILE STATISTICS_FILE [JUDGED_FILE]
Both inputs are what `leitmotif-eval audio-embedding --statistics` printed: the first for the clips of
`make_training_clips.py CLIPS SOUND_FONT 252 48 310000`, the second, which is only judged, for a kit.
No labels take part but which excerpt and copy is of which song. Needs numpy.

Linear discriminant analysis with songs as classes (Dehak et al. 2011 do it for voices, with the
within-class covariance as metric): statistics are standardised and clipped; directions that vary
between songs and hardly between excerpts and copies of one song are kept, each scaled to the same
variation within a song.
"""

import json
import struct
import sys

import numpy as np

DIMENSIONS, CLIP = 128, 3.0
# Share of the identity in the within-song covariance; between 0.1 and 0.9 little depends on it.
SHRINKAGE = 0.3


def read(path):
    rows = [json.loads(line) for line in open(path)]
    rows = [row for row in rows if row.get("statistics")]
    return rows, np.array([row.pop("statistics") for row in rows])


def fit(rows, table, shrinkage=SHRINKAGE, dimensions=DIMENSIONS):
    centre = np.median(table, 0)
    scale = 1.0 / (table.std(0) + 1e-6)
    x = np.clip((table - centre) * scale, -CLIP, CLIP)
    songs = np.unique([row["song"] for row in rows], return_inverse=True)[1]
    counts = np.bincount(songs)
    means = np.zeros((len(counts), x.shape[1]))
    np.add.at(means, songs, x)
    means /= counts[:, None]
    inner = x - means[songs]
    within = inner.T @ inner / (len(x) - len(counts))
    size = x.shape[1]
    within = (1 - shrinkage) * within + shrinkage * np.trace(within) / size * np.eye(size)
    between = np.cov(means.T)
    lower = np.linalg.cholesky(within)
    inverse = np.linalg.inv(lower)
    values, vectors = np.linalg.eigh(inverse @ between @ inverse.T)
    order = np.argsort(values)[::-1][:dimensions]
    projection = vectors[:, order].T @ inverse
    # One sign per direction, so that the same clips give the same file everywhere.
    projection *= np.sign(projection[np.arange(len(order)), np.abs(projection).argmax(1)])[:, None]
    return centre, scale, projection, (projection @ x.mean(0))


def embed(weights, table):
    centre, scale, projection, offset = weights
    y = np.clip((table - centre) * scale, -CLIP, CLIP) @ projection.T - offset
    return y / np.linalg.norm(y, axis=1, keepdims=True)


def judge(rows, y):
    """Reciprocal ranks of the other half and of copies, accuracy of five neighbours of a style."""
    at = lambda part, how: [i for i, r in enumerate(rows) if r["part"] == part and r["how"].startswith(how)]

    def reciprocal(queries, gallery):
        likeness = y[queries] @ y[gallery].T
        return np.mean(1.0 / (likeness >= np.diag(likeness)[:, None]).sum(1))

    whole = at("whole", "clean")
    copies = [reciprocal(at("whole", how), whole) for how in ("Pink", "White", "LowPass", "Speed", "Mp3")]
    styled = [i for i in whole if rows[i]["style"]]
    right = 0
    for i in styled:
        near = sorted((j for j in styled if j != i), key=lambda j: -(y[i] @ y[j]))[:5]
        votes = [rows[j]["style"] for j in near]
        right += max(votes, key=lambda s: (votes.count(s), -votes.index(s))) == rows[i]["style"]
    style = right / max(len(styled), 1)
    return [reciprocal(at("first", "clean"), at("second", "clean")), np.mean(copies), style] + copies


def write(path, weights):
    """Little-endian: dimensions, statistics, then centres, scales, offsets, one scale a row, rows in i16."""
    centre, scale, projection, offset = weights
    row_scale = np.abs(projection).max(1) / 32767.0
    codes = np.round(projection / row_scale[:, None]).astype("<i2")
    with open(path, "wb") as file:
        file.write(struct.pack("<II", *projection.shape))
        for values in (centre, scale, offset, row_scale):
            file.write(values.astype("<f4").tobytes())
        file.write(codes.tobytes())


def main():
    rows, table = read(sys.argv[2])
    weights = fit(rows, table)
    write(sys.argv[1], weights)
    if len(sys.argv) > 3:
        rows, table = read(sys.argv[3])
        print("excerpt, copies, style; pink, white, low pass, speed, mp3:", np.round(judge(rows, embed(weights, table)), 4))


if __name__ == "__main__":
    main()
