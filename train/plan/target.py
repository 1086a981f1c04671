"""What a user asks for, the points that no other one beats, and the pick among them."""

import re
from dataclasses import dataclass

from ..truth import Problem
from .points import Point

UNITS = {"loss": {"": 1.0}, "p50": {"ms": 1.0, "s": 1000.0}, "p90": {"ms": 1.0, "s": 1000.0}, "cpu": {"us": 1.0, "ms": 1000.0}}
BEST = ("f1", "p50", "p90", "cpu")


AXES = {"median wait, ms": lambda p: p.p50, "90th percentile of the wait, ms": lambda p: p.p90, "models, µs of CPU a flow": lambda p: p.compute}


@dataclass(frozen=True)
class Target:
    """loss: macro-F1 and accuracy that may be lost on the best stage alone. p50, p90: the wait, ms. cpu: µs of models a flow. None: no limit.
    best: what should be as good as can be within the limits; of the same, what comes next in BEST."""

    best: str
    loss: float | None = None
    p50: float | None = None
    p90: float | None = None
    cpu: float | None = None

    def keeps(self, p: Point, alone: Point) -> bool:
        """Whether a point is within all limits. alone: the best stage alone."""
        limits = ((self.loss, lost(p, alone)), (self.p50, p.p50), (self.p90, p.p90), (self.cpu, p.compute))
        return all(limit is None or value <= limit for limit, value in limits)

    def rank(self, p: Point) -> tuple:
        """The least is the best."""
        values = {"f1": -p.macro_f1, "p50": p.p50, "p90": p.p90, "cpu": p.compute}
        return values[self.best], *(values[name] for name in BEST)


def parse(text: str, best: str = "") -> Target:
    """A target such as `loss=0.003,p90=500ms`. Where nothing else is said, best is the p90 of the wait if the loss has a limit, and else macro-F1."""
    limits: dict[str, float] = {}
    for part in text.split(","):
        found = re.fullmatch(r"(loss|p50|p90|cpu)=(\d+(?:\.\d+)?)([a-z]*)", part.strip())
        if not found or found[3] not in UNITS[found[1]] or found[1] in limits:
            raise Problem(f"--target is {text!r}; use limits such as loss=0.003, p50=16ms, p90=500ms, cpu=30us, each once, with commas between them")
        limits[found[1]] = float(found[2]) * UNITS[found[1]][found[3]]
    return Target(best or ("p90" if "loss" in limits else "f1"), **limits)


def front(points: list[Point], cost) -> list[Point]:
    """The points than which none has more macro-F1 at no more cost, by cost. cost: of a point."""
    kept: list[Point] = []
    for p in sorted(points, key=lambda p: (cost(p), -p.macro_f1)):
        if not kept or p.macro_f1 > kept[-1].macro_f1:
            kept.append(p)
    return kept


def pick(points: list[Point], target: Target) -> Point:
    """The best point within the limits. Raises Problem where there is none."""
    alone = best_alone(points)
    kept = [p for p in points if target.keeps(p, alone)]
    if not kept:
        raise Problem(f"no ladder keeps all limits of --target (the least loss is {min(lost(p, alone) for p in points):.4f}, the least p50 "
                      f"{min(p.p50 for p in points):.0f} ms, the least p90 {min(p.p90 for p in points):.0f} ms, the least cpu "
                      f"{min(p.compute for p in points):.1f} us; each of another one): give wider limits")
    return min(kept, key=target.rank)


def lost(p: Point, alone: Point) -> float:
    """What a point loses on another one: of macro-F1 or of accuracy, whichever is more."""
    return max(alone.macro_f1 - p.macro_f1, alone.accuracy - p.accuracy)


def best_alone(points: list[Point]) -> Point:
    """The stage that has most macro-F1 where it is asked alone."""
    return max((p for p in points if len(p.ladder) == 1), key=lambda p: p.macro_f1)
