"""From labelled conn.logs to a bundle of one stage, in one direction: tables, model, files, figures."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import bundle, calibrate, conncard, drift, evaluate, files, picture, stages, tables, thresholds, truth
from .bundle import Bundle, Trained
from .learn import Model
from .pipeline import exported, say
from .recipe import Member, Recipe, Stage
from .rule import Rule
from .stages import Trees
from .tables import Binary, Source

SUFFIX = "-conn"

# Chosen by measurement: notes/service-conn.md.
STAGE = Stage("conn", "leaves", 1, (Member(Trees(rounds=40, leaves=31, feature_fraction=0.5)),))

MEASURE = "margin"


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
        labels = files.need(self.data / self.question, "labels.csv", remedy=f"--data names the folder that holds {self.question}/labels.csv")
        short = Source(self.log(f"{self.question}-{split}"), labels, split)
        whole = [Source(self.log(name), labels, split, self.question)
                 for name in ("trace", "full") if answers(labels := files.find(self.data / "load", f"{name}.csv"), split, self.question)]
        return [short, *whole]

    def log(self, name: str) -> Path:
        """The conn.log of this name."""
        return files.need(self.data / "zeek", f"{name}.conn.log", remedy="--data names the folder that holds zeek/NAME.conn.log")


def answers(labels: Path | None, split: str, question: str) -> bool:
    """Whether a file of labels, where there is one, has some of this split for the question."""
    if labels is None or question not in truth.columns(labels):
        return False
    return any(truth.read_labels(labels, split, question))


def run(job: Job) -> None:
    for s in job.sources("test"):
        s.known()  # a fault in the test split is said before the long work
    parts = {split: [(s.name, tables.load(job.binary, s, 1, "--input", "conn")) for s in job.sources(split)] for split in ("train", "calib")}
    train, calib = (tables.concat([t for _, t in parts[split]]) for split in ("train", "calib"))
    both = tables.concat([train, calib])
    names, y = stages.classes_of(both.y, (s.labels for split in ("train", "calib") for s in job.sources(split)))
    features = stages.useful(both.X)
    trees = STAGE.members[0].trees
    # Flows of trace are the other files' own, of another length: only the splits
    # keep a capture's flows together, so the calib split is what no model has seen.
    unseen = stages.scores(stages.fit(trees, train.X[features], y[: len(train)], len(names)), calib.X)
    known = y[len(train):]
    temperature = calibrate.fit_temperature(unseen, known)
    p = calibrate.softmax(unseen, temperature)
    model = Model(STAGE, features, [stages.fit(trees, both.X[features], y, len(names))])
    part = exported(model, both.X[features].iloc[:: max(1, len(both) // (3 * bundle.PARITY_ROWS))])
    trained = Trained(STAGE, part, temperature, Rule(1, MEASURE, 1.0), calibrate.reliability(p, known))
    reference = drift.reference(drift.asked([STAGE.name], [thresholds.uncertainty(p, MEASURE)], [1.0]), names,
                                np.array(names)[p.argmax(axis=1)], calib.X[drift.most_used(part.data.decode())])
    b = Bundle(job.task, job.version, Recipe((STAGE,)), names, [trained], tables.protocols(both.X["proto"]), reference, conns=True)
    pictures = {"calibration.svg": picture.calibration({STAGE.name: trained.reliability})}
    figures = evaluate.evaluate(job.binary, b, job.out, job.sources("test"))
    flows = {f"{name} ({split})": len(t) for split, of in parts.items() for name, t in of}
    facts = conncard.Facts(b, job.question, str(job.data), flows, job.notes)
    bundle.write(job.out, b, conncard.card(facts, figures), pictures)
    say("\n".join(conncard.table(figures)))
