"""Makes the LightGBM models and the library's own raw scores that the tests compare with.

    pip install lightgbm==4.6.0 numpy==2.4.6
    python make.py            # writes into the folder that this file lies in

Every model NAME.txt.gz has NAME.csv.gz beside it: 1,000 rows or more, first the
features, then one raw score a class; for two classes in one tree a round, 0 and the
score. The rows are made from a fixed seed; most
are whole numbers with -1 for an absent field, as ServeFlow's features are.
"""

import gzip
import pathlib

import lightgbm
import numpy

HERE = pathlib.Path(__file__).parent
ROWS = 1200


def write(name, data):
    # mtime=0: the same content gives the same file.
    (HERE / name).write_bytes(gzip.compress(data, mtime=0))


def make(name, x, y, classes, rounds, leaves, x_test=None, **params):
    names = [f"f{i}" for i in range(x.shape[1])]
    categorical = params.pop("categorical", [])
    # Trees see float32 when serving, so they are asked about float32 here.
    x = x.astype(numpy.float32).astype(numpy.float64)
    data = lightgbm.Dataset(x, y, feature_name=names, categorical_feature=categorical, params=params)
    kind = dict(objective="multiclass", num_class=classes) if classes > 2 else dict(objective="binary")
    params |= dict(**kind, num_leaves=leaves, num_threads=1, seed=1, deterministic=True, force_col_wise=True, verbose=-1)
    booster = lightgbm.train(params, data, rounds)
    write(name + ".txt.gz", booster.model_to_string().encode())
    rows = (x if x_test is None else x_test)[:ROWS].astype(numpy.float32).astype(numpy.float64)
    scores = booster.predict(rows, raw_score=True, num_threads=1)
    if classes == 2:
        scores = numpy.stack([numpy.zeros(len(scores)), scores], axis=1)
    lines = [",".join(names + [f"score{i}" for i in range(classes)])]
    lines += [",".join([f"{v:.9g}" for v in r] + [f"{v:.17g}" for v in s]) for r, s in zip(rows, scores)]
    write(name + ".csv.gz", ("\n".join(lines) + "\n").encode())


def fields(rng, n, width):
    """Whole numbers as header fields are: few values, wide ranges, absent ones."""
    tops = rng.choice([1, 2, 7, 64, 255, 1500, 65535], width)
    x = rng.integers(0, tops + 1, (n, width)).astype(float)
    x[rng.random((n, width)) < 0.1] = -1
    return x


def label(rng, x, classes):
    """A noisy, non-linear function of the columns."""
    z = (x - x.mean(0)) / (x.std(0) + 1e-9)
    weights = rng.normal(size=(x.shape[1], classes))
    score = z @ weights + 2 * numpy.maximum(0, z @ rng.normal(size=(x.shape[1], classes)))
    return (score + rng.normal(size=score.shape)).argmax(1)


def main():
    rng = numpy.random.default_rng(20240601)

    x = fields(rng, 4000, 12)
    make("three", x, label(rng, x, 3), 3, 10, 15)

    x = rng.integers(-1, 2, (6000, 80)).astype(float)  # absent, 0, 1: header bits
    make("ten", x, label(rng, x, 10), 10, 10, 15)

    # Missing values: some columns with NaN in training, some only when asked.
    x = fields(rng, 4000, 10)
    y = label(rng, x, 4)
    x[:, :5][rng.random((4000, 5)) < 0.2] = numpy.nan
    asked = x.copy()
    asked[rng.random(x.shape) < 0.2] = numpy.nan
    make("missing_nan", x, y, 4, 8, 15, asked)
    make("missing_zero", x, y, 4, 8, 15, asked, zero_as_missing=True)
    make("missing_none", x, y, 4, 8, 15, asked, use_missing=False)

    # Categories: one split in two, one in many, and values never seen in training.
    x = fields(rng, 4000, 6)
    x[:, 0] = rng.integers(0, 3, 4000)
    x[:, 1] = rng.integers(0, 90, 4000)
    y = ((x[:, 0] * 7 + x[:, 1] * 13) % 4).astype(int)
    asked = x.copy()
    for value in (-1, 200, 3e9, 2**32 + 3, -0.5, 2.5, numpy.nan):
        asked[rng.random(4000) < 0.05, 0] = value
        asked[rng.random(4000) < 0.05, 1] = value
    make("categories", x, y, 4, 8, 15, asked, categorical=[0, 1], min_data_per_group=10, cat_smooth=1)

    # A class that never occurs gives trees of a single leaf.
    x = fields(rng, 1500, 4)
    make("stumps", x, (label(rng, x, 2) * 2), 3, 3, 4, min_data_in_leaf=50)

    x = fields(rng, 4000, 8)
    make("two", x, label(rng, x, 2), 2, 10, 15)


main()
