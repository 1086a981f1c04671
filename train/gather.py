"""The flows that a bundle is made of: labelled, of the background, and without a label."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import numpy as np

from . import files, stages, timeline, truth
from .recipe import Recipe
from .tables import Source
from .timeline import Timeline

Load = Callable[[Source], Timeline]

FOLDS = 5
RARE = 5  # a port with fewer labelled flows is none of a known service
TRACE = "trace"  # of DATA/load: whole captures


@dataclass
class Flows:
    """y: class indices, -1 without a label. fold: flows of a capture share it; -1 for what every fold learns from, and
    none is asked about. others: how many flows come from another question's files, by its name."""

    flows: Timeline
    y: np.ndarray
    fold: np.ndarray
    others: dict[str, int]

    def __len__(self) -> int:
        return len(self.y)

    def rows(self, chosen: np.ndarray) -> "Flows":
        return Flows(self.flows.rows(chosen), self.y[chosen], self.fold[chosen], self.others)


@dataclass(frozen=True)
class Task:
    """Where a task's flows are. folder: with the captures of its splits. labels: in place of the folder's own file."""

    name: str
    data: Path
    folder: Path
    column: str = "label"
    labels: Path | None = None

    def split(self, name: str) -> Source:
        remedy = "--data names the folder that holds TASK, with captures and labels.csv"
        return Source(files.need(self.folder, *(name + kind for kind in (".pcap", ".pcapng", ".jsonl")), remedy=remedy),
                      self.labels or files.need(self.folder, "labels.csv", remedy=remedy), name, "" if self.column == "label" else self.column)

    def others(self) -> list["Task"]:
        """The other questions of the same folder of data."""
        return [Task(f.name, self.data, f) for f in sorted(self.data.iterdir()) if f != self.folder and is_question(f)]

    def trace(self) -> Source | None:
        """DATA/load/trace, if its file of labels has a column for the task."""
        known = files.find(self.data / "load", f"{TRACE}.csv")
        if not known or self.name not in truth.columns(known):
            return None
        return Source(files.need(self.data / "load", f"{TRACE}.pcap", remedy="--data names the folder that holds load"), known, "", self.name)


def lab_run(lab: Path, name: str, labels: Path) -> Source:
    """A further capture to learn from."""
    return Source(files.need(lab, *(name + kind for kind in (".pcap", ".pcapng", ".jsonl")), remedy="--lab names a folder of labelled traffic"), labels)


def gather(task: Task, recipe: Recipe, lab: Path | None, load: Load) -> tuple[Flows, list[str]]:
    """All flows of a task, and the names of its classes.

    Labelled: the train and calib splits, and the lab's runs. Without a label: other questions' train files, but for
    captures that the test split has flows of. The background is of these, and of DATA/load/trace if the task is one of its questions.
    """
    test = {timeline.name(k.ends, k.first) for k in task.split("test").known().all}
    own = apart(timeline.concat([labelled(load(task.split(s))) for s in ("train", "calib")]), test)
    runs = [labelled(load(lab_run(lab, name, known))) for name, known in (files.labels_in(lab) if lab else [])]
    fold = stages.folds(np.array([str(c).rpartition("/")[2] for c in own.capture]), FOLDS)  # splits may share captures
    parts, folds, others = [own, *runs], [fold, *(np.full(len(r), -1) for r in runs)], {}
    for other in task.others():
        kept, at = strangers(load(other.split("train")), other.name, own, fold, test, whole=recipe.strange_ports)
        parts, folds, others[other.name] = [*parts, kept], [*folds, at], len(kept)
    if recipe.background and recipe.strange_ports and (whole := task.trace()):
        kept = unasked(load(whole))
        parts, folds, others["load/trace"] = [*parts, kept], [*folds, spread(kept.capture)], len(kept)
    flows, fold = timeline.concat(parts), np.concatenate(folds)
    names, _ = stages.classes_of(flows.y[flows.y != ""], [task.split("train").labels])
    if recipe.background:
        keep = put_background(flows, recipe)
        flows, fold, names = flows.rows(keep), fold[keep], [*names, recipe.background]
    return Flows(flows, indices(flows.y, names), fold, others), names


