"""The long work: candidates are fitted and measured once, ladders of them are tried, and the good ones looked at again."""

from dataclasses import dataclass, replace

import numpy as np

from .. import pipeline, stages, unseen, waits
from ..pipeline import Job, Made, say
from ..recipe import Recipe
from ..rule import Rule
from . import cost, points, pool, target
from .answers import Answers
from .cost import Cost
from .points import Point

SLACK = 0.002  # as training has it
OWN, PAPER = "the recipe as it is", "the paper's ladder"


@dataclass(frozen=True)
class Tried:
    """named: points that people look for."""

    answers: Answers
    costs: list[Cost]
    points: list[Point]
    named: dict[str, Point]


def attempt(job: Job) -> Tried:
    """Everything there is to choose from. job: with the candidates as its recipe's stages."""
    made = fitted(job)
    asked = made.flows.fold >= 0
    p = [[q[asked] for q in each] for each in made.unseen.probabilities()]
    data = made.flows.rows(asked)
    data.flows.capture = np.unique(data.flows.capture.astype(str), return_inverse=True)[1]  # each point keeps them: numbers take less room
    answers = Answers(job.recipe, data, made.names, p, made.waits.more)
    models = unseen.models_of(job.recipe, made.flows, made.features, made.names, made.unseen.temperatures[-1])
    costs = cost.measure(made, models, job.binary, job.where.split("calib"), say)
    return tried(answers, costs)


def fitted(job: Job) -> Made:
    """The candidates' answers and hazards. The rules have the hazards asked, and say nothing else."""
    recipe = job.recipe
    data, names = pipeline.gathered(job)
    features = [stages.useful(data.flows.rows(data.y >= 0).seen[s.most - 1]) for s in recipe.stages]
    answers = unseen.answers(recipe, data, features, names, pipeline.progress)
    asked = data.fold >= 0
    hazards, more = [], {}
    for i, s in enumerate(recipe.stages):
        hears, said = None, {}
        if s.engine == "leaves" and s.most < data.flows.at.shape[1]:  # another stage may look at more
            hears, said = waits.packets_to_come(data.rows(asked), i, s, features[i], [q[asked] for q in answers.of(i)])
        hazards.append(hears)
        more |= said
    say(f"hazards of {len(hazards)} candidates")
    return Made(recipe, data, names, features, answers, waits.Waits(hazards, more, [Rule(s.depth, waits.MEASURE, 1.0, s.deepest, below=0.5) for s in recipe.stages]))


def tried(answers: Answers, costs: list[Cost]) -> Tried:
    """All ladders, by one threshold a stage; and those that are on a front once more, with thresholds by class."""
    every, found = pool.ladders(answers.recipe.stages), []
    for i, ladder in enumerate(every):
        found += points.survey(answers, ladder, costs)
        if (i + 1) % 20 == 0 or i + 1 == len(every):
            say(f"{i + 1} of {len(every)} ladders")
    good = sorted({p.ladder for axis in target.AXES.values() for p in target.front(found, axis) if len(p.ladder) > 1})
    for i, ladder in enumerate(good):
        found += points.survey(answers, ladder, costs, by_class=True)
        say(f"thresholds by class: {i + 1} of {len(good)} ladders: {pool.name([answers.recipe.stages[j] for j in ladder])}")
    return Tried(answers, costs, found, {})


def known(t: Tried, recipe: Recipe) -> Tried:
    """With the points that people look for. recipe: the task's own."""
    own, paper = (pool.places(t.answers.recipe.stages, stages) for stages in (recipe.stages, pool.PAPER))
    by_hand = points.by_hand(t.answers, paper, t.costs)
    named = {PAPER: least_of(by_hand, points.alone(t.answers, paper[-1], t.costs)), OWN: as_trained(t, own)}
    return replace(t, points=[*t.points, *by_hand, named[OWN]], named=named)


def as_trained(t: Tried, ladder: tuple[int, ...]) -> Point:
    """The ladder by the rules that training chooses."""
    say(f"rules of the recipe as it is, with a slack of {SLACK:g}")
    return points.as_trained(t.answers, ladder, SLACK, t.costs)


def least_of(some: list[Point], last: Point) -> Point:
    """The point of least computing within SLACK of its last stage alone; without one, that of most macro-F1."""
    kept = [p for p in some if target.lost(p, last) <= SLACK]
    return min(kept, key=lambda p: p.compute) if kept else max(some, key=lambda p: p.macro_f1)
