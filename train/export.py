"""Models -> the files that the serving engines read."""

import lightgbm as lgb
import numpy as np
import onnx
import onnxmltools
import onnxruntime
from onnx import TensorProto, helper
from onnxmltools.convert.common.data_types import FloatTensorType

# Newer ones are refused by older runtimes.
OPSET, TREES_OPSET, IR = 17, 3, 8
INPUT, OUTPUT = "features", "scores"


def to_text(model: lgb.Booster) -> bytes:
    """LightGBM's own text, for the engine `leaves`."""
    return model.model_to_string().encode()


def to_onnx(model: lgb.Booster) -> bytes:
    """An ONNX graph of one node, for the engine `onnx`: features in, raw scores out.

    The converter's graph ends in softmax and a label; both are the cascade's
    business, so only its tree node is kept, without its transformation.
    """
    width, classes = model.num_feature(), model.num_model_per_iteration()
    made = onnxmltools.convert_lightgbm(
        model, initial_types=[(INPUT, FloatTensorType([None, width]))], zipmap=False, target_opset=15)
    trees = next(n for n in made.graph.node if n.op_type == "TreeEnsembleClassifier")
    attributes = {a.name: helper.get_attribute_value(a) for a in trees.attribute}
    attributes["post_transform"] = "NONE"
    node = helper.make_node("TreeEnsembleClassifier", [INPUT], ["label", OUTPUT], domain="ai.onnx.ml", **attributes)
    graph = helper.make_graph(
        [node], "trees",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [None, width])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [None, classes])])
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", TREES_OPSET)]
    whole = helper.make_model(graph, opset_imports=opsets, producer_name="serveflow")
    whole.ir_version = IR
    onnx.checker.check_model(whole)
    return whole.SerializeToString()


def check_onnx(data: bytes, X: np.ndarray, expected: np.ndarray, tolerance: float = 1e-5) -> float:
    """The largest difference between the graph's scores and the training library's.

    Raises ValueError where it is above the tolerance, relative to each row's
    largest score, or where a winner changes.
    """
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    got = session.run([OUTPUT], {INPUT: X.astype(np.float32)})[0]
    worst = float((np.abs(got - expected) / np.maximum(1, np.abs(expected).max(axis=1, keepdims=True))).max())
    changed = int((got.argmax(axis=1) != expected.argmax(axis=1)).sum())
    if worst > tolerance or changed:
        raise ValueError(f"the exported graph differs from LightGBM: by {worst:.2g} of {tolerance:.2g} allowed, {changed} winners changed")
    return worst
