"""Measures LightGBM on the files of `leitmotif-eval ltr`, with the same settings, on one thread.

Usage: python ltr_lightgbm.py --train F --test F [--trees 100] ...     (needs numpy and lightgbm)

Prints the same JSON as its last line. Times count the making of bins and the fit, or one prediction
of 200 rows through the library's fast path, median of many.
"""
import argparse
import ctypes
import gzip
import json
import os
import time

import lightgbm
import numpy as np

parser = argparse.ArgumentParser()
parser.add_argument("--train", required=True)
parser.add_argument("--test", required=True)
parser.add_argument("--trees", type=int, default=100)
parser.add_argument("--leaves", type=int, default=31)
parser.add_argument("--learning-rate", type=float, default=0.1)
parser.add_argument("--min-data", type=int, default=50)
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--objective", default="lambdarank")
parser.add_argument("--save")
args = parser.parse_args()


def open_text(path):
    return gzip.open(path, "rt") if path.endswith(".gz") else open(path)


def read(path):
    labels, queries, rows = [], [], []
    for line in open_text(path):
        words = line.split("#")[0].split()
        labels.append(float(words[0]))
        row = []
        for word in words[1:]:
            column, value = word.split(":")
            if column == "qid":
                queries.append(int(value))
            else:
                row.append((int(column), float(value)))
        rows.append(row)
    width = 1 + max(column for row in rows for column, _ in row)
    values = np.zeros((len(rows), width), dtype=np.float32)
    for target, row in zip(values, rows):
        for column, value in row:
            target[column] = value
    if queries:
        changes = np.flatnonzero(np.diff(queries)) + 1
        sizes = np.diff(np.concatenate([[0], changes, [len(rows)]]))
    else:
        stem = path.removesuffix(".gz")
        name = next(n for n in (stem + ".query", stem + ".query.gz") if os.path.exists(n))
        sizes = np.array([int(line) for line in open_text(name) if line.strip()])
    return values, np.array(labels), sizes


def widen(values, width):
    return np.pad(values, ((0, 0), (0, width - values.shape[1])))


def ndcg(labels, scores, sizes, k):
    total, start = 0.0, 0
    for size in sizes:
        mine, gains = scores[start:start + size], 2.0 ** labels[start:start + size] - 1
        discounts = 1 / np.log2(np.arange(2, min(k, size) + 2))
        ideal = (np.sort(gains)[::-1][:k] * discounts).sum()
        order = np.argsort(-mine, kind="stable")[:k]
        total += (gains[order] * discounts).sum() / ideal if ideal > 0 else 1.0
        start += size
    return total / len(sizes)


x, y, groups = read(args.train)
test_x, test_y, test_groups = read(args.test)
width = max(x.shape[1], test_x.shape[1])
x, test_x = widen(x, width), widen(test_x, width)
if args.objective == "binary":
    y = (y > 0).astype(float)
params = dict(
    objective=args.objective, num_leaves=args.leaves, learning_rate=args.learning_rate,
    min_data_in_leaf=args.min_data, seed=args.seed, num_threads=1, verbose=-1, deterministic=True,
)
start, cpu_start = time.perf_counter(), time.process_time()
data = lightgbm.Dataset(x, y, group=groups if args.objective == "lambdarank" else None, params=params)
model = lightgbm.train(params, data, num_boost_round=args.trees)
fit_s, fit_cpu_s = time.perf_counter() - start, time.process_time() - cpu_start
scores = model.predict(test_x, raw_score=True, num_threads=1)
if args.save:
    model.save_model(args.save)

# The C entry point, as an embedding program would call it: float32 rows, raw scores, one thread.
batch = np.ascontiguousarray(test_x[:200], dtype=np.float32)
library, handle = lightgbm.basic._LIB, model._handle
out, out_count = np.zeros(len(batch)), ctypes.c_int64()
times = []
for _ in range(300):
    start = time.perf_counter()
    library.LGBM_BoosterPredictForMat(
        handle, batch.ctypes.data_as(ctypes.c_void_p), ctypes.c_int(0), ctypes.c_int32(len(batch)),
        ctypes.c_int32(width), ctypes.c_int(1), ctypes.c_int(1), ctypes.c_int(0), ctypes.c_int(-1),
        ctypes.c_char_p(b"num_threads=1"), ctypes.byref(out_count),
        out.ctypes.data_as(ctypes.POINTER(ctypes.c_double)))
    times.append(time.perf_counter() - start)
assert np.allclose(out, scores[:200])
print(json.dumps({
    "ndcg@1": ndcg(test_y, scores, test_groups, 1),
    "ndcg@5": ndcg(test_y, scores, test_groups, 5),
    "ndcg@10": ndcg(test_y, scores, test_groups, 10),
    "fit_s": fit_s,
    "fit_cpu_s": fit_cpu_s,
    "predict_us_200x100": float(np.median(times)) * 1e6,
    "trees": model.num_trees(),
    "queries": len(test_groups),
}))
