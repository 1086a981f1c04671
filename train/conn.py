"""From labelled conn.logs to a bundle of one stage, in one direction: tables, model, files, figures."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import bundle, calibrate, conncard, picture, stages, tables, truth
from .evaluate import replay
from .pipeline import Fitted, finish, say
from .stages import Stage, Trees
from .tables import Binary, Source

SUFFIX = "-conn"

# Chosen by measurement: notes/service-conn.md.
STAGE = Stage("conn", "leaves", 1, Trees(rounds=40, leaves=31, feature_fraction=0.5))


@dataclass(frozen=True)
class Job:
    task: str  # the question and SUFFIX
    version: str
    data: Path
    out: Path
    binary: Binary
    notes: str

    @property
    def question(self) -> str:
        return self.task.removesuffix(SUFFIX)

    def sources(self, split: str) -> list[Source]:
        """The labelled conn.logs of a split.

        The first holds the first 10 packets of each flow, as DATA/QUESTION's captures
        do; trace has 30 of them, full all: a model is to know flows of any length.
        """
        short = Source(self.data / "zeek" / f"{self.question}-{split}.conn.log.zst", self.data / self.question / "labels.csv.zst", split)
        whole = [Source(self.data / "zeek" / f"{name}.conn.log.zst", labels, split, self.question)
                 for name in ("trace", "full") if answers(labels := self.data / "load" / f"{name}.csv.zst", split, self.question)]
        return [short, *whole]


def answers(labels: Path, split: str, question: str) -> bool:
    """Whether a file of labels, where there is one, has some of this split for the question."""
    if not labels.exists() or question not in truth.columns(labels):
        return False
    return any(truth.read_labels(labels, split, question))


def run(job: Job) -> None:
    parts = {split: [(s.name, tables.load(job.binary, s, 1, "--input", "conn")) for s in job.sources(split)] for split in ("train", "calib")}
    train, calib = (tables.concat([t for _, t in parts[split]]) for split in ("train", "calib"))
    both = tables.concat([train, calib])
    classes, y = np.unique(both.y.astype(str), return_inverse=True)
    features = stages.useful(both.X)
    # Flows of trace are the other files' own, of another length: only the splits
    # keep a capture's flows together, so the calib split is what no model has seen.
    unseen = stages.scores(stages.fit(STAGE.trees, train.X[features], y[: len(train)], len(classes)), calib.X)
    known = y[len(train):]
    temperature = calibrate.fit_temperature(unseen, known)
    trained = finish(Fitted(STAGE, both, features, unseen, temperature), y, known, len(classes), 1.0)
    names = [str(c) for c in classes]
    pictures = {"calibration.svg": picture.calibration({STAGE.name: trained.reliability})}

    def write(card: str) -> None:
        bundle.write(job.out, job.task, job.version, names, "margin", [trained], card, pictures, conns=True)

    write("measured next\n")
    figures = {s: replay(job.binary, job.out, s, [STAGE.name]) for s in job.sources("test")}
    flows = {f"{name} ({split})": len(t) for split, of in parts.items() for name, t in of}
    write(conncard.card(conncard.Facts(job.task, job.question, str(job.data), flows, names, trained, job.notes), figures))
    say("\n".join(conncard.table(figures)))
