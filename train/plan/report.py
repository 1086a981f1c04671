"""What was found out, in words and as a table."""

import csv
import io
import os
import platform
from pathlib import Path

import numpy as np

from . import figures, pool, target
from .answers import Answers
from .attempt import Tried
from .points import Point

COLUMNS = ("ladder", "rules", "macro_f1", "accuracy", "wait_p50_ms", "wait_p90_ms", "under_16ms", "models_us", "fronts")


def name(a: Answers, p: Point) -> str:
    return pool.name([a.recipe.stages[i] for i in p.ladder])


def machine() -> str:
    """The machine that this runs on."""
    info = Path("/proc/cpuinfo")
    models = [line.partition(":")[2].strip() for line in (info.read_text().splitlines() if info.exists() else []) if line.startswith("model name")]
    return f"{os.cpu_count()} cores of {models[0] if models else platform.machine()}"


def table(a: Answers, named: dict[str, Point]) -> list[str]:
    """A line for each point, with what it is."""
    wide = max(len(what) for what in named)
    out = [f"{'':{wide}}  macro-F1  accuracy  p50 ms  p90 ms  <16 ms  us a flow  ladder (rules)"]
    return out + [f"{what:{wide}}  {p.macro_f1:8.4f}  {p.accuracy:8.4f}  {p.p50:6.0f}  {p.p90:6.0f}  {100 * p.soon:5.1f}%  {p.compute:9.1f}  {name(a, p)} ({p.how})" for what, p in named.items()]


def sure(t: Tried, p: Point) -> list[str]:
    """How sure the figures of a point are."""
    a, best = t.answers, target.best_alone(t.points)
    mine, its = p.spent, best.spent
    f1, _, p50, p90, soon, compute = figures.intervals(mine, len(a.names))
    lost = 100 * figures.loss(mine, its, len(a.names))
    return [f"in 90 of 100 draws of the {len(np.unique(mine.capture))} captures: macro-F1 {f1[0]:.4f} to {f1[1]:.4f}; {lost[0]:.2f} to {lost[1]:.2f} points less than {name(a, best)} alone",
            f"  p50 {p50[0]:.0f} to {p50[1]:.0f} ms, p90 {p90[0]:.0f} to {p90[1]:.0f} ms, {100 * soon[0]:.1f} to {100 * soon[1]:.1f}% within 16 ms, {compute[0]:.1f} to {compute[1]:.1f} us a flow"]


def recipe(a: Answers, p: Point) -> list[str]:
    """A point as training makes it: its stages, and what decides. It ends with the stages as recipe.py has them."""
    out = []
    for i, r in zip(p.ladder, p.rules):
        own = ", ".join(f"{c} {x:.3f}" for c, x in sorted(r.thresholds.items()))
        rules = f"; sure up to {own + ', others ' if own else ''}{r.threshold:.3f}; no wait below P(packet) {r.below:g}; patience {r.said()}" if i != p.ladder[-1] else ""
        out.append(f"  {pool.words(a.recipe.stages[i])}{rules}")
    return [*out, *(f"  {a.recipe.stages[i]!r}," for i in p.ladder)]


def rows(t: Tried) -> str:
    """All points as CSV. fronts: those that a point is on."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    fronts = {axis: {id(p) for p in target.front(t.points, cost)} for axis, cost in zip(("p50", "p90", "cpu"), target.AXES.values())}
    for p in sorted([*t.points], key=lambda p: (-p.macro_f1, p.compute)):
        on = " ".join(axis for axis, ids in fronts.items() if id(p) in ids)
        writer.writerow([name(t.answers, p), p.how, *(f"{v:.5g}" for v in (p.macro_f1, p.accuracy, p.p50, p.p90, p.soon, p.compute)), on])
    return out.getvalue()
