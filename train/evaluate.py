"""What a written bundle really does on a test split: by `serveflow eval`, as any user would ask."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from . import tables, truth
from .tables import Binary, Source


@dataclass(frozen=True)
class Figures:
    """The test split's figures by what served it: each stage alone, and the cascade.

    Of each: flows, accuracy, macro_f1, f1 by class, by_stage, and wait_ms with p50, p90, p99 and under_16ms.
    """

    alone: dict[str, dict]
    cascade: dict


def evaluate(binary: Binary, bundle: Path, source: Source) -> Figures:
    """Figures of a bundle on the source's known flows, of which one at least has a label."""
    choice = [part for option in ("split", "question") if (value := getattr(source, option)) for part in (f"--{option}", value)]
    done = subprocess.run([str(binary.path), "eval", "--json", "--bundle", str(bundle), "--labels", str(source.labels), *choice, str(binary.records(source))],
                          capture_output=True, text=True, env=binary.environment())
    if done.returncode:
        words = (done.stderr.splitlines() or [""])[-1]
        if "known flows is among" in words:
            known = source.known().all
            raise truth.Problem(tables.strangers(source, len(known), int(words.split("among the ")[1].split()[0])))
        raise truth.Problem(f"{source.capture}: serveflow eval ended with exit code {done.returncode}: {words}")
    figures = json.loads(done.stdout)["figures"]
    flows, stages = figures["flows"]["known"], figures["alone"]
    return Figures({s["stage"]: summed(flows, s, s["classes"], s["wait"], [{"name": s["stage"], "known": {"value": 1.0}}]) for s in stages},
                   summed(flows, figures["quality"], figures["quality"]["classes"], figures["wait"], figures["by_stage"]))


def summed(flows: int, quality: dict, classes: list[dict], wait: dict, by_stage: list[dict]) -> dict:
    """The values of figures, without their intervals."""
    return {
        "flows": flows, "accuracy": quality["accuracy"]["value"], "macro_f1": quality["macro_f1"]["value"],
        "f1": {c["name"]: c["f1"]["value"] for c in classes},
        "by_stage": {s["name"]: s["known"]["value"] for s in by_stage},
        "wait_ms": {q: wait[name]["value"] for q, name in (("p50", "p50_ms"), ("p90", "p90_ms"), ("p99", "p99_ms"), ("under_16ms", "under_16ms"))},
    }
