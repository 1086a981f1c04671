"""Flows with the answers of models that were refitted without the flow's capture: what bounds may be chosen on."""

from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import numpy as np
import pandas as pd

from . import answers, calibrate, files, pipeline, stages, timeline
from .answers import Shipped
from .tables import Source
from .timeline import Timeline
from .truth import Problem

Load = Callable[[Source], Timeline]


@dataclass
class Unseen:
    """y: class indices, -1 if not known. fold: flows of a capture share it. p[stage][m-1]: probabilities
    after m packets. others: how many flows have no label, by the question whose files they are of."""

    flows: Timeline
    y: np.ndarray
    fold: np.ndarray
    p: list[list[np.ndarray]]
    others: dict[str, int]


def gather(data: Path, lab: Path | None, task: str, names: list[str], shipped: list[Shipped], load: Load) -> Unseen:
    """The labelled flows of train and calib, and of other questions' train files those without a label here.

    data has TASK/train.pcap and so on, and perhaps the like of other questions. lab: what the
    stages were trained on too. names: the bundle's classes.
    """
    flows = timeline.concat([labelled(load(split(data / task, s))) for s in ("train", "calib")])
    extra = [labelled(load(lab_run(lab, name, known))) for name, known in (files.labels_in(lab) if lab else [])]
    extra = timeline.concat(extra) if extra else flows.rows(np.zeros(0, dtype=int))
    fold = stages.folds(flows.capture)
    parts, folds, p, others = [flows], [fold], [refitted(shipped, recipe(shipped), flows, extra, names, fold)], {}
    test = {timeline.name(k.ends, k.first) for k in split(data / task, "test").known().all}
    for folder in sorted(f for f in data.iterdir() if f.name != task and is_question(f)):
        kept, own = strangers(load(split(folder, "train")), folder.name, flows, fold, test)
        if len(kept):
            parts, folds, p = [*parts, kept], [*folds, own], [*p, answers.after_each(shipped, kept)]
        others[folder.name] = len(kept)
    whole = timeline.concat(parts)
    return Unseen(whole, indices(whole.y, names), np.concatenate(folds), [[np.concatenate(m) for m in zip(*s)] for s in zip(*p)], others)


def split(folder: Path, name: str) -> Source:
    remedy = "--data names the folder that holds TASK, with captures and labels.csv"
    return Source(files.need(folder, f"{name}.pcap", f"{name}.pcapng", f"{name}.jsonl", remedy=remedy), files.need(folder, "labels.csv", remedy=remedy), name)


def lab_run(lab: Path, name: str, labels: Path) -> Source:
    return Source(files.need(lab, f"{name}.pcap", f"{name}.pcapng", f"{name}.jsonl", remedy="--lab names a folder of labelled traffic"), labels)


def is_question(folder: Path) -> bool:
    return bool(files.find(folder, "train.pcap", "train.pcapng", "train.jsonl") and files.find(folder, "labels.csv"))


def labelled(flows: Timeline) -> Timeline:
    return flows.rows(flows.y != "")


def indices(y: np.ndarray, names: list[str]) -> np.ndarray:
    """Labels to class indices; -1 for what is no class."""
    place = {n: i for i, n in enumerate(names)}
    return np.array([place.get(label, -1) for label in y], dtype=int)


def recipe(shipped: list[Shipped]) -> list[stages.Trees]:
    """How the stages were fitted; a Problem if they are not those of the pipeline."""
    ours = {(s.name, s.depth): s.trees for s in pipeline.STAGES}
    for s in shipped:
        if (s.name, s.depth) not in ours:
            raise Problem(f"the bundle's stage {s.name} of {s.depth} packets is none of python3 -m train, so it cannot be refitted without a capture")
    return [ours[s.name, s.depth] for s in shipped]


def refitted(shipped: list[Shipped], trees: list[stages.Trees], flows: Timeline, extra: Timeline, names: list[str], fold: np.ndarray) -> list[list[np.ndarray]]:
    """What answers.after_each gives, by models that were fitted without the flow's fold, at the bundle's temperatures.

    extra: flows to fit on in every fold, and not to answer.
    """
    out = [[np.zeros((len(flows), len(names))) for _ in range(s.depth)] for s in shipped]
    y, more = indices(flows.y, names), indices(extra.y, names)
    for f in range(fold.max() + 1):
        away = fold == f
        for s, size, p in zip(shipped, trees, out):
            X = pd.concat([flows.seen[s.depth - 1][s.features][~away], extra.seen[s.depth - 1][s.features]])
            model = stages.fit(size, X, np.concatenate([y[~away], more]), len(names))
            for m in range(s.depth):
                p[m][away] = calibrate.softmax(stages.scores(model, flows.seen[m][away]), s.temperature)
    return out


def strangers(other: Timeline, question: str, flows: Timeline, fold: np.ndarray, test: set[str]) -> tuple[Timeline, np.ndarray]:
    """Of another question's flows those that have no label here, with a fold for each.

    Files of several questions may be cut from the same captures. Such a capture has the fold
    that it has in flows, and it is left out if the test split has a flow of it.
    """
    at = dict(zip(flows.key, fold))
    capture = np.array([f"{question}:{c}" for c in other.capture], dtype=object)
    tested = {c for c, key in zip(capture, other.key) if key in test}
    shared = {c: at[key] for c, key in zip(capture, other.key) if key in at}
    mine = np.array([c not in tested and key not in at for c, key in zip(capture, other.key)], dtype=bool)
    kept = other.rows(mine)
    kept.y, kept.capture = np.full(len(kept), "", dtype=object), capture[mine]
    spread = np.unique(capture.astype(str), return_inverse=True)[1][mine] % (fold.max() + 1)
    return kept, np.array([shared.get(c, own) for c, own in zip(kept.capture, spread)], dtype=int)
