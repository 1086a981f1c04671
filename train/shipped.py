"""The rules of a bundle that is written, as training knows them."""

import json
from dataclasses import dataclass
from pathlib import Path

from .rule import Hold, Rule
from .truth import Problem


@dataclass(frozen=True)
class Shipped:
    """What a manifest says. names: of the classes; background: one of them, or "" for none. stages, rules, temperatures: in their order."""

    names: list[str]
    background: str
    stages: list[dict]
    rules: list[Rule]
    temperatures: list[float]


def read(folder: Path) -> Shipped:
    try:
        manifest = json.loads((folder / "manifest.json").read_text())
        stages = manifest["stages"]
        return Shipped(manifest["classes"], stages[0].get("novelty", {}).get("class", ""), stages, [rule(s) for s in stages], [s["temperature"] for s in stages])
    except (json.JSONDecodeError, KeyError) as wrong:
        raise Problem(f"{folder}/manifest.json: {wrong}; name the folder of a bundle") from None


def rule(stage: dict) -> Rule:
    """The rule of a manifest's stage."""
    holds = tuple(Hold(p["ms"], tuple(p.get("classes", ())), p.get("packets", 0)) for p in stage.get("patience", ()))
    return Rule(stage["depth"], stage["uncertainty"], stage["threshold"], stage.get("max_depth", 0), stage.get("hazard", {}).get("below", 0.0),
                stage.get("novelty", {}).get("above", 1.0), holds, stage.get("thresholds", {}))
