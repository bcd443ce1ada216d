"""Measures hnswlib on data that `leitmotif-eval vectors --export DIR` wrote, on one thread.

Usage: python vectors_hnswlib.py DIR DIM     (needs numpy and hnswlib)
"""
import json
import sys
import time
from pathlib import Path

import hnswlib
import numpy as np

folder, dim = Path(sys.argv[1]), int(sys.argv[2])
base = np.fromfile(folder / "base.f32", dtype="<f4").reshape(-1, dim)
query = np.fromfile(folder / "query.f32", dtype="<f4").reshape(-1, dim)
truth = np.fromfile(folder / "truth.u32", dtype="<u4").reshape(len(query), -1)
k = truth.shape[1]

index = hnswlib.Index(space="ip", dim=dim)  # the vectors have unit length
index.init_index(max_elements=len(base), M=16, ef_construction=128, random_seed=1)
start = time.perf_counter()
index.add_items(base)
build_s = time.perf_counter() - start

rows = []
for ef in (10, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384):
    index.set_ef(ef)
    best_s = float("inf")
    for _ in range(3):
        start = time.perf_counter()
        found, _ = index.knn_query(query, k=k, num_threads=1)
        best_s = min(best_s, time.perf_counter() - start)
    hits = sum(len(set(f) & set(t)) for f, t in zip(found.tolist(), truth.tolist()))
    rows.append({
        "ef": ef,
        "recall@10": hits / truth.size,
        "qps": round(len(query) / best_s),
        "build_s": build_s,
        "bytes": index.index_file_size(),
    })
print(json.dumps(rows))
