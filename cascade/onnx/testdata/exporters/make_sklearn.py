"""scikit-learn's models by skl2onnx.

    pip install scikit-learn==1.9.1 skl2onnx==1.20.0 onnx==1.17.0
    python make_sklearn.py

sklearn_zipmap.onnx is what the exporter writes unless it is told otherwise: its probabilities are a sequence of maps.
"""

from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from common import FEATURES, flows, save

NAMES = ["dns", "http", "tls"]


def export(name, model, classes, zipmap=False):
    rows, y = flows(classes)
    model.fit(rows, [NAMES[i] for i in y])
    made = convert_sklearn(model, initial_types=[("X", FloatTensorType([None, FEATURES]))], target_opset=17,
                           options=None if zipmap else {id(model): {"zipmap": False}})
    save(name, made.SerializeToString(), rows, model.predict_proba(rows))


export("sklearn_forest", RandomForestClassifier(3, max_depth=3, random_state=1), 3)
export("sklearn_forest_two", RandomForestClassifier(3, max_depth=3, random_state=1), 2)
export("sklearn_mlp", MLPClassifier((6,), max_iter=300, random_state=1), 3)
export("sklearn_logistic", LogisticRegression(), 2)
export("sklearn_zipmap", RandomForestClassifier(2, max_depth=2, random_state=1), 2, zipmap=True)