def put_background(flows: Timeline, recipe: Recipe) -> np.ndarray:
    """Labels the flows of the background, and says which flows to keep: of a capture's background so many, by lot.

    load/trace is judged on, so nothing but background is taken from it.
    """
    strange = flows.y == ""
    if recipe.strange_ports:
        port = flows.seen[0]["resp_port"].to_numpy(int)
        known, count = np.unique(port[~strange], return_counts=True)
        strange &= ~np.isin(port, known[count >= RARE])
    flows.y[strange] = recipe.background
    capture, rng = flows.capture.astype(str), np.random.default_rng(1)
    keep = (flows.y != recipe.background) & ~((flows.y == "") & np.char.startswith(capture, f"{TRACE}:"))
    for c in np.unique(capture[strange]):
        keep[rng.permutation(np.flatnonzero(strange & (capture == c)))[:recipe.per_capture]] = True
    return keep


def apart(flows: Timeline, test: set[str]) -> Timeline:
    """The flows without those that the test split has too, each once: collections hold captures of one another."""
    seen, kept = set(test), np.zeros(len(flows), dtype=bool)
    for i, key in enumerate(flows.key):
        kept[i] = key not in seen
        seen.add(key)
    if not kept.all():
        print(f"{(~kept).sum()} flows are in two splits, and learned from once or, where the test split has them, not", file=sys.stderr, flush=True)
    if not kept.any():
        raise truth.Problem("every labelled flow of the train and calib splits is in the test split too: give each flow to one split")
    return flows.rows(kept)


def unasked(whole: Timeline) -> Timeline:
    """Of whole captures the flows without a label, but for captures of the test split."""
    kept = whole.rows((whole.y == "") & ~of_split(whole, "test"))
    kept.capture = np.array([f"{TRACE}:{c}" for c in kept.capture], dtype=object)
    return kept


def of_split(flows: Timeline, split: str) -> np.ndarray:
    """Which flows are of captures of this split."""
    return np.array([str(c).startswith(split + "/") for c in flows.capture])


def strangers(other: Timeline, question: str, flows: Timeline, fold: np.ndarray, test: set[str], whole: bool = True) -> tuple[Timeline, np.ndarray]:
    """Of another question's flows those that have no label here, with a fold for each.

    Files of several questions may be cut from the same captures. Such a capture has the fold that it has in flows,
    or is left out if not whole; and it is left out if the test split has a flow of it.
    """
    at = dict(zip(flows.key, fold))
    capture = np.array([f"{question}:{c}" for c in other.capture], dtype=object)
    tested = {c for c, key in zip(capture, other.key) if key in test}
    shared = {c: at[key] for c, key in zip(capture, other.key) if key in at}
    mine = np.array([c not in tested and key not in at and (whole or c not in shared) for c, key in zip(capture, other.key)], dtype=bool)
    kept = other.rows(mine)
    kept.y, kept.capture = np.full(len(kept), "", dtype=object), capture[mine]
    return kept, np.array([shared.get(c, own) for c, own in zip(kept.capture, spread(capture)[mine])], dtype=int)


def spread(capture: np.ndarray) -> np.ndarray:
    """A fold for each flow, the same for a capture."""
    return np.unique(capture.astype(str), return_inverse=True)[1] % FOLDS


def is_question(folder: Path) -> bool:
    return bool(files.find(folder, "train.pcap", "train.pcapng", "train.jsonl") and files.find(folder, "labels.csv"))


def labelled(flows: Timeline) -> Timeline:
    return flows.rows(flows.y != "")


def indices(y: np.ndarray, names: list[str]) -> np.ndarray:
    """Labels to class indices; -1 for what is no class."""
    place = {n: i for i, n in enumerate(names)}
    return np.array([place.get(label, -1) for label in y], dtype=int)
