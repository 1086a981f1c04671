"""What a recipe's models say of flows whose capture they did not see: what rules may be chosen on."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from . import calibrate, learn
from .gather import FOLDS, Flows
from .learn import Model
from .recipe import Recipe, Stage
from .rule import background_at

WORKERS = 2


@dataclass
class Unseen:
    """scores[stage][m-1]: raw scores of every flow after m packets, a row a flow. temperature: of each stage,
    fitted on its answers to whole flows. Flows of fold -1 are not asked about."""

    scores: list[list[np.ndarray]]
    temperatures: list[float]

    def probabilities(self) -> list[list[np.ndarray]]:
        return [self.of(place) for place in range(len(self.scores))]

    def of(self, place: int) -> list[np.ndarray]:
        """The probabilities of one stage."""
        return [calibrate.softmax(s, self.temperatures[place]) for s in self.scores[place]]


def answers(recipe: Recipe, data: Flows, features: list[list[str]], names: list[str], progress=lambda done, of: None) -> Unseen:
    """Fits the recipe once for each fold, and asks about the flows of the fold. features: of each stage.

    progress: told after each fold how many are done.
    """
    scores = [[np.zeros((len(data), len(names))) for _ in range(s.most)] for s in recipe.stages]
    with ThreadPoolExecutor(WORKERS) as pool:
        folds = [f for f in range(FOLDS) if (data.fold == f).any()]  # few captures fill fewer folds
        jobs = [pool.submit(one_fold, recipe, data.rows((data.fold != f)), data.rows(data.fold == f), features, names) for f in folds]
        for done, (f, job) in enumerate(zip(folds, jobs), 1):
            for mine, all_of in zip(job.result(), scores):
                for m, s in enumerate(mine):
                    all_of[m][data.fold == f] = s
            progress(done, len(folds))
    # Not by the background: how sure a class is, people see on flows that have one.
    asked = (data.y >= 0) & (data.fold >= 0) & (data.y != background_at(names, recipe.background))
    return Unseen(scores, [calibrate.fit_temperature(s[-1][asked], data.y[asked]) for s in scores])


def one_fold(recipe: Recipe, seen: Flows, away: Flows, features: list[list[str]], names: list[str]) -> list[list[np.ndarray]]:
    """The scores of the flows that are away, by models of those that are seen."""
    models = models_of(recipe, seen, features, names)
    return [[model.scores(away.flows.seen[m]) for m in range(model.stage.most)] for model in models]


def models_of(recipe: Recipe, data: Flows, features: list[list[str]], names: list[str], temperature: float = 1.0) -> list[Model]:
    """The recipe's models. temperature: of the last stage's answers, from which the soft ones learn."""
    known = data.y >= 0
    labelled, y, rest = data.flows.rows(known), data.y[known], data.flows.rows(~known)
    classes = len(names)
    strange = y == background_at(names, recipe.background)
    counts = class_weights(recipe, y, names)

    def fit(stage: Stage, of: list[str], more=None) -> Model:
        weight = np.where(strange, stage.background, counts[y])
        return learn.fit(stage, of, labelled, y, weight, classes, more)

    last = fit(recipe.stages[-1], features[-1])
    models = [fit(s, of, learn.taught(last, rest, temperature, s, of) if s.soft and len(rest) else None) for s, of in zip(recipe.stages[:-1], features)]
    return [*models, last]


def class_weights(recipe: Recipe, y: np.ndarray, names: list[str]) -> np.ndarray:
    """What a flow of each class counts; on average of the flows 1, but for the weights that the recipe names."""
    size = np.maximum(1, np.bincount(y, minlength=len(names)))
    counts = size ** -recipe.balance
    counts *= len(y) / counts[y].sum()
    for name, weight in recipe.weights:
        counts[names.index(name)] = weight
    return counts
