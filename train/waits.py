"""When a packet is worth waiting for: a model of P(another packet) for each stage, patience, and the bounds that fit both."""

from dataclasses import dataclass, replace

import lightgbm as lgb
import numpy as np
import pandas as pd

from . import bounds, hazard, patience, rule
from .trial import Trial
from .gather import FOLDS, Flows
from .recipe import Recipe, Stage
from .rule import UNKNOWN, Rule

MEASURE = "margin"
WITHIN = rule.IDLE  # ms: a packet that comes later than this does not end the wait

More = dict[tuple[int, int], np.ndarray]


@dataclass
class Waits:
    """hazards: a model for each stage, None for the last. more: by look, P(another packet) of models that did not see the flow's capture."""

    hazards: list[lgb.Booster | None]
    more: More
    rules: list[Rule]


def fit(recipe: Recipe, data: Flows, features: list[list[str]], p: list[list[np.ndarray]], names: list[str], slack: float,
        rules: tuple[Rule, ...] = ()) -> Waits:
    """p: of models that did not see the flow's capture. Flows that nobody was asked about (fold -1) are left out. rules: if they are chosen already."""
    asked = data.fold >= 0
    data, p = data.rows(asked), [[q[asked] for q in each] for each in p]
    models, more = [], {}
    for i, s in enumerate(recipe.stages[:-1]):
        model, said = packets_to_come(data, i, s, features[i], p[i])
        models.append(model)
        more |= said
    return Waits([*models, None], more, list(rules) or choose(recipe, data, p, more, names, slack))


def packets_to_come(data: Flows, place: int, stage: Stage, features: list[str], p: list[np.ndarray]) -> tuple[lgb.Booster, More]:
    """The stage's hazard, and what models say that did not see the flow's fold."""
    X, comes, fold = learned(data, stage, features, p)
    said = {}
    away = [hazard.fit(X[fold != f], comes[fold != f]) for f in range(FOLDS)]
    for m in range(stage.depth, stage.most + 1):
        rows, column = answer_rows(data, features, p, m), np.zeros(len(data))
        for f, model in enumerate(away):
            if not (data.fold == f).any():
                continue  # few captures fill fewer folds
            column[data.fold == f] = hazard.probability(model, rows[data.fold == f])
        said[place, m] = column
    return hazard.fit(X, comes), said


def learned(data: Flows, stage: Stage, features: list[str], p: list[np.ndarray]) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """A row for each look of the stage at a flow that could wait there, whether the packet came, and the fold."""
    X, comes, fold = [], [], []
    for m in range(stage.depth, stage.most + 1):
        waiting, came = hazard.rows(data.flows, m, WITHIN)
        X.append(answer_rows(data, features, p, m)[waiting])
        comes.append(came[waiting])
        fold.append(data.fold[waiting])
    return pd.concat(X, ignore_index=True), np.concatenate(comes), np.concatenate(fold)


def answer_rows(data: Flows, features: list[str], p: list[np.ndarray], m: int) -> pd.DataFrame:
    return hazard.features(data.flows.seen[m - 1][features], p[m - 1])


def choose(recipe: Recipe, data: Flows, p: list[list[np.ndarray]], more: More, names: list[str], slack: float) -> list[Rule]:
    """Bounds without patience, then the patience that such a cascade can do with, and bounds that fit it."""
    given = unsure(recipe)
    free = bounds.choose(trial(data, given, p, more, names, recipe.background), given, slack)
    held = patient(recipe, data, free, p, more, names)
    return bounds.choose(trial(data, held, p, more, names, recipe.background), held, slack)


def unsure(recipe: Recipe) -> list[Rule]:
    """The rules to begin with: no stage but the last one is ever sure."""
    return [Rule(s.depth, MEASURE, 0.0 if i + 1 < len(recipe.stages) else 1.0, s.deepest) for i, s in enumerate(recipe.stages)]


def patient(recipe: Recipe, data: Flows, free: list[Rule], p: list[list[np.ndarray]], more: More, names: list[str]) -> list[Rule]:
    """The rules with the patience that a cascade of them can do with. free: without any."""
    looks = rule.walk(data.flows, free, p, names, 0, recipe.background)
    out = rule.decide(looks, free, more, names, recipe.background)
    scored = np.where(data.y == rule.background_at(names, recipe.background), UNKNOWN, data.y)
    held = [replace(r, patience=patience.table(data.flows, scored, looks, out, p, free, i, names, recipe.background)) for i, r in enumerate(free[:-1])]
    return [*held, free[-1]]


def trial(data: Flows, rules: list[Rule], p, more: More, names: list[str], background: str) -> Trial:
    """The flows as such rules see them; the last stage alone waits as long as it can."""
    alone = rule.decide(rule.walk(data.flows, rules[-1:], p[-1:], names, 0, background), rules[-1:], {}, names, background).answer
    return Trial(rule.walk(data.flows, rules, p, names, 0, background), data.y, more, alone, data.fold, names, background)
