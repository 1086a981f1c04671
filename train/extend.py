"""Adds hazards, patience and thresholds to a bundle that is there."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd

from . import bundle, hazard, judge
from .judge import Judged
from .rule import Rule

HEADING = "## Waits"
PARITY_ROWS = 350


@dataclass(frozen=True)
class Part:
    """What is added to a stage. model and its rows for parity are None for the last stage."""

    name: str
    rule: Rule
    model: lgb.Booster | None = None
    rows: pd.DataFrame | None = None

    @property
    def hears(self) -> bool:
        """Whether the stage asks its model: with a bound of 0 nothing would be below it."""
        return self.model is not None and self.rule.below > 0

    @property
    def key(self) -> str:
        """Its name in parity.json."""
        return f"{self.name}.hazard"

    @property
    def file(self) -> str:
        return f"{self.name}-hazard.txt"

    def fields(self) -> dict:
        """What the manifest says of it."""
        given = {"threshold": self.rule.threshold}
        if self.rule.patience:
            given["patience"] = [({"classes": list(h.classes)} if h.classes else {}) | ({"packets": h.packets} if h.packets else {}) | {"ms": int(h.ms)}
                                 for h in self.rule.patience]
        if self.hears:
            given["hazard"] = {"file": self.file, "features": self.model.feature_name(), "below": self.rule.below}
        return given

    def parity(self) -> list[dict]:
        rows = self.rows.iloc[:: max(1, len(self.rows) // PARITY_ROWS)][:PARITY_ROWS]
        return [{"stage": self.key, "x": [bundle.number(v) for v in x], "scores": [float(v) for v in s]}
                for x, s in zip(rows.to_numpy(np.float32), hazard.scores(self.model, rows))]


def write(old: Path, out: Path, parts: list[Part], card: str) -> None:
    """Writes the old bundle with the parts added to its stages; out may be the same folder.

    What an earlier call added is replaced.
    """
    manifest = json.loads((old / bundle.MANIFEST).read_text())
    gone = {s["hazard"]["file"] for s in manifest["stages"] if "hazard" in s}
    files = {name: (old / name).read_bytes() for name in manifest["files"] if name not in gone}
    by_name = {part.name: part for part in parts}
    for s in manifest["stages"]:
        s.pop("hazard", None), s.pop("patience", None)
        features = s.pop("features")
        s |= by_name[s["name"]].fields() | {"features": features}
    hearing = [part for part in parts if part.hears]
    files |= {part.file: part.model.model_to_string().encode() for part in hearing}
    files[manifest["parity"]] = parity(json.loads(files[manifest["parity"]]), hearing)
    files[manifest["model_card"]] = (files[manifest["model_card"]].decode().split(f"\n{HEADING}\n")[0].rstrip() + f"\n\n{HEADING}\n\n{card}").encode()
    manifest["files"] = {name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())}
    files[bundle.MANIFEST] = (json.dumps(manifest, indent=1) + "\n").encode()
    out.mkdir(parents=True, exist_ok=True)
    for name in gone:
        (out / name).unlink(missing_ok=True)
    for name, data in files.items():
        (out / name).write_bytes(data)


def parity(known: dict, parts: list[Part]) -> bytes:
    """The rows that are there and those of the hazards, whose scores are of two classes: 0, and the log of the odds."""
    stages = {name: features for name, features in known["features"].items() if not name.endswith(".hazard")}
    features = stages | {part.key: part.model.feature_name() for part in parts}
    rows = [row for row in known["rows"] if row["stage"] in stages] + [row for part in parts for row in part.parity()]
    return bundle.lines({"classes": known["classes"], "features": features}, "rows", rows)


def card(command: str, flows: int, others: dict[str, int], slack: float, parts: list[Part], figures: list[Judged]) -> str:
    """The section of the model card."""
    strange = ", ".join(f"{name} {n:,}" for name, n in others.items()) or "none"
    rows = [f"| {p.name} | {p.rule.threshold:.4f} | {p.rule.below or 'not asked'} | {p.rule.said()} |" for p in parts[:-1]]
    return "\n".join([
        "Where a stage is unsure, a small model says how probable another packet within 2 s is; below the bound the answer that stands "
        "goes out at once (`no_more`). Otherwise the flow waits, for as long as the table of patience says.", "",
        "| stage | hands on above | no wait below P(packet) | patience |", "| --- | --- | --- | --- |", *rows, "",
        f"Fitted on the train and calib splits ({flows:,} labelled flows, with answers of models that did not see the flow's capture) and on flows of "
        f"other questions' train files that have no label here ({strange}), without the captures that the test split has flows of. Bounds are those that let most "
        f"flows be answered within 16 ms while accuracy and macro-F1 stay within {slack:g} of the last stage alone. "
        "The models of the stages are the ones above.", "",
        "Simulated (`train/rule.py`), a timeout counted with its patience and `SERVEFLOW_LATENESS`; ± is the standard error between captures:", "",
        *judge.table(figures), "", "```", command, "```", ""])
