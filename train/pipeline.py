"""From labelled captures to a bundle, in one direction: tables, scores, thresholds, models, files, figures."""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import bundle, calibrate, card, drift, export, picture, stages, tables, thresholds
from .evaluate import evaluate
from .stages import Stage, Trees
from .tables import Binary, Source, Table

# Chosen by measurement: notes/service.md.
STAGES = [
    Stage("first", "leaves", 1, Trees(rounds=20, leaves=15)),
    Stage("early", "leaves", 2, Trees(rounds=40, leaves=31)),
    Stage("slow", "onnx", 10, Trees(rounds=100, leaves=31, feature_fraction=0.3)),
]


@dataclass(frozen=True)
class Job:
    task: str
    version: str
    slack: float
    data: Path
    out: Path
    binary: Binary
    sources: list[Source]
    test: Source
    notes: str


@dataclass
class Fitted:
    """A stage's model with what it says of flows that it was not fitted on."""

    stage: Stage
    table: Table
    features: list[str]
    unseen: np.ndarray  # scores of such flows, a row each: cross-validated, or of a split
    temperature: float

    def probabilities(self) -> np.ndarray:
        return calibrate.softmax(self.unseen, self.temperature)


def run(job: Job) -> None:
    job.test.known()  # a fault in its labels is said before the long work
    parts = {s: [tables.load(job.binary, source, s.depth) for source in job.sources] for s in STAGES}
    flows = {source.name: len(part) for source, part in zip(job.sources, parts[STAGES[0]])}
    whole = {s: tables.concat(p) for s, p in parts.items()}
    names, y = stages.classes_of(whole[STAGES[0]].y, (source.labels for source in job.sources))
    for s, t in whole.items():
        if list(t.y) != list(whole[STAGES[0]].y):
            raise ValueError(f"stage {s.name} sees other flows than {STAGES[0].name}")
    fitted = [cross_validate(s, whole[s], y, len(names)) for s in STAGES]
    p = [f.probabilities() for f in fitted]
    measure, choice = best_measure(p, y, job.slack)
    say(f"{measure}: thresholds {choice.thresholds}, decided {choice.decided}, accuracy {choice.accuracy:.4f}, macro-F1 {choice.macro_f1:.4f}")
    trained = [finish(f, y, y, len(names), t) for f, t in zip(fitted, [*choice.thresholds, 1.0])]
    pictures = {
        "deferral.svg": picture.deferral(p[0], p[-1], measure, y, choice.decided[0]),
        "calibration.svg": picture.calibration({t.name: t.reliability for t in trained}),
    }
    protocols = tables.protocols(whole[STAGES[0]])
    calib = np.concatenate([np.full(len(part), source.split == "calib") for source, part in zip(job.sources, parts[STAGES[0]])])
    reference = calibration(fitted, names, trained, measure, calib)
    bundle.write(job.out, job.task, job.version, names, measure, trained, "measured next\n", pictures, protocols=protocols, reference=reference)
    figures = evaluate(job.binary, job.out, job.test)
    facts = card.Facts(
        job.task, str(job.data), flows, names, protocols,
        [(t.name, t.engine, t.depth, len(t.features), t.temperature, t.threshold, len(t.data)) for t in trained],
        measure, job.slack, choice, thresholds.quality(p[-1].argmax(axis=1), y, len(names)), job.notes)
    bundle.write(job.out, job.task, job.version, names, measure, trained, card.card(facts, figures), pictures, protocols=protocols, reference=reference)
    say("\n".join(card.table(figures)))


def cross_validate(s: Stage, t: Table, y: np.ndarray, classes: int) -> Fitted:
    features = stages.useful(t.X)
    unseen = stages.cross_scores(s.trees, t.X[features], y, classes, stages.folds(t.about["capture"].to_numpy(str)))
    accuracy, macro_f1 = thresholds.quality(unseen.argmax(axis=1), y, classes)
    say(f"{s.name}: {len(features)} features, {len(y)} flows, cross-validated accuracy {accuracy:.4f}, macro-F1 {macro_f1:.4f}")
    return Fitted(s, t, features, unseen, calibrate.fit_temperature(unseen, y))


def best_measure(p: list[np.ndarray], y: np.ndarray, slack: float) -> tuple[str, thresholds.Choice]:
    """The measure of uncertainty whose thresholds let the first stages decide the most."""
    tried = {m: thresholds.choose(p, m, y, slack) for m in ("margin", "least_confidence", "entropy")}
    for m, c in tried.items():
        say(f"{m}: decided {[round(d, 3) for d in c.decided]}, accuracy {c.accuracy:.4f}, macro-F1 {c.macro_f1:.4f}")
    measure = max(tried, key=lambda m: tried[m].decided)
    return measure, tried[measure]


def finish(f: Fitted, y: np.ndarray, unseen: np.ndarray, classes: int, threshold: float) -> bundle.Trained:
    """Fits on everything and exports, with parity rows from the data; unseen are the classes of f.unseen's rows."""
    X = f.table.X[f.features]
    model = stages.fit(f.stage.trees, X, y, classes)
    rows = X.iloc[:: max(1, len(X) // (3 * bundle.PARITY_ROWS))]
    scores = stages.scores(model, rows)
    data = export.to_text(model) if f.stage.engine == "leaves" else export.to_onnx(model)
    if f.stage.engine == "onnx":
        say(f"{f.stage.name}: exported, largest difference {export.check_onnx(data, rows.to_numpy(), scores):.2g}")
    every = slice(None, None, max(1, len(rows) // bundle.PARITY_ROWS))
    return bundle.Trained(
        f.stage.name, f.stage.engine, f.stage.file, f.stage.depth, f.features, data, f.temperature, threshold,
        calibrate.reliability(f.probabilities(), unseen), rows.to_numpy()[every], scores[every])


def calibration(fitted: list[Fitted], names: list[str], trained: list[bundle.Trained], measure: str, calib: np.ndarray) -> dict:
    """What the calib split's flows look like, by the answers of models that were not fitted on them."""
    p = [f.probabilities()[calib] for f in fitted]
    doubt, bounds = [thresholds.uncertainty(q, measure) for q in p], [t.threshold for t in trained]
    answer = p[-1].argmax(axis=1)
    for q, u, bound in reversed(list(zip(p, doubt, bounds))[:-1]):
        answer = np.where(u <= bound, q.argmax(axis=1), answer)
    return drift.reference(drift.asked([t.name for t in trained], doubt, bounds), names, np.array(names)[answer],
                           fitted[0].table.X[calib][drift.most_used(trained[0].data.decode())])


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
