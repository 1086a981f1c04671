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


def to_onnx(models: list[lgb.Booster]) -> bytes:
    """An ONNX graph of one node, for the engine `onnx`: features in, the mean of the models' raw scores out.

    The models have the same features and classes. One ensemble of all their trees, each leaf divided by
    their number, gives the mean.
    """
    width, classes = models[0].num_feature(), models[0].num_model_per_iteration()
    node = helper.make_node("TreeEnsembleClassifier", [INPUT], ["label", OUTPUT], domain="ai.onnx.ml", **merged([trees(m) for m in models]))
    graph = helper.make_graph(
        [node], "trees",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [None, width])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [None, classes])])
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", TREES_OPSET)]
    whole = helper.make_model(graph, opset_imports=opsets, producer_name="serveflow")
    whole.ir_version = IR
    onnx.checker.check_model(whole)
    return whole.SerializeToString()


def trees(model: lgb.Booster) -> dict:
    """A model's trees as attributes of a TreeEnsembleClassifier.

    The converter's graph ends in softmax and a label; both are the cascade's
    business, so only its tree node is kept, without its transformation.
    """
    made = onnxmltools.convert_lightgbm(
        model, initial_types=[(INPUT, FloatTensorType([None, model.num_feature()]))], zipmap=False, target_opset=15)
    node = next(n for n in made.graph.node if n.op_type == "TreeEnsembleClassifier")
    return {a.name: helper.get_attribute_value(a) for a in node.attribute} | {"post_transform": "NONE"}


def merged(ensembles: list[dict]) -> dict:
    """All trees in one ensemble, with the numbers of each one's trees behind those of the one before."""
    whole, trees_before = dict(ensembles[0]), 0
    for name in whole:
        if name.startswith(("nodes_", "class_")):
            whole[name] = []
    for each in ensembles:
        for name, values in each.items():
            if name in ("nodes_treeids", "class_treeids"):
                values = [v + trees_before for v in values]
            elif name == "class_weights":
                values = [v / len(ensembles) for v in values]
            if name.startswith(("nodes_", "class_")):
                whole[name] += values
        trees_before += max(each["nodes_treeids"]) + 1
    return whole


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
