"""What the stages of a bundle say of flows after each packet."""

import json
from dataclasses import dataclass
from pathlib import Path

import lightgbm as lgb
import numpy as np
import onnxruntime
import pandas as pd

from . import calibrate
from .timeline import Timeline
from .truth import Problem


@dataclass
class Shipped:
    """A stage of a bundle."""

    name: str
    depth: int
    features: list[str]
    temperature: float
    measure: str
    threshold: float
    scores: object  # features -> raw scores, a row a flow

    def probabilities(self, X: pd.DataFrame) -> np.ndarray:
        return calibrate.softmax(self.scores(X[self.features]), self.temperature)


def read(bundle: Path) -> tuple[dict, list[Shipped]]:
    """A bundle's manifest and its stages, which must give raw scores."""
    file = bundle / "manifest.json"
    try:
        manifest = json.loads(file.read_text())
    except ValueError as error:
        raise Problem(f"{file}: {error}; give a bundle that `serveflow bundle verify` takes") from None
    if manifest.get("input", "packets") != "packets":
        raise Problem(f"{file}: its flows are those of {manifest['input']}, which have no packets to wait for")
    return manifest, [stage(bundle, s) for s in manifest["stages"]]


def stage(bundle: Path, s: dict) -> Shipped:
    if s.get("output") != "scores":
        raise Problem(f"{bundle / 'manifest.json'}: stage {s['name']} gives {s.get('output')}; only scores are read here")
    model = onnx_scores(bundle / s["file"], s) if s["engine"] == "onnx" else tree_scores(bundle / s["file"])
    return Shipped(s["name"], s["depth"], s["features"], s["temperature"], s["uncertainty"], s["threshold"], model)


def tree_scores(file: Path):
    model = lgb.Booster(model_file=str(file))
    return lambda X: model.predict(X, raw_score=True, num_threads=1)


def onnx_scores(file: Path, s: dict):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    return lambda X: session.run([s["output_name"]], {s["input"]: X.to_numpy(np.float32)})[0]


def after_each(shipped: list[Shipped], flows: Timeline) -> list[list[np.ndarray]]:
    """For each stage, after each number of packets up to its depth, its probabilities."""
    return [[s.probabilities(flows.seen[m]) for m in range(s.depth)] for s in shipped]
