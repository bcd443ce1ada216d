"""Fits implicit's ALS, and EASE in numpy, to the files of `leitmotif-eval recommend`, judged by the same rules.

Usage: python recommend_implicit.py TRAIN VALID TEST [THREADS]     (needs numpy, scipy and implicit)
Each line of the files is `listener TAB item TAB weight`; a name in `.gz` is decompressed.
"""
import gzip
import json
import sys
import time

import numpy as np
import scipy.sparse as sp
from implicit.als import AlternatingLeastSquares
from threadpoolctl import threadpool_limits

DEPTH = 100


def rows(path):
    opened = gzip.open(path, "rt") if path.endswith(".gz") else open(path)
    with opened as lines:
        return [tuple(map(float, line.split("\t"))) for line in lines if line.strip()]


def numbered(values):
    return {value: at for at, value in enumerate(sorted(set(values)))}


def judge(test, fitted, scores_of):
    gains = 1 / np.log2(np.arange(DEPTH) + 2)
    ndcg = []
    for listener, relevant in test.items():
        scores = np.array(scores_of(listener), dtype=np.float64)
        scores[fitted.indices[fitted.indptr[listener] : fitted.indptr[listener + 1]]] = -np.inf
        best = np.argsort(-scores, kind="stable")[:DEPTH]
        hits = np.isin(best, list(relevant))
        ndcg.append((hits * gains).sum() / gains[: min(DEPTH, len(relevant))].sum())
    return float(np.mean(ndcg))


def main():
    threads = int(sys.argv[4]) if len(sys.argv) > 4 else 1
    fit_rows, test_rows = rows(sys.argv[1]) + rows(sys.argv[2]), rows(sys.argv[3])
    listeners = numbered(row[0] for row in fit_rows + test_rows)
    items = numbered(row[1] for row in fit_rows + test_rows)
    at = np.array([(listeners[u], items[i]) for u, i, _ in fit_rows]).T
    fitted = sp.csr_matrix((np.ones(at.shape[1], np.float32), at), (len(listeners), len(items)))
    test = {}
    for listener, item, _ in test_rows:
        test.setdefault(listeners[listener], set()).add(items[item])
    report = {}
    with threadpool_limits(threads):
        start = time.perf_counter()
        model = AlternatingLeastSquares(
            factors=64, regularization=40.0, alpha=20, iterations=15, random_state=1, num_threads=threads
        )
        model.fit(fitted, show_progress=False)
        fit_s = time.perf_counter() - start
        ndcg = judge(test, fitted, lambda one: model.item_factors @ model.user_factors[one])
        report["ials"] = {"ndcg@100": ndcg, "fit_s": fit_s}

        start = time.perf_counter()
        penalty = 100.0
        gram = (fitted @ fitted.T).toarray().astype(np.float64)
        gram[np.diag_indices_from(gram)] += penalty
        dual = np.linalg.inv(gram)
        dense = fitted.toarray().astype(np.float64)
        # The inverse of (X'X + penalty) is (1 - X' dual X) / penalty; its columns divided by the
        # diagonal are the weights, and X times it is dual X.
        projected = dual @ dense
        diagonal = (1 - np.einsum("ui,ui->i", dense, projected)) / penalty
        fit_s = time.perf_counter() - start

        def ease(one):
            return dense[one] - projected[one] / diagonal

        report["ease"] = {"ndcg@100": judge(test, fitted, ease), "fit_s": fit_s}
    print(json.dumps(report))


main()
