"""Makes the ONNX models that the tests read, and ONNX Runtime's own answers in Python.

    pip install onnx==1.17.0 onnxruntime==1.24.4 onnxmltools==1.16.0 lightgbm==4.6.0 numpy==2.4.6
    python make.py            # writes into the folder that this file lies in

mlp.onnx and trees.onnx have NAME.csv.gz beside them: rows, first the features, then
the answer. nan.onnx, endless.onnx and bomb.onnx go wrong for some rows; those under bad/ are each
wrong in one way from the start. Opset 17 and IR 8, so
that runtimes older than the newest onnx read them too.
"""

import gzip
import pathlib

import lightgbm
import numpy
import onnx
import onnxmltools
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxmltools.convert.common.data_types import FloatTensorType

HERE = pathlib.Path(__file__).parent
ROWS = 1000
WIDTH, HIDDEN, CLASSES = 24, 16, 5
FLOAT = TensorProto.FLOAT


def save(name, nodes, inputs, outputs, weights=(), ir_version=8):
    graph = helper.make_graph(nodes, "model", inputs, outputs, list(weights))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="make.py")
    model.ir_version = ir_version
    path = HERE / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(model.SerializeToString())


def tensor(name, shape, kind=FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def weight(name, array):
    return numpy_helper.from_array(numpy.asarray(array, numpy.float32), name)


def answers(name, rows, output):
    session = onnxruntime.InferenceSession(str(HERE / (name + ".onnx")), providers=["CPUExecutionProvider"])
    scores = session.run([output], {"features": rows})[0]
    columns = [f"f{i}" for i in range(rows.shape[1])] + [f"score{i}" for i in range(scores.shape[1])]
    lines = [",".join(columns)]
    lines += [",".join(f"{v:.9g}" for v in [*r, *s]) for r, s in zip(rows, scores)]
    text = "\n".join(lines) + "\n"
    (HERE / (name + ".csv.gz")).write_bytes(gzip.compress(text.encode(), mtime=0))


def mlp(rng):
    rows = rng.integers(-1, 256, (ROWS, WIDTH)).astype(numpy.float32)
    w1 = rng.normal(size=(WIDTH, HIDDEN)) / WIDTH**0.5
    w2 = rng.normal(size=(HIDDEN, CLASSES)) / HIDDEN**0.5
    nodes = [
        helper.make_node("Mul", ["features", "scale"], ["scaled"]),
        helper.make_node("Gemm", ["scaled", "w1", "b1"], ["h"]),
        helper.make_node("Relu", ["h"], ["r"]),
        helper.make_node("Gemm", ["r", "w2", "b2"], ["scores"]),
    ]
    weights = [weight("scale", numpy.full(WIDTH, 1 / 128)), weight("w1", w1), weight("b1", rng.normal(size=HIDDEN)),
               weight("w2", w2), weight("b2", rng.normal(size=CLASSES))]
    save("mlp.onnx", nodes, [tensor("features", ["batch", WIDTH])], [tensor("scores", ["batch", CLASSES])], weights)
    answers("mlp", rows, "scores")


def trees(rng):
    rows = rng.integers(-1, 256, (3000, 12)).astype(numpy.float32)
    label = ((rows[:, 0] > 100).astype(int) + (rows[:, 1] > 60) + (rows[:, 2] + rows[:, 3] > 200)).astype(int)
    data = lightgbm.Dataset(rows, label)
    booster = lightgbm.train(dict(objective="multiclass", num_class=4, num_leaves=8, num_threads=1, seed=1,
                                  deterministic=True, verbose=-1), data, 8)
    model = onnxmltools.convert_lightgbm(booster, initial_types=[("features", FloatTensorType([None, 12]))],
                                         target_opset=15, zipmap=False)
    model.ir_version = 8
    (HERE / "trees.onnx").write_bytes(model.SerializeToString())
    answers("trees", rows[:ROWS], "probabilities")


def identity(name, inputs, outputs):
    save(name, [helper.make_node("Identity", [inputs[0].name], [outputs[0].name])], inputs, outputs)


def odd():
    i, o = tensor("features", ["batch", 3]), tensor("scores", ["batch", 3])
    identity("bad/double.onnx", [tensor("features", ["batch", 3], TensorProto.DOUBLE)], [tensor("scores", ["batch", 3], TensorProto.DOUBLE)])
    identity("bad/fixed_batch.onnx", [tensor("features", [1, 3])], [tensor("scores", [1, 3])])
    identity("bad/any_width.onnx", [tensor("features", ["batch", "width"])], [tensor("scores", ["batch", "width"])])
    identity("bad/three_axes.onnx", [tensor("features", ["batch", 3, 1])], [tensor("scores", ["batch", 3, 1])])
    save("bad/two_inputs.onnx", [helper.make_node("Add", ["features", "other"], ["scores"])], [i, tensor("other", ["batch", 3])], [o])
    # The declared shape of the output is a lie: it has one row whatever goes in.
    save("bad/one_row_out.onnx", [helper.make_node("ReduceSum", ["features", "axis"], ["scores"], keepdims=1)], [i], [o],
         [numpy_helper.from_array(numpy.array([0], numpy.int64), "axis")])
    # The same, but only running it tells.
    save("bad/first_row_out.onnx", [helper.make_node("Compress", ["features", "which"], ["scores"], axis=0)], [i], [o],
         [numpy_helper.from_array(numpy.array([True]), "which")])
    save("bad/int_out.onnx", [helper.make_node("Cast", ["features"], ["scores"], to=TensorProto.INT64)], [i],
         [tensor("scores", ["batch", 3], TensorProto.INT64)])
    save("bad/newer.onnx", [helper.make_node("Identity", ["features"], ["scores"])], [i], [o], ir_version=99)
    # NaN for every negative value.
    save("nan.onnx", [helper.make_node("Sqrt", ["features"], ["scores"])], [i], [o])
    endless(i, o)
    bomb(i, o)
    external()


def endless(i, o):
    """Loops for as long as a value is positive: for ever where it is, not at all on zeros."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["go_on"]), helper.make_node("Identity", ["x"], ["x_next"])], "body",
        [tensor("step", [], TensorProto.INT64), tensor("go", [], TensorProto.BOOL), tensor("x", None)],
        [tensor("go_on", [], TensorProto.BOOL), tensor("x_next", None)])
    nodes = [
        helper.make_node("ReduceMax", ["features"], ["most"], keepdims=0),
        helper.make_node("Greater", ["most", "zero"], ["start"]),
        helper.make_node("Loop", ["", "start", "features"], ["scores"], body=body),
    ]
    save("endless.onnx", nodes, [i], [o], [numpy_helper.from_array(numpy.float32(0), "zero")])


def bomb(i, o):
    """Makes 4 GiB of zeros on the way, in a file of some hundred bytes."""
    nodes = [
        helper.make_node("Shape", ["features"], ["shape"]),
        helper.make_node("Mul", ["shape", "many"], ["large"]),
        helper.make_node("ConstantOfShape", ["large"], ["zeros"]),
        helper.make_node("ReduceMax", ["zeros"], ["zero"], keepdims=0),
        helper.make_node("Add", ["features", "zero"], ["scores"]),
    ]
    save("bomb.onnx", nodes, [i], [o], [numpy_helper.from_array(numpy.array([1 << 15, 10923], numpy.int64), "many")])


def external():
    """A weight that lies in another file: once in the graph, once in a node, once in a nested graph."""
    away = TensorProto(name="w", data_type=FLOAT, dims=[3], data_location=TensorProto.EXTERNAL)
    away.external_data.add(key="location", value="weights.bin")
    i, o = tensor("features", ["batch", 3]), tensor("scores", ["batch", 3])
    add = helper.make_node("Add", ["features", "w"], ["scores"])
    save("bad/external_weight.onnx", [add], [i], [o], [away])
    save("bad/external_constant.onnx", [helper.make_node("Constant", [], ["w"], value=away), add], [i], [o])
    branch = helper.make_graph([helper.make_node("Constant", [], ["w"], value=away), add], "branch", [], [o])
    save("bad/external_nested.onnx", [helper.make_node("If", ["yes"], ["scores"], then_branch=branch, else_branch=branch)], [i], [o],
         [numpy_helper.from_array(numpy.array(True), "yes")])


def main():
    rng = numpy.random.default_rng(20240601)
    mlp(rng)
    trees(rng)
    odd()


main()
