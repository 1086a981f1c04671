"""How a stage learns: the rows of its members, their fit, and the mean of their scores."""

from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import pandas as pd

from . import stages
from .calibrate import softmax
from .recipe import Member, Stage
from .timeline import Timeline

LEAST = 0.05  # soft labels less probable than this are left out
SEED = 1


@dataclass
class Lesson:
    """What a model learns from: float32 features, class indices, what each row counts."""

    X: pd.DataFrame
    y: np.ndarray
    weight: np.ndarray

    def __add__(self, other: "Lesson") -> "Lesson":
        return Lesson(pd.concat([self.X, other.X], ignore_index=True), np.concatenate([self.y, other.y]), np.concatenate([self.weight, other.weight]))


@dataclass
class Model:
    """A stage with its fitted members, all of the same features."""

    stage: Stage
    features: list[str]
    members: list[lgb.Booster]

    def scores(self, X: pd.DataFrame) -> np.ndarray:
        """Mean raw scores, a row a flow, a column a class: softmax of it is the normalised geometric mean of the members' probabilities."""
        return np.mean([stages.scores(m, X) for m in self.members], axis=0)


def fit(stage: Stage, features: list[str], flows: Timeline, y: np.ndarray, weight: np.ndarray, classes: int, more: Lesson | None = None) -> Model:
    """Fits the stage on these flows; y are class indices. more: further rows, for each member."""
    fitted = []
    for i, member in enumerate(stage.members):
        lesson = beginnings(flows, y, weight, features, stage.most, member, SEED + i)
        if more:
            lesson += more
        fitted.append(stages.fit(member.trees, lesson.X, lesson.y, classes, lesson.weight))
    return Model(stage, features, fitted)


def beginnings(flows: Timeline, y: np.ndarray, weight: np.ndarray, features: list[str], depth: int, member: Member, seed: int) -> Lesson:
    """The flows up to depth packets, and of each as many shorter ones as the member learns from, each length once."""
    parts = [Lesson(flows.seen[depth - 1][features], y, weight)]
    shorter = np.minimum(flows.packets, depth)[:, None] > np.arange(1, depth)
    lot = np.where(shorter, np.random.default_rng(seed).random(shorter.shape), 2)
    place = lot.argsort(axis=1).argsort(axis=1)
    for m in range(1, depth):
        here = shorter[:, m - 1] & (place[:, m - 1] < member.cuts)
        parts.append(Lesson(flows.seen[m - 1][features][here], y[here], weight[here] * member.weight))
    return Lesson(pd.concat([p.X for p in parts], ignore_index=True), np.concatenate([p.y for p in parts]), np.concatenate([p.weight for p in parts]))


def soft(X: pd.DataFrame, p: np.ndarray) -> Lesson:
    """Rows without a label, once for each class that the probabilities p find likely."""
    row, c = np.nonzero(p >= LEAST)
    return Lesson(X.iloc[row], c, p[row, c])


def taught(teacher: Model, flows: Timeline, temperature: float, stage: Stage, features: list[str]) -> Lesson:
    """What a stage learns from a later one's answers about whole flows."""
    p = softmax(teacher.scores(flows.seen[teacher.stage.most - 1]), temperature)
    return soft(flows.seen[stage.most - 1][features], p)
