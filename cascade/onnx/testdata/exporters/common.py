"""Made-up flows for the makers of this folder, and how they write what their libraries answer."""

import json
import pathlib

import numpy

HERE = pathlib.Path(__file__).parent
FEATURES = 4


def flows(classes, n=120):
    """Rows of whole numbers below 100, float32, and their classes by the first two columns."""
    rows = numpy.random.default_rng(7).integers(0, 99, (n, FEATURES)).astype(numpy.float32)
    return rows, ((rows[:, 0] > 50).astype(int) + (classes - 2) * (rows[:, 1] > 60)).astype(int)


def save(name, model, rows, answers):
    """NAME.onnx, and in NAME.json ten rows with the training library's own answers."""
    (HERE / f"{name}.onnx").write_bytes(model)
    table = {"rows": rows[:10].tolist(), "answers": numpy.asarray(answers, numpy.float64)[:10].tolist()}
    (HERE / f"{name}.json").write_text(json.dumps(table) + "\n")
