"""From labelled captures to a bundle, in one direction: flows, answers of models that did not see them, rules, models, files, figures."""

import functools
import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd

from . import bundle, calibrate, card, drift, evaluate, export, gather, hazard, learn, picture, portless, rule, stages, tables, timeline, unseen, waits
from .bundle import Bundle, Part, Trained
from .gather import Flows
from .learn import Model
from .recipe import Recipe
from .rule import Rule
from .tables import Binary, Source
from .unseen import Unseen
from .waits import Waits


FEW = 30  # flows of a class; with fewer nothing can be said of it


@dataclass(frozen=True)
class Job:
    """slack: accuracy and macro-F1 that the cascade may lose on its last stage. command: that makes the bundle, as its card says.
    rules: of the stages, if they are chosen already."""

    task: str
    version: str
    recipe: Recipe
    slack: float
    data: Path
    lab: Path | None
    out: Path
    binary: Binary
    notes: str
    command: str = ""
    rules: tuple[Rule, ...] = ()

    @property
    def where(self) -> gather.Task:
        """Where the flows are."""
        folder, made = self.data / (self.recipe.folder or self.task), self.binary.cache / "labels.csv"
        return gather.Task(self.task, self.data, folder, self.recipe.column, made if self.recipe.relabel else None)

    def relabel(self) -> None:
        """Writes the file of labels, if it is made from another one."""
        if self.recipe.relabel:
            made, given = self.where.labels, replace(self.where, labels=None).split("train").labels
            made.parent.mkdir(parents=True, exist_ok=True)
            made.write_text(self.recipe.relabel(given))


@dataclass
class Made:
    """Everything that a bundle is written from. features: of each stage."""

    recipe: Recipe
    flows: Flows
    names: list[str]
    features: list[list[str]]
    unseen: Unseen
    waits: Waits


def run(job: Job) -> None:
    job.relabel()
    job.where.split("test").known()  # a fault in its labels is said before the long work
    data, names = gathered(job)
    features = [stages.useful(data.flows.rows(data.y >= 0).seen[s.most - 1]) for s in job.recipe.stages]
    answers = unseen.answers(job.recipe, data, features, names, progress)
    made = Made(job.recipe, data, names, features, answers, waits.fit(job.recipe, data, features, answers.probabilities(), names, job.slack, job.rules))
    for s, r in zip(job.recipe.stages, made.waits.rules):
        say(f"{s.name}: {card.in_words(r)}")
    models = unseen.models_of(job.recipe, data, features, names, answers.temperatures[-1])
    trained = [finish(made, i, model) for i, model in enumerate(models)]
    b = Bundle(job.task, job.version, job.recipe, names, trained, protocols(data), reference(made, models[0]))
    pictures = {"calibration.svg": picture.calibration({t.name: t.reliability for t in trained})}
    figures = evaluate.evaluate(job.binary, b, job.out, judged_on(job))
    blind = portless.figures(b, data, functools.partial(exported, made), job.binary, job.where.split("test"))
    folds = len(np.unique(data.fold[data.fold >= 0]))
    facts = card.Facts(b, blind, origin(data, names, job.recipe.background), data.others, folds, None if job.rules else job.slack, job.command, job.notes)
    bundle.write(job.out, b, card.card(facts, figures), pictures)
    say("\n".join(card.table(figures)))


def gathered(job: Job) -> tuple[Flows, list[str]]:
    """The flows with all features that a stage may have."""
    depth, out = max(s.most for s in job.recipe.stages), re.compile(job.recipe.without or "$")
    every = tables.columns(job.binary, job.where.split("train"), depth)
    features = [f for f in stages.allowed(c for c in every if c not in tables.KEYS) if not out.fullmatch(f)]
    data, names = gather.gather(job.where, job.recipe, job.lab, functools.partial(timeline.load, job.binary, depth=depth, features=features))
    count = np.bincount(np.where(data.y < 0, len(names), data.y), minlength=len(names))
    say(f"{len(data)} flows: {', '.join(f'{n} {int(c)}' for n, c in zip([*names, 'no label'], count))}")
    if few := [n for n, c in zip(names, count) if c < FEW]:
        say(f"of {', '.join(few)} there are fewer than {FEW} flows: the bundle will hardly know them, and figures of them say little")
    for alike in alike_names(names):
        say(f"{' and '.join(alike)} are classes of their own: give them one name in the file of labels if they are the same")
    return data, names


