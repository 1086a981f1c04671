"""A bundle: the folder that `serveflow run` loads."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .calibrate import Reliability
from .recipe import Recipe, Stage
from .rule import Rule

SCHEMA, FEATURES = "serveflow.bundle/1", "serveflow.features/1"
MANIFEST, PARITY, CALIBRATION, CARD, DRIFT = "manifest.json", "parity.json", "calibration.json", "MODEL_CARD.md", "drift.json"
PARITY_ROWS = 350  # a model: over 1,000 in all


@dataclass(frozen=True)
class Part:
    """A model's file with rows for parity: float32 features, and the training library's raw scores of them."""

    data: bytes
    features: list[str]
    x: np.ndarray
    scores: np.ndarray

    def parity(self, name: str) -> list[dict]:
        """So many of the rows, from all of them, with scores as they are."""
        every = slice(None, None, max(1, len(self.x) // PARITY_ROWS))
        return [{"stage": name, "x": [number(v) for v in x], "scores": [float(v) for v in s]}
                for x, s in list(zip(self.x[every], self.scores[every]))[:PARITY_ROWS]]


@dataclass(frozen=True)
class Trained:
    """A stage that is ready to ship. hazard: its model of P(another packet), if the rule asks it."""

    stage: Stage
    part: Part
    temperature: float
    rule: Rule
    reliability: Reliability
    hazard: Part | None = None

    @property
    def name(self) -> str:
        return self.stage.name

    @property
    def hazard_file(self) -> str:
        return f"{self.name}-hazard.txt"

    def parts(self) -> dict[str, Part]:
        """Its models, by their names in parity.json."""
        return {self.name: self.part} | ({f"{self.name}.hazard": self.hazard} if self.hazard else {})

    def files(self) -> dict[str, bytes]:
        return {self.stage.file: self.part.data} | ({self.hazard_file: self.hazard.data} if self.hazard else {})

    def manifest(self, background: str) -> dict:
        graph = {"input": "features", "output_name": "scores"} if self.stage.engine == "onnx" else {}
        rule, deeper = self.rule, {"max_depth": self.stage.deepest} if self.stage.deepest > self.stage.depth else {}
        rules = {"thresholds": {c: float(t) for c, t in sorted(rule.thresholds.items())}} if rule.thresholds else {}
        if rule.patience:
            rules["patience"] = [({"classes": list(h.classes)} if h.classes else {}) | ({"packets": h.packets} if h.packets else {}) | {"ms": int(h.ms)}
                                 for h in rule.patience]
        if self.hazard:
            rules["hazard"] = {"file": self.hazard_file, "features": self.hazard.features, "below": rule.below}
        if background:
            rules["novelty"] = {"class": background, "above": rule.above}
        return {
            "name": self.name, "engine": self.stage.engine, "file": self.stage.file, "depth": self.stage.depth, **deeper, **graph,
            "output": "scores", "temperature": round(self.temperature, 6), "uncertainty": rule.measure,
            "threshold": float(rule.threshold), **rules, "features": self.part.features,
        }


@dataclass(frozen=True)
class Bundle:
    """What its manifest says. conns: its flows are conn.log's. protocols: those that it answers for, as flows name them; all without the list.
    reference: what the flows of the calibration set look like, by drift.reference."""

    task: str
    version: str
    recipe: Recipe
    classes: list[str]
    stages: list[Trained]
    protocols: list[str]
    reference: dict | None = None
    conns: bool = False


def write(out: Path, b: Bundle, card: str, pictures: dict[str, bytes]) -> None:
    """Writes all files of a bundle, and removes what an older one left there."""
    files = {name: data for s in b.stages for name, data in s.files().items()} | pictures
    parts = {name: part for s in b.stages for name, part in s.parts().items()}
    names = {"classes": b.classes, "features": {name: part.features for name, part in parts.items()}}
    files[PARITY] = lines(names, "rows", [row for name, part in parts.items() for row in part.parity(name)])
    files[CALIBRATION] = json.dumps({s.name: s.reliability.as_dict() for s in b.stages}, indent=1).encode()
    files[CARD] = card.encode()
    if b.reference:
        files[DRIFT] = drift(b.reference)
    files[MANIFEST] = (json.dumps(manifest(b, files), indent=1) + "\n").encode()
    out.mkdir(parents=True, exist_ok=True)
    for old in out.iterdir():
        if old.is_file() and old.name not in files and (old.suffix in (".txt", ".onnx", ".svg", ".html") or old.name == DRIFT):
            old.unlink()
    for name, data in files.items():
        (out / name).write_bytes(data)


def manifest(b: Bundle, files: dict[str, bytes]) -> dict:
    families = [{"name": name, "classes": [c for c in of if c in b.classes]} for name, of in b.recipe.families]
    return {
        "schema": SCHEMA, "task": b.task, "version": b.version, "features": FEATURES,
        **({"input": "conn"} if b.conns else {}), **({"protocols": b.protocols} if b.protocols else {}), "classes": b.classes,
        "stages": [s.manifest(b.recipe.background) for s in b.stages], **({"families": families} if families else {}),
        "parity": PARITY, "calibration": CALIBRATION, "model_card": CARD, **({"drift": DRIFT} if b.reference else {}),
        "files": {name: digest(data) for name, data in sorted(files.items())},
    }


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
