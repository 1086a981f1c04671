"""The long work: candidates are fitted and measured once, ladders of them are tried, and one is picked."""

from dataclasses import dataclass, replace

import numpy as np

from .. import gather, pipeline, stages, unseen, waits
from ..pipeline import Job, Made, say
from ..recipe import Recipe
from ..rule import Rule
from ..truth import Problem
from . import cost, points, pool, target
from .cost import Cost
from .points import Answers, Point
from .target import Target

SLACK = 0.003  # of the recipe as it is and of the paper's ladder, as training has it
MORE = (0.0, 0.002, 0.005)  # slack that is added where the rules of training do not keep a limit
TRIES = 4  # ladders that training's rules are chosen for
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
    answers = Answers(job.recipe, made.flows.rows(asked), made.names, p, made.waits.more)
    models = unseen.models_of(job.recipe, made.flows, made.features, made.names, made.unseen.temperatures[-1])
    costs = cost.measure(made, models, job.binary, job.where.split("calib"), say)
    return tried(answers, costs)


def fitted(job: Job) -> Made:
    """The candidates' answers and hazards. The rules have the hazards asked, and say nothing else."""
    recipe = job.recipe
    data, names = pipeline.gathered(job)
    features = [stages.useful(data.flows.rows(data.y >= 0).seen[s.most - 1]) for s in recipe.stages]
    answers = unseen.answers(recipe, data, features, names, say)
    asked = data.fold >= 0
    hazards, more = [], {}
    for i, s in enumerate(recipe.stages):
        hears, said = None, {}
        if s.engine == "leaves":  # it may have a stage behind it
            hears, said = waits.packets_to_come(data.rows(asked), i, s, features[i], [q[asked] for q in answers.probabilities()[i]])
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
    ladders = {OWN: (pool.places(t.answers.recipe.stages, recipe.stages), points.within), PAPER: (pool.places(t.answers.recipe.stages, pool.PAPER), points.by_hand)}
    named = {}
    for name, (ladder, choose) in ladders.items():
        try:
            named[name] = choose(t.answers, ladder, SLACK, t.costs)
        except Problem as problem:
            say(f"{name}: {problem}")
    return replace(t, named=named)


def pick(t: Tried, wanted: Target) -> tuple[Point, float]:
    """The best ladder within the limits, with the rules that training chooses for it, and the slack for that."""
    finals = [found for p in target.candidates(t.points, wanted)[:TRIES] if (found := final(t, p, wanted))]
    if not finals:
        raise Problem(f"the rules that training chooses keep the limits of --target with none of the best {TRIES} ladders: give wider limits")
    return min(finals, key=lambda found: wanted.rank(found[0]))


def final(t: Tried, p: Point, wanted: Target) -> tuple[Point, float] | None:
    """A ladder by training's rules, and their slack; None where they do not keep the limits."""
    best = target.best_alone(t.points)
    last = next(q for q in t.points if q.ladder == p.ladder[-1:])
    least = max(0.0, last.macro_f1 - p.macro_f1, last.accuracy - p.accuracy)
    if wanted.loss is not None:  # all that may be lost
        least = max(0.0, wanted.loss - (best.macro_f1 - last.macro_f1))
    for slack in (round(least + more, 4) for more in MORE):
        say(f"rules of {pool.name([t.answers.recipe.stages[i] for i in p.ladder])} at slack {slack:g}")
        try:
            found = points.within(t.answers, p.ladder, slack, t.costs)
        except Problem:
            continue
        if wanted.keeps(found, best.macro_f1):
            return found, slack
    return None
