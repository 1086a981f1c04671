"""Figures of a cascade against its last stage alone, with the noise between captures."""

from dataclasses import dataclass

import numpy as np

from . import rule
from .rule import Rule
from .timeline import Timeline

SOON = 16.0  # ms
DRAWS = 200


@dataclass(frozen=True)
class Judged:
    """name; flows, of them labelled; the share answered within SOON and its noise; waits in ms; points of macro-F1
    against the last stage alone and their noise; the share of flows by reason."""

    name: str
    flows: int
    labelled: int
    soon: tuple[float, float]
    p50: float
    p90: float
    loss: tuple[float, float]
    reasons: dict[str, float]


@dataclass(frozen=True)
class Set:
    """Flows with what the models say of them. y: class indices, -1 if not known; p and more as for rule."""

    name: str
    flows: Timeline
    y: np.ndarray
    p: list[list[np.ndarray]]
    more: list[np.ndarray | None]

    def rows(self, name: str, chosen: np.ndarray) -> "Set":
        """The flows where this mask is true."""
        pick = lambda column: column if column is None else column[chosen]
        return Set(name, self.flows.rows(chosen), self.y[chosen], [[m[chosen] for m in s] for s in self.p], [pick(m) for m in self.more])

    def judge(self, what: str, rules: list[Rule], more: list[np.ndarray | None], names: list[str], lateness: float) -> Judged:
        """Figures of a cascade; macro-F1 is over the labelled flows."""
        out = rule.decide(rule.walk(self.flows, rules, self.p, names, lateness), rules, more, names)
        alone = rule.walk(self.flows, rules[-1:], self.p[-1:], names, lateness)[0].answer
        soon = ratio(draws(self.flows.capture), self.flows.capture, out.wait < SOON)
        known = self.y >= 0
        capture, y = self.flows.capture[known], self.y[known]
        draw = draws(capture)
        f1, f1_alone = (macro_f1(draw, capture, answer[known], y, len(names)) for answer in (out.answer, alone))
        loss = 100 * (f1 - f1_alone)
        return Judged(
            f"{self.name}, {what}, lateness {lateness / 1000:g} s", len(self.flows), len(y), (float(soon[0]), float(soon[1:].std())),
            float(np.median(out.wait)), float(np.quantile(out.wait, 0.9)), (float(loss[0]), float(loss[1:].std())),
            {r: float((out.reason == r).mean()) for r in sorted(set(out.reason))})


def draws(capture: np.ndarray) -> np.ndarray:
    """How often each capture counts: a row of ones, then rows of captures drawn again."""
    n = len(np.unique(capture.astype(str)))
    return np.vstack([np.ones(n), np.random.default_rng(1).multinomial(n, np.full(n, 1 / n), DRAWS)])


def per_capture(capture: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Sums by capture, in the order of draws' columns."""
    return np.bincount(np.unique(capture.astype(str), return_inverse=True)[1], value)


def ratio(draw: np.ndarray, capture: np.ndarray, holds: np.ndarray) -> np.ndarray:
    """The share of flows for which it holds, in each draw."""
    return (draw @ per_capture(capture, holds.astype(float))) / (draw @ per_capture(capture, np.ones(len(holds))))


def macro_f1(draw: np.ndarray, capture: np.ndarray, answer: np.ndarray, y: np.ndarray, classes: int) -> np.ndarray:
    """Macro-F1 of each draw, over the classes that occur in it."""
    total, occurs = np.zeros(len(draw)), np.zeros(len(draw))
    for c in range(classes):
        hit, said, due = (draw @ per_capture(capture, mask.astype(float)) for mask in ((answer == c) & (y == c), answer == c, y == c))
        total += np.where(due > 0, 2 * hit / np.maximum(1, said + due), 0)
        occurs += due > 0
    return total / np.maximum(1, occurs)


def table(judged: list[Judged]) -> list[str]:
    """Markdown."""
    out = ["| flows | number (labelled) | under 16 ms | wait p50 | p90 | macro-F1 against the last stage alone | decided by |",
           "| --- | --- | --- | --- | --- | --- | --- |"]
    for j in judged:
        why = ", ".join(f"{reason} {100 * share:.1f}%" for reason, share in sorted(j.reasons.items(), key=lambda kv: -kv[1]))
        out.append(f"| {j.name} | {j.flows:,} ({j.labelled:,}) | {100 * j.soon[0]:.1f}% ± {100 * j.soon[1]:.1f} | {j.p50:.0f} ms | {j.p90:.0f} ms | "
                   f"{j.loss[0]:+.2f} ± {j.loss[1]:.2f} | {why} |")
    return out
