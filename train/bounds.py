"""When a stage is sure, and when it expects no packet: both bounds of all stages, chosen together."""

import itertools
from dataclasses import replace

import numpy as np

from .judge import SOON
from .rule import Rule, Step
from .thresholds import quality
from .truth import Problem

BELOW = (0.0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)  # bounds of P(another packet) that are tried
SHARES = np.arange(0.025, 0.99, 0.025)  # thresholds tried: at these shares of the flows that a stage is asked about


def choose(steps: list[Step], y: np.ndarray, more: list[np.ndarray | None], rules: list[Rule], alone: np.ndarray, names: list[str], slack: float) -> list[Rule]:
    """The rules with which most flows, labelled or not, are answered within SOON, while accuracy and
    macro-F1 of the labelled stay within slack of the last stage's alone.

    y: class indices, -1 if not known; of flows that none of the models was fitted on, as
    more (P(another packet) by stage) is. alone: the last stage's answers, if it is asked alone.
    """
    known = y >= 0
    least = [q - slack for q in quality(alone[known], y[known], len(names))]
    best, most = None, -1.0
    for pairs in itertools.product(*(candidates(steps[i], asked(steps, rules, i), rules[i], more[i]) for i in range(len(rules) - 1))):
        given = [here for _, _, here in pairs]
        share = np.count_nonzero(soon(steps, given)) / len(y)
        if share > most and all(q >= l for q, l in zip(quality(answers(steps, given)[known], y[known], len(names)), least)):
            best, most = pairs, share
    if best is None:
        raise Problem(f"no thresholds keep accuracy and macro-F1 within {slack:g} of the last stage alone: give a larger --slack")
    chosen = [replace(r, threshold=threshold, below=below, thresholds={}) for r, (threshold, below, _) in zip(rules, best)]
    return [*chosen, rules[-1]]


def asked(steps: list[Step], rules: list[Rule], i: int) -> np.ndarray:
    """The flows that stage i is asked about with the rules as they are."""
    unsure = np.ones(len(steps[i].doubt), dtype=bool)
    for step, r in zip(steps[:i], rules):
        unsure &= step.doubt > r.threshold
    return unsure


def candidates(step: Step, asked: np.ndarray, given: Rule, more: np.ndarray | None) -> list[tuple[float, float, np.ndarray]]:
    """Threshold, bound of P(another packet), and the flows whose answer then goes out."""
    thresholds = [0.0, given.threshold, *np.quantile(step.doubt[asked], SHARES)]
    return [(float(t), b, (step.doubt <= t) | (step.waits & (more < b) if b else False))
            for t in thresholds for b in (BELOW if more is not None else (0.0,))]


def soon(steps: list[Step], given: list[np.ndarray]) -> np.ndarray:
    """Which flows are answered within SOON, where each stage but the last answers those given."""
    found = steps[-1].wait < SOON
    for step, here in zip(reversed(steps[:-1]), reversed(given)):
        found = here & (step.wait < SOON) | ~here & found
    return found


def answers(steps: list[Step], given: list[np.ndarray]) -> np.ndarray:
    """The answers of the same."""
    found = steps[-1].answer
    for step, here in zip(reversed(steps[:-1]), reversed(given)):
        found = np.where(here, step.answer, found)
    return found
