"""Makes the two small bundles that the tests read.

    pip install lightgbm==4.6.0 onnx==1.17.0 onnxruntime==1.24.4 numpy==2.4.6
    python make.py            # writes into the folder that this file lies in

trees/ has two LightGBM stages; mixed/ has one of them and an ONNX network. The rows
are random numbers in the ranges of the features: the models have learnt nothing of use.
"""

import hashlib
import json
import pathlib

import lightgbm
import numpy
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

HERE = pathlib.Path(__file__).parent
CLASSES = ["dns", "http", "tls"]
FIRST = ["proto", "ip_version", "p1_ip_len", "p1_ip_ttl", "p1_tcp_window", "p1_payload_len"]
EARLY = FIRST + ["packets", "p2_dir", "p2_log_gap", "p2_ip_len", "p3_payload_len", "p3_tcp_flags"]


def rows_of(rng, features, n):
    return rng.integers(-1, 256, (n, len(features))).astype(numpy.float32)


def row(stage, x, scores):
    return {"stage": stage, "x": [int(v) for v in x], "scores": [float(v) for v in scores]}


def trees(rng, folder, name, features):
    x = rows_of(rng, features, 600)
    y = (x[:, 2] > 80).astype(int) + (x[:, 3] + x[:, 5] > 250)
    data = lightgbm.Dataset(x.astype(numpy.float64), y, feature_name=features)
    booster = lightgbm.train(dict(objective="multiclass", num_class=len(CLASSES), num_leaves=4, num_threads=1,
                                  seed=1, deterministic=True, force_col_wise=True, verbose=-1), data, 3)
    (folder / f"{name}.txt").write_text(booster.model_to_string())
    asked = rows_of(rng, features, 8)
    scores = booster.predict(asked.astype(numpy.float64), raw_score=True, num_threads=1)
    return [row(name, *pair) for pair in zip(asked, scores)]


def network(rng, folder, name, features):
    w = (rng.normal(size=(len(features), len(CLASSES))) / 256).astype(numpy.float32)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["features", "w"], ["logits"]), helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1)],
        name, [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", len(features)])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", len(CLASSES)])],
        [numpy_helper.from_array(w, "w")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    (folder / f"{name}.onnx").write_bytes(model.SerializeToString())
    asked = rows_of(rng, features, 8)
    session = onnxruntime.InferenceSession(str(folder / f"{name}.onnx"), providers=["CPUExecutionProvider"])
    scores = session.run(None, {"features": asked})[0]
    return [row(name, *pair) for pair in zip(asked, scores)]


def stage(name, engine, file, depth, features, threshold, **more):
    return dict(name=name, engine=engine, file=file, depth=depth, features=features, output="scores",
                temperature=1.2, uncertainty="margin", threshold=threshold) | more


def write(folder, stages, rows):
    features = {s["name"]: s["features"] for s in stages}
    (folder / "parity.json").write_text(json.dumps({"classes": CLASSES, "features": features, "rows": rows}, indent=1) + "\n")
    (folder / "calibration.json").write_text("{}\n")
    (folder / "MODEL_CARD.md").write_text("A bundle for tests. Its models know nothing.\n")
    files = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir()) if p.name != "manifest.json"}
    manifest = {
        "schema": "serveflow.bundle/1", "task": "service", "version": "test 1", "features": "serveflow.features/1",
        "classes": CLASSES, "stages": stages, "parity": "parity.json", "calibration": "calibration.json",
        "model_card": "MODEL_CARD.md", "files": files,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")


def main():
    rng = numpy.random.default_rng(20240601)
    for name in ("trees", "mixed"):
        folder = HERE / name
        folder.mkdir(exist_ok=True)
        first = stage("first", "leaves", "first.txt", 1, FIRST, 0.4)
        rows = trees(rng, folder, "first", FIRST)
        if name == "trees":
            last = stage("early", "leaves", "early.txt", 3, EARLY, 1, uncertainty="entropy")
            rows += trees(rng, folder, "early", EARLY)
        else:
            last = stage("slow", "onnx", "slow.onnx", 10, EARLY, 1, input="features",
                         output_name="probabilities", output="probabilities")
            rows += network(rng, folder, "slow", EARLY)
        write(folder, [first, last], rows)


main()
