"""What a written bundle really does on a test split: through `serveflow replay`, scored like any user would."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from . import score, tables, truth
from .tables import Binary, Source


@dataclass(frozen=True)
class Figures:
    """The test split's figures by what served it: each stage alone, and the cascade."""

    alone: dict[str, dict]
    cascade: dict


def replay(binary: Binary, bundle: Path, source: Source, stages: list[str]) -> dict:
    """Labels the source by these stages of a bundle; score.score's figures, of one labelled flow at least."""
    with subprocess.Popen(
        [str(binary.path), "replay", "--bundle", str(bundle), "--stages", ",".join(stages), str(binary.records(source))],
        stdout=subprocess.PIPE, text=True, env=binary.environment(),
    ) as run:
        figures = score.score(source.known().all, run.stdout)
    if run.returncode:
        raise truth.Problem(f"{source.capture}: serveflow replay ended with exit code {run.returncode}; its words are above")
    if figures["unlabelled"] == figures["flows"]:
        raise truth.Problem(tables.strangers(source, figures["flows"], figures["other_flows"]))
    return figures


def evaluate(binary: Binary, bundle: Path, source: Source, stages: list[str]) -> Figures:
    return Figures({s: replay(binary, bundle, source, [s]) for s in stages}, replay(binary, bundle, source, stages))
