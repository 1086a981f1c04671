"""A bundle: the folder that `serveflow run` loads."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .calibrate import Reliability

SCHEMA, FEATURES = "serveflow.bundle/1", "serveflow.features/1"
MANIFEST, PARITY, CALIBRATION, CARD, DRIFT = "manifest.json", "parity.json", "calibration.json", "MODEL_CARD.md", "drift.json"
PARITY_ROWS = 350  # a stage: over 1,000 in all


@dataclass(frozen=True)
class Trained:
    """A stage that is ready to ship."""

    name: str
    engine: str
    file: str
    depth: int
    features: list[str]
    data: bytes  # the model file
    temperature: float
    threshold: float
    reliability: Reliability
    x: np.ndarray  # rows for parity ...
    scores: np.ndarray  # ... and the training library's answers

    def manifest(self, measure: str) -> dict:
        graph = {"input": "features", "output_name": "scores"} if self.engine == "onnx" else {}
        return {
            "name": self.name, "engine": self.engine, "file": self.file, "depth": self.depth, **graph,
            "output": "scores", "temperature": round(self.temperature, 6), "uncertainty": measure,
            "threshold": self.threshold, "features": self.features,
        }

    def parity(self) -> list[dict]:
        """Rows of features, with scores as they are."""
        return [{"stage": self.name, "x": [number(v) for v in x], "scores": [float(v) for v in s]}
                for x, s in zip(self.x[:PARITY_ROWS], self.scores[:PARITY_ROWS])]


def write(out: Path, task: str, version: str, classes: list[str], measure: str, stages: list[Trained], card: str,
          pictures: dict[str, bytes], conns: bool = False, protocols: list[str] | None = None, reference: dict | None = None) -> None:
    """Writes all files of a bundle, and removes what an older one left there.

    conns: its flows are conn.log's. protocols: those that it answers for, as flows name them; all without the list.
    reference: what the flows of the calibration set look like, by drift.reference.
    """
    files = {s.file: s.data for s in stages} | pictures
    names = {"classes": classes, "features": {s.name: s.features for s in stages}}
    files[PARITY] = lines(names, "rows", [row for s in stages for row in s.parity()])
    files[CALIBRATION] = json.dumps({s.name: s.reliability.as_dict() for s in stages}, indent=1).encode()
    files[CARD] = card.encode()
    if reference:
        files[DRIFT] = drift(reference)
    manifest = {
        "schema": SCHEMA, "task": task, "version": version, "features": FEATURES,
        **({"input": "conn"} if conns else {}), **({"protocols": protocols} if protocols else {}), "classes": classes,
        "stages": [s.manifest(measure) for s in stages],
        "parity": PARITY, "calibration": CALIBRATION, "model_card": CARD, **({"drift": DRIFT} if reference else {}),
        "files": {name: digest(data) for name, data in sorted(files.items())},
    }
    files[MANIFEST] = (json.dumps(manifest, indent=1) + "\n").encode()
    out.mkdir(parents=True, exist_ok=True)
    for old in out.iterdir():
        if old.is_file() and old.name not in files and (old.suffix in (".txt", ".onnx", ".svg") or old.name == DRIFT):
            old.unlink()
    for name, data in files.items():
        (out / name).write_bytes(data)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def drift(reference: dict) -> bytes:
    """The drift file: a line for each stage, label and feature."""
    fields = [f'"schema":{compact(reference["schema"])}']
    for name in ("stages", "labels", "features"):
        each = ",\n".join(compact(row) for row in reference[name])
        fields.append(f'"{name}":[\n{each}\n]')
    return ("{" + ",\n".join(fields) + "}\n").encode()


def lines(head: dict, name: str, rows: list[dict]) -> bytes:
    """One JSON object with what head has and a list of rows, a line each, so that a diff can be read."""
    fields = [f'"{key}":{compact(value)}' for key, value in head.items()]
    each = ",\n".join(compact(row) for row in rows)
    fields.append(f'"{name}":[\n{each}\n]')
    return ("{" + ",\n".join(fields) + "}\n").encode()


def number(value: np.floating) -> int | float:
    """A feature as JSON has it: nearly all are whole numbers."""
    return int(value) if value == int(value) else float(value)


def compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
