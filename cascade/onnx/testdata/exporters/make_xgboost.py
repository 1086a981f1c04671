"""XGBoost's models by onnxmltools.

    pip install xgboost==3.2.0 onnxmltools==1.16.0 onnx==1.17.0
    python make_xgboost.py
"""

import xgboost
from onnxmltools import convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType

from common import FEATURES, flows, save


def export(name, classes):
    rows, y = flows(classes)
    model = xgboost.XGBClassifier(n_estimators=3, max_depth=2, n_jobs=1, random_state=1).fit(rows, y)
    made = convert_xgboost(model, initial_types=[("input", FloatTensorType([None, FEATURES]))], target_opset=15)
    save(name, made.SerializeToString(), rows, model.predict_proba(rows))


export("xgboost", 3)
export("xgboost_two", 2)
