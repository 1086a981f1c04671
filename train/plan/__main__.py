"""python3 -m train.plan TASK: which models, at which depths, by which rules.

Tries ladders of up to three stages out of a pool, each with several rules, on answers of models that did not see the
flow's capture. Computing is measured on this machine by the serving code. The test split is not looked at.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from .. import __main__ as cli
from .. import conn, pipeline
from ..pipeline import Job
from ..recipe import LADDER, RECIPES
from ..tables import Binary
from ..truth import Problem
from . import attempt, picture, pool, report, target
from .attempt import Tried
from .points import Point


def main() -> None:
    parser = argparse.ArgumentParser(prog="python3 -m train.plan", description=__doc__)
    parser.add_argument("task", help="the question: DATA/TASK holds train, calib and test captures and labels.csv, as for python3 -m train")
    cli.add_inputs(parser)
    parser.add_argument("--target", default="loss=0.003", help="limits: loss (of macro-F1 and accuracy, on the best stage alone), p50 and p90 (of the wait), cpu (of models, a flow); such as p90=500ms,cpu=30us")
    parser.add_argument("--best", default="", choices=target.BEST, help="what should be as good as can be within them: p90 where loss is limited, and else f1")
    parser.add_argument("--picture", type=Path, help="file for the fronts, SVG")
    parser.add_argument("--csv", type=Path, help="file for all points")
    parser.add_argument("--out", type=Path, help="folder of a bundle of what is picked; without it none is made")
    parser.add_argument("--version", default="1", help="the bundle's version, as labels show it")
    args = parser.parse_args()
    try:
        cli.check(args)
        plan(args, target.parse(args.target, args.best))
    except (Problem, OSError) as problem:
        print(f"train.plan: {' '.join(str(problem).split())}", file=sys.stderr)
        sys.exit(2)


def plan(args: argparse.Namespace, wanted: target.Target) -> None:
    if args.task.endswith(conn.SUFFIX):
        raise Problem(f"{args.task} has one stage, so there is nothing to plan: name a task of packets")
    for option, file in (("--picture", args.picture), ("--csv", args.csv)):
        if file and not file.parent.is_dir():
            raise Problem(f"{file.parent} is no folder: name another file with {option}")
    recipe, binary = RECIPES.get(args.task, LADDER), Binary(args.serveflow.resolve(), args.cache / args.task)
    job = Job(args.task, args.version, pool.pool(recipe), attempt.SLACK, args.data, args.lab, args.out or Path(), binary, cli.notes(args.task),
              f"python -m train.plan {args.task} --data {args.data} --target {args.target} --out {args.out}")
    job.relabel()
    tried = attempt.known(attempt.attempt(job), recipe)
    named = {**tried.named, "the best stage alone": target.best_alone(tried.points)}
    try:
        picked = target.pick(tried.points, wanted)
        named = {f"the pick for {args.target}": picked, **named}
    finally:  # without a pick they show what there is
        write(args, tried, named)
    print(title(args.task, tried))
    print("\n".join([*report.table(tried.answers, named), *report.sure(tried, picked), "", "The pick:", *report.recipe(tried.answers, picked)]), flush=True)
    if args.out:
        pipeline.run(replace(job, recipe=replace(recipe, stages=tuple(job.recipe.stages[i] for i in picked.ladder)), rules=picked.rules))


def write(args: argparse.Namespace, t: Tried, named: dict[str, Point]) -> None:
    """The files of all points, as far as they are asked for."""
    if args.csv:
        args.csv.write_text(report.rows(t))
    if args.picture:
        args.picture.write_bytes(picture.draw(title(args.task, t), t.points, legend(t, named)))


def title(task: str, t: Tried) -> str:
    flows = t.answers.labelled().sum()
    return f"{task}: {len(t.points)} points of {len({p.ladder for p in t.points})} ladders, {flows:,} flows out of fold; computing on {report.machine()}"


def legend(t: Tried, named: dict[str, Point]) -> dict[str, Point]:
    return {f"{what}: {report.name(t.answers, p)}": p for what, p in named.items()}


if __name__ == "__main__":
    main()
