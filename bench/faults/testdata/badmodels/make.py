"""Makes the slow models that the fault bench puts into a copy of bundles/service.

    pip install onnx==1.17.0 numpy==2.4.6
    python make.py            # writes into the folder that this file lies in

Each answers as long as no row has a fifth packet with a TTL of 77, which no fast stage
looks at: the score of class i is i/10 and a hundredth of the row's packets. For a row
that has one, hang.onnx loops without end, nan.onnx gives 0/0, and error.onnx looks up
what is not there, which ONNX Runtime refuses for the whole batch.
"""

import json
import pathlib

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = pathlib.Path(__file__).parent
SERVICE = HERE.parents[3] / "bundles" / "service" / "manifest.json"
TTL = 77
FLOAT = TensorProto.FLOAT


def weight(name, value, kind=numpy.float32):
    return numpy_helper.from_array(numpy.asarray(value, kind), name)


def save(name, nodes, weights, manifest):
    features = next(s for s in manifest["stages"] if s["name"] == "slow")["features"]
    classes = len(manifest["classes"])
    common = [
        helper.make_node("Gather", ["features", "packets"], ["n"], axis=1),
        helper.make_node("Mul", ["n", "hundredth"], ["share"]),
        helper.make_node("Add", ["share", "bias"], ["good"]),
        helper.make_node("Gather", ["features", "fifth_ttl"], ["ttl"], axis=1),
        helper.make_node("Equal", ["ttl", "trigger"], ["bad"]),  # one column
    ]
    weights = [
        weight("packets", [features.index("packets")], numpy.int64), weight("hundredth", 0.01),
        weight("bias", numpy.arange(classes) / 10),
        weight("fifth_ttl", [features.index("p5_ip_ttl")], numpy.int64), weight("trigger", TTL), *weights,
    ]
    graph = helper.make_graph(
        common + nodes, "model", [helper.make_tensor_value_info("features", FLOAT, ["batch", len(features)])],
        [helper.make_tensor_value_info("scores", FLOAT, ["batch", classes])], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="make.py")
    model.ir_version = 8
    onnx.checker.check_model(model)
    (HERE / name).write_bytes(model.SerializeToString())


def main():
    manifest = json.loads(SERVICE.read_text())
    value = helper.make_tensor_value_info
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["go_on"]), helper.make_node("Identity", ["x"], ["x_next"])], "body",
        [value("step", TensorProto.INT64, []), value("go", TensorProto.BOOL, []), value("x", FLOAT, None)],
        [value("go_on", TensorProto.BOOL, []), value("x_next", FLOAT, None)])
    save("hang.onnx", [
        helper.make_node("Cast", ["bad"], ["bads"], to=FLOAT),
        helper.make_node("ReduceMax", ["bads"], ["any"], keepdims=0),
        helper.make_node("Greater", ["any", "half"], ["start"]),
        helper.make_node("Loop", ["", "start", "good"], ["scores"], body=body),
    ], [weight("half", 0.5)], manifest)
    save("nan.onnx", [
        helper.make_node("Not", ["bad"], ["fine"]),
        helper.make_node("Cast", ["fine"], ["one"], to=FLOAT),
        helper.make_node("Div", ["one", "one"], ["factor"]),
        helper.make_node("Mul", ["good", "factor"], ["scores"]),
    ], [], manifest)
    save("error.onnx", [
        helper.make_node("Cast", ["bad"], ["at"], to=TensorProto.INT64),
        helper.make_node("Gather", ["table", "at"], ["factor"], axis=0),
        helper.make_node("Mul", ["good", "factor"], ["scores"]),
    ], [weight("table", [1])], manifest)


main()
