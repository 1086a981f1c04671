"""python3 -m train TASK: labelled captures -> a bundle.

Every feature comes from the serveflow binary, so training and serving share one
feature code.
"""

import argparse
import os
import re
import sys
from dataclasses import replace
from pathlib import Path

from . import conn, pipeline, truth
from .recipe import LADDER, RECIPES
from .tables import Binary
from .truth import Problem

SLACK = 0.002
HERE = Path(__file__).resolve().parent


def main() -> None:
    parser = argparse.ArgumentParser(prog="python3 -m train", description=__doc__)
    parser.add_argument("task", help="the question: DATA/TASK holds train, calib and test captures and labels.csv; QUESTION-conn learns it from DATA/zeek/*.conn.log. Files may be packed: .zst, .gz, .bz2")
    add_inputs(parser)
    parser.add_argument("--out", type=Path, help="folder of the bundle; bundles/TASK by default")
    parser.add_argument("--version", default="1", help="the bundle's version, as labels show it")
    parser.add_argument("--slack", default=SLACK, type=float, help="accuracy and macro-F1 that the cascade may lose on its last stage")
    parser.add_argument("--no-ports", action="store_true", help="leave the ports out of the features")
    args = parser.parse_args()
    try:
        check(args)
        train(args)
    except (Problem, OSError) as problem:
        print(f"train: {' '.join(str(problem).split())}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("train: stopped; no bundle was written", file=sys.stderr)
        os._exit(130)  # without waiting for the models that are being fitted


def add_inputs(parser: argparse.ArgumentParser) -> None:
    """What every command of train/ that reads labelled captures is told."""
    parser.add_argument("--data", required=True, type=Path, help="folder of the labelled captures")
    parser.add_argument("--lab", type=Path, help="folder with further captures NAME.pcap, or records NAME.jsonl, with NAME.labels.csv, to train on; packed or not")
    parser.add_argument("--serveflow", default=Path("bin/serveflow"), type=Path, help="the binary")
    parser.add_argument("--cache", default=Path(".train"), type=Path, help="folder for tables in between")


def check(args: argparse.Namespace) -> None:
    """Refuses what would only fail once the models are trained."""
    check_inputs(args)
    if not truth.is_name(args.version):
        raise Problem(f"--version is {args.version!r}; use one line of up to 64 characters")
    if getattr(args, "slack", 0) < 0:
        raise Problem(f"--slack is {args.slack:g}; use 0 or more: what the cascade may lose")
    check_folder("--out", args.out)
    check_writable("--out", args.out or Path("bundles"))


def check_inputs(args: argparse.Namespace) -> None:
    """The same of what add_inputs adds, and of the task."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", args.task):
        raise Problem(f"the task is {args.task!r}; use up to 64 of a-z, 0-9, _ and -, as in topic names")
    if not args.serveflow.exists():
        raise Problem(f"{args.serveflow} is missing: run make build, or name it with --serveflow")
    if not args.serveflow.is_file() or not os.access(args.serveflow, os.X_OK):
        raise Problem(f"{args.serveflow} is no program: name the serveflow binary with --serveflow")
    if args.lab and not args.lab.is_dir() and not args.task.endswith(conn.SUFFIX):  # which has no use for it
        raise Problem(f"{args.lab} is no folder: --lab names one with captures and their NAME.labels.csv")
    check_folder("--cache", args.cache)


def check_folder(option: str, folder: Path | None) -> None:
    if folder and folder.exists() and not folder.is_dir():
        raise Problem(f"{folder} is no folder: name another with {option}")


def check_writable(option: str, folder: Path) -> None:
    """Refuses a folder that could not be made, or written to."""
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise Problem(f"{folder} cannot be written, because {there} is no folder that may be written to: name another with {option}")


def train(args: argparse.Namespace) -> None:
    """Makes the bundle that the arguments ask for. Raises Problem where the user's files do not serve."""
    binary, out = Binary(args.serveflow.resolve(), args.cache / args.task), args.out or Path("bundles") / args.task
    if args.task.endswith(conn.SUFFIX):
        if args.no_ports:
            raise Problem(f"--no-ports is not for {args.task}, whose ports are the record's own: leave it out")
        return conn.run(conn.Job(args.task, args.version, args.data, out, binary, notes(args.task)))
    recipe = RECIPES.get(args.task, LADDER)
    if args.no_ports:
        recipe = replace(recipe, without="|".join(filter(None, [recipe.without, "orig_port|resp_port"])))
    pipeline.run(pipeline.Job(args.task, args.version, recipe, args.slack, args.data, args.lab, out, binary, notes(args.task), command(args)))


def command(args: argparse.Namespace) -> str:
    """The command that makes the bundle anew."""
    if args.task in RECIPES and not args.no_ports:
        return f"make train TASK={args.task}"
    more = [f"--lab {args.lab}"] * bool(args.lab) + [f"--slack {args.slack:g}"] * (args.slack != SLACK) + ["--no-ports"] * args.no_ports
    return " ".join([f"python -m train {args.task} --data {args.data}", *more])


def notes(task: str) -> str:
    """What people should know of the data and of what was tried, if somebody wrote it down."""
    file = HERE / "notes" / f"{task}.md"
    return file.read_text() if file.exists() else ""


if __name__ == "__main__":
    main()
