"""python3 -m train.leftout TASK: what a bundle's models say of flows of a class that they never learned.

Each class is left out in turn: the recipe is fitted without its flows, and asked about them by the rules of the bundle. A good
answer is unknown; a bad one is a class with a confidence above 0.9. Flows of the background are asked about by models that did
not see their capture. Flows of the test split are not used.
"""

import argparse
import functools
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

from . import __main__ as cli
from . import calibrate, pipeline, rule, shipped, stages, unseen
from .gather import Flows
from .recipe import LADDER, RECIPES, Recipe
from .rule import UNKNOWN
from .shipped import Shipped
from .tables import Binary
from .truth import Problem

SURE = 0.9


def main() -> None:
    parser = argparse.ArgumentParser(prog="python3 -m train.leftout", description=__doc__)
    parser.add_argument("task", help="the question, as for python3 -m train")
    cli.add_inputs(parser)
    parser.add_argument("--bundle", type=Path, help="folder of the bundle whose rules hold; bundles/TASK by default")
    parser.add_argument("--plain", action="store_true", help="the stages are those of a task without a recipe, and there is no background")
    args = parser.parse_args()
    try:
        cli.check_inputs(args)
        run(args)
    except (Problem, OSError) as problem:
        print(f"train.leftout: {' '.join(str(problem).split())}", file=sys.stderr)
        sys.exit(2)


def run(args: argparse.Namespace) -> None:
    bundle, recipe = shipped.read(args.bundle or Path("bundles") / args.task), RECIPES.get(args.task, LADDER)
    job = pipeline.Job(args.task, "1", recipe, 0, args.data, args.lab, Path(), Binary(args.serveflow.resolve(), args.cache / args.task), "")
    job.relabel()
    data, names = pipeline.gathered(job)
    if args.plain:
        recipe = LADDER
    if [s.name for s in recipe.stages] != [s["name"] for s in bundle.stages]:
        raise Problem(f"the stages of the bundle are not those of the recipe, {', '.join(s.name for s in recipe.stages)}: name another --bundle")
    left = [n for n in bundle.names if n != bundle.background]
    with ThreadPoolExecutor(unseen.WORKERS) as pool:
        said = list(pool.map(functools.partial(without, recipe, data, names, bundle), left))
    print("| left out | flows | called `unknown` | a class, with more than 0.9 |\n| --- | --- | --- | --- |")
    for name, (n, unknown, sure) in [*zip(left, said), ("mean of the classes", np.mean(said, axis=0))]:
        print(f"| {name} | {n:,.0f} | {100 * unknown:.0f}% | {100 * sure:.1f}% |")


def without(recipe: Recipe, data: Flows, names: list[str], bundle: Shipped, left: str) -> tuple[float, float, float]:
    """How many flows the class that is left out has, and the shares that are called unknown, and surely another class. A background
    that the bundle does not know is not learned from."""
    mine, known = data.y == names.index(left), [n for n in bundle.names if n != left]
    place = np.array([known.index(n) if n in known else -1 for n in names])
    rest = data.rows(~mine)
    rest = replace(rest, y=np.where(rest.y < 0, -1, place[rest.y]))
    features = [stages.useful(rest.flows.rows(rest.y >= 0).seen[s.most - 1]) for s in recipe.stages]
    models = unseen.models_of(recipe, rest, features, known, bundle.temperatures[-1])
    asked = data.rows(mine & (data.fold >= 0))
    p = [[calibrate.softmax(model.scores(asked.flows.seen[m]), t) for m in range(model.stage.most)] for model, t in zip(models, bundle.temperatures)]
    # Without hazards and patience: whether a packet comes is not what is asked here.
    rules = [replace(r, below=0.0, patience=(), thresholds={c: t for c, t in r.thresholds.items() if c != left}) for r in bundle.rules]
    looks = rule.walk(asked.flows, rules, p, known, 0, recipe.background)
    out = rule.decide(looks, rules, {}, known, recipe.background)
    confidence = np.zeros(len(asked))
    for at, look in enumerate(looks):
        here = out.look == at
        confidence[here] = p[look.stage][look.packets - 1][here].max(axis=1)
    return float(len(asked)), float((out.answer == UNKNOWN).mean()), float(((out.answer != UNKNOWN) & (confidence > SURE)).mean())


if __name__ == "__main__":
    main()