def alike_names(names: list[str]) -> list[list[str]]:
    """Names of classes that differ in capitals alone."""
    folded = [n.casefold() for n in names]
    return [[n for n, f in zip(names, folded) if f == one] for one in dict.fromkeys(folded) if folded.count(one) > 1]


def judged_on(job: Job) -> list[Source]:
    """The test split, and load/trace if it has the answers to the task: whole captures, those of all splits among them."""
    return [job.where.split("test"), *([trace] if (trace := job.where.trace()) else [])]


def finish(made: Made, place: int, model: Model) -> Trained:
    """Exports a stage, with what its rules need."""
    stage, data = model.stage, made.flows
    asked = data.fold >= 0
    rows = rows_of(made, model)
    p = calibrate.softmax(made.unseen.scores[place][-1], made.unseen.temperatures[place])
    known = asked & (data.y >= 0)
    hears = made.waits.hazards[place] if made.waits.rules[place].below else None
    return Trained(stage, exported(made, model), made.unseen.temperatures[place], made.waits.rules[place], calibrate.reliability(p[known], data.y[known]),
                   hears and hazard_part(hears, hazard.features(rows, p[asked])))


def rows_of(made: Made, model: Model) -> pd.DataFrame:
    """What the model sees of the flows that were asked about."""
    return made.flows.flows.seen[model.stage.most - 1][model.features][made.flows.fold >= 0]


def exported(made: Made, model: Model) -> Part:
    """The model's file, with parity rows from the data."""
    rows = rows_of(made, model)
    rows = rows.iloc[:: max(1, len(rows) // (3 * bundle.PARITY_ROWS))]
    scores = model.scores(rows)
    if model.stage.engine == "leaves":
        return Part(export.to_text(model.members[0]), model.features, rows.to_numpy(), scores)
    data = export.to_onnx(model.members)
    say(f"{model.stage.name}: exported, largest difference {export.check_onnx(data, rows.to_numpy(), scores):.2g}")
    return Part(data, model.features, rows.to_numpy(), scores)


def hazard_part(model: lgb.Booster, rows: pd.DataFrame) -> Part:
    rows = rows.iloc[:: max(1, len(rows) // bundle.PARITY_ROWS)]
    return Part(export.to_text(model), model.feature_name(), rows.to_numpy(), hazard.scores(model, rows))


def reference(made: Made, first: Model) -> dict:
    """What the calib split's flows look like, by the answers of models that were not fitted on them."""
    asked = made.flows.fold >= 0
    calib = asked & (made.flows.y >= 0) & gather.of_split(made.flows.flows, "calib")
    flows, p = made.flows.flows.rows(calib), [[q[calib] for q in each] for each in made.unseen.probabilities()]
    looks = rule.walk(flows, made.waits.rules, p, made.names, 0, made.recipe.background)
    out = rule.decide(looks, made.waits.rules, {key: column[calib[asked]] for key, column in made.waits.more.items()}, made.names, made.recipe.background)
    names = np.array([*made.names, "unknown", ""])  # UNKNOWN is -2
    X = flows.seen[first.stage.depth - 1][drift.most_used(export.to_text(first.members[0]).decode())]
    return drift.reference(drift.looked([s.name for s in made.recipe.stages], looks, out, made.waits.rules, made.names), made.names, names[out.answer], X)


def protocols(data: Flows) -> list[str]:
    return tables.protocols(data.flows.seen[0]["proto"][data.y >= 0])


def origin(data: Flows, names: list[str], background: str) -> dict[str, int]:
    """How many labelled flows are from where: a split, a run of the lab, or the background."""
    known = data.y >= 0
    strange = data.y[known] == rule.background_at(names, background)
    place = np.array([str(c).split("/")[0].removesuffix(".csv").removesuffix(".labels") for c in data.flows.capture[known]])
    return {name: int(n) for name, n in zip(*np.unique(np.where(strange, "the background", place), return_counts=True))}


def progress(done: int, of: int) -> None:
    """A bar of the folds that are fitted: by far the longest step."""
    say(f"[{'#' * done}{'.' * (of - done)}] {done} of {of} folds fitted and asked")


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
