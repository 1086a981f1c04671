"""python3 -m train.waits BUNDLE: when a packet is worth waiting for, fitted for a bundle that is there.

Its models stay as they are. Each stage but the last gets a model of P(another packet), a
table of patience, and a threshold that fits both, from the train and calib splits alone.
"""

import argparse
import functools
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from . import answers, bounds, extend, files, hazard, judge, patience, pipeline, rule, timeline, truth, unseen
from .tables import Binary, Source
from .truth import Problem
from .unseen import Unseen

WITHIN = rule.IDLE  # ms: a packet that comes later than this does not end the wait
LATENESS = (100.0, 1000.0)  # ms: SERVEFLOW_LATENESS, for which figures are given
TRACE = "load/trace"  # whole captures, those of all splits among them
SLACK = 0.004


@dataclass(frozen=True)
class Job:
    """bundle: the folder that is there. out: that of the new one, which may be the same."""

    bundle: Path
    out: Path
    data: Path
    lab: Path | None
    binary: Binary
    slack: float

    @property
    def command(self) -> str:
        lab = f" --lab {self.lab}" if self.lab else ""
        return f"python3 -m train.waits {self.bundle} --data {self.data}{lab} --slack {self.slack:g} --out NEW"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python3 -m train.waits", description=__doc__)
    parser.add_argument("bundle", type=Path, help="folder of the bundle")
    parser.add_argument("--data", required=True, type=Path, help="folder of the labelled captures, as for python3 -m train")
    parser.add_argument("--lab", type=Path, help="the lab's folder, if the bundle was trained with one")
    parser.add_argument("--out", required=True, type=Path, help="folder of the new bundle; it may be the old one")
    parser.add_argument("--serveflow", default=Path("bin/serveflow"), type=Path, help="the binary")
    parser.add_argument("--cache", default=Path(".train"), type=Path, help="folder for tables in between")
    parser.add_argument("--slack", default=SLACK, type=float, help="accuracy and macro-F1 that the cascade may lose on its last stage")
    args = parser.parse_args()
    try:
        run(Job(args.bundle, args.out, args.data, args.lab, Binary(args.serveflow.resolve(), args.cache / "waits"), args.slack))
    except (Problem, OSError) as problem:
        print(f"train: {' '.join(str(problem).split())}", file=sys.stderr)
        sys.exit(2)


def run(job: Job) -> None:
    """Writes the bundle with what is fitted here, and says how it does."""
    manifest, shipped = answers.read(job.bundle)
    names, task = manifest["classes"], manifest["task"]
    load = functools.partial(timeline.load, job.binary, depth=max(s.depth for s in shipped), features=sorted({f for s in shipped for f in s.features}))
    given = [rule.Rule(s.depth, s.measure, s.threshold) for s in shipped]
    flows = unseen.gather(job.data, job.lab, task, names, shipped, load)
    models, more = hazards(flows, shipped)
    rules = fit(flows, more, given, names, job.slack)
    sets = [calib(flows, more)]
    for name, source in judged_on(job.data, task):
        sets.append(served(name, load(source), names, shipped, models))
    if sets[-1].name == TRACE:
        sets.append(sets[-1].rows(f"{TRACE}, captures of test", of_split(sets[-1].flows, "test")))
    figures = [s.judge(what, used, hears, names, lateness) for lateness in LATENESS for s in sets
               for what, used, hears in (("before", given, [None] * len(given)), ("after", rules, s.more))]
    rows = [answer_rows(flows, s, p) for s, p in zip(shipped, flows.p)]
    parts = [extend.Part(s.name, r, m, x) for s, r, m, x in zip(shipped, rules, models, rows)]
    card = extend.card(job.command, int((flows.y >= 0).sum()), flows.others, job.slack, parts, figures)
    extend.write(job.bundle, job.out, parts, card)
    pipeline.say(card)


def hazards(flows: Unseen, shipped: list[answers.Shipped]) -> tuple[list, list[np.ndarray | None]]:
    """For each stage but the last its model, and what models say that did not see the flow's fold; None for the last."""
    models, more = [], []
    for s, p in zip(shipped[:-1], flows.p):
        X, waiting, comes = answer_rows(flows, s, p), flows.flows.waiting(s.depth), flows.flows.gap(s.depth) <= WITHIN
        said = np.zeros(len(X))
        for f in range(flows.fold.max() + 1):
            away = flows.fold == f
            said[away] = hazard.probability(hazard.fit(X[waiting & ~away], comes[waiting & ~away]), X[away])
        models.append(hazard.fit(X[waiting], comes[waiting]))
        more.append(said)
    return [*models, None], [*more, None]


def answer_rows(flows: Unseen, s: answers.Shipped, p: list[np.ndarray]):
    return hazard.features(flows.flows.seen[s.depth - 1][s.features], p[s.depth - 1])


def fit(flows: Unseen, more: list[np.ndarray | None], given: list[rule.Rule], names: list[str], slack: float) -> list[rule.Rule]:
    """Patience with the thresholds as given, and then bounds with that patience."""
    steps = rule.walk(flows.flows, given, flows.p, names, 0)
    out = rule.decide(steps, given, [None] * len(given), names)
    held = [replace(r, patience=patience.table(flows.flows, flows.y, steps, out, flows.p, given, i, names)) for i, r in enumerate(given[:-1])]
    alone = rule.walk(flows.flows, given[-1:], flows.p[-1:], names, 0)[0].answer
    steps = rule.walk(flows.flows, [*held, given[-1]], flows.p, names, 0)
    return bounds.choose(steps, flows.y, more, [*held, given[-1]], alone, names, slack)


def calib(flows: Unseen, more: list[np.ndarray | None]) -> judge.Set:
    """The calib split, with answers of models that did not see its captures."""
    return judge.Set("", flows.flows, flows.y, flows.p, more).rows("calib (refitted)", of_split(flows.flows, "calib"))


def of_split(flows: timeline.Timeline, split: str) -> np.ndarray:
    """Which flows are of captures of this split."""
    return np.array([str(c).startswith(split + "/") for c in flows.capture])


def judged_on(data: Path, task: str) -> list[tuple[str, Source]]:
    """The test split, and load/trace if it has the answers to the task."""
    found, trace = [("test", unseen.split(data / task, "test"))], files.find(data / "load", "trace.csv")
    if trace and task in truth.columns(trace):
        found.append((TRACE, Source(files.need(data / "load", "trace.pcap", remedy="--data names the folder that holds load"), trace, "", task)))
    return found


def served(name: str, flows: timeline.Timeline, names: list[str], shipped: list[answers.Shipped], models: list) -> judge.Set:
    """Flows with the answers of the models that ship."""
    p = answers.after_each(shipped, flows)
    more = [m and hazard.probability(m, hazard.features(flows.seen[s.depth - 1][s.features], q[s.depth - 1])) for m, s, q in zip(models, shipped, p)]
    return judge.Set(name, flows, unseen.indices(flows.y, names), p, more)


if __name__ == "__main__":
    main()
