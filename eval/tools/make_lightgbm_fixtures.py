"""Writes the models that `crates/learn` is compared with: trained by LightGBM on synthetic data.

Usage: python make_lightgbm_fixtures.py crates/learn/tests/fixtures/lightgbm    (needs lightgbm, numpy)

Every model `x.model.txt` has `x.rows.tsv` beside it: a row of features, then `|`, the raw score, then
`|`, the contribution of each column and the bias, all from LightGBM. Made with LightGBM 4.7.0.
"""
import sys
from pathlib import Path

import lightgbm
import numpy as np

FOLDER = Path(sys.argv[1])
ROWS = 24
COMMON = dict(verbose=-1, num_threads=1, seed=3, deterministic=True, min_data_in_leaf=5)


def numbers(rng, count, missing):
    x = rng.normal(size=(count, 4)).astype(np.float32)
    x[:, 3] = np.round(x[:, 3])
    if missing:
        x[rng.random(x.shape) < 0.15] = np.nan
    y = np.nan_to_num(x[:, 0]) * 2 - np.abs(np.nan_to_num(x[:, 1], nan=1.5)) + (x[:, 3] == 0)
    return x, y.astype(np.float64)


def categories(rng, count):
    x = np.column_stack([
        rng.integers(0, 3, count), rng.integers(0, 70, count), rng.normal(size=count),
    ]).astype(np.float32)
    y = (x[:, 0] == 1) * 1.5 + np.sin(x[:, 1]) + 0.3 * x[:, 2]
    x[rng.random(count) < 0.1, 1] = np.nan
    return x, y


def odd_rows(x, rng):
    """Rows of the data, and some that no data has."""
    rows = x[rng.choice(len(x), ROWS, replace=False)].copy()
    odd = np.array([np.nan, 0.0, -0.0, 1e-36, -1e-36, 1e-34, -0.5, -1.0, 1e9, 3.7, 1000.0, 1e38])
    for at in range(ROWS // 2):
        rows[at, rng.integers(rows.shape[1])] = odd[at % len(odd)]
    rows[ROWS // 2] = np.nan
    rows[ROWS // 2 + 1] = 0
    return rows.astype(np.float32)


def write(name, x, y, rounds, group=None, categorical="auto", **params):
    data = lightgbm.Dataset(x, y, group=group, categorical_feature=categorical,
                            params=COMMON | params)
    model = lightgbm.train(COMMON | params, data, num_boost_round=rounds)
    rows = odd_rows(x, np.random.default_rng(7))
    scores = model.predict(rows, raw_score=True)
    parts = model.predict(rows, pred_contrib=True)
    # The list of parameters is the same for all, long, and read by nobody.
    text = model.model_to_string().split("\nparameters:")[0] + "\n"
    (FOLDER / f"{name}.model.txt").write_text(text)
    show = lambda values: " ".join(repr(float(value)) for value in values)
    lines = (f"{show(r)}|{s!r}|{show(p)}" for r, s, p in zip(rows, map(float, scores), parts))
    (FOLDER / f"{name}.rows.tsv").write_text("\n".join(lines) + "\n")


FOLDER.mkdir(parents=True, exist_ok=True)
rng = np.random.default_rng(20260101)
x, y = numbers(rng, 600, missing=True)
write("binary_nan", x, (y > 0).astype(float), 3, objective="binary", num_leaves=9)
write("zero_missing", x, y, 3, objective="regression", num_leaves=9, zero_as_missing=True)
x, y = numbers(rng, 600, missing=False)
write("regression_40_leaves", x, y, 2, objective="regression", num_leaves=40)
write("regression_80_leaves", x, y, 1, objective="regression", num_leaves=80)
grades = np.clip(np.round(y + 1), 0, 3)
write("lambdarank", x, grades, 4, group=[20] * 30, objective="lambdarank", num_leaves=8)
x, y = categories(rng, 800)
write("categories", x, y, 3, objective="regression", num_leaves=10, categorical=[0, 1],
      min_data_per_group=10, cat_smooth=2)
