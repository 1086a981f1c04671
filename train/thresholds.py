"""When a stage is sure enough: deferral thresholds from labelled flows that no model was fitted on."""

from dataclasses import dataclass

import numpy as np

STEPS = 200  # thresholds tried per stage, at equal shares of flows


def uncertainty(p: np.ndarray, measure: str) -> np.ndarray:
    """Uncertainty of rows of probabilities, 0 sure to 1 clueless, as the cascade computes it."""
    ordered = np.sort(p, axis=1)
    if measure == "least_confidence":
        return 1 - ordered[:, -1]
    if measure == "margin":
        return 1 - (ordered[:, -1] - ordered[:, -2])
    if measure == "entropy":
        return -(p * np.log(np.maximum(p, 1e-300))).sum(axis=1) / np.log(p.shape[1])
    raise ValueError(f"uncertainty {measure!r} is not known: use least_confidence, margin or entropy")


def quality(answer: np.ndarray, y: np.ndarray, classes: int) -> tuple[float, float]:
    """Accuracy and macro-F1 over the classes that occur in y; both are class indices."""
    hit = np.bincount(y[answer == y], minlength=classes)
    size = np.bincount(answer, minlength=classes) + np.bincount(y, minlength=classes)
    occurs = np.bincount(y, minlength=classes) > 0
    return float((answer == y).mean()), float((2 * hit[occurs] / size[occurs]).mean())


@dataclass(frozen=True)
class Choice:
    """Thresholds of all stages but the last, with what they give on the flows they were chosen on."""

    thresholds: tuple[float, ...]
    decided: tuple[float, ...]  # share of flows by stage
    accuracy: float
    macro_f1: float


def cascade(p: list[np.ndarray], doubt: list[np.ndarray], thresholds, y: np.ndarray) -> Choice:
    """What a cascade with these thresholds gives; p and doubt are per stage, doubt without the last."""
    answer, stage = p[-1].argmax(axis=1), np.full(len(y), len(p) - 1)
    for i in reversed(range(len(thresholds))):
        sure = doubt[i] <= thresholds[i]
        answer, stage = np.where(sure, p[i].argmax(axis=1), answer), np.where(sure, i, stage)
    accuracy, macro_f1 = quality(answer, y, p[0].shape[1])
    decided = np.bincount(stage, minlength=len(p)) / len(y)
    return Choice(tuple(map(float, thresholds)), tuple(map(float, decided)), accuracy, macro_f1)


def choose(p: list[np.ndarray], measure: str, y: np.ndarray, slack: float) -> Choice:
    """The thresholds that let the first stage, then the second, decide the most flows
    while accuracy and macro-F1 stay within slack of the last stage's alone.

    y are class indices of flows that none of the models was fitted on. Stages
    between the second and the last are not supported: nothing here has any.
    """
    doubt = [uncertainty(q, measure) for q in p[:-1]]
    accuracy, macro_f1 = quality(p[-1].argmax(axis=1), y, p[0].shape[1])
    best = cascade(p, doubt, [0.0] * len(doubt), y)
    shares = np.arange(1, STEPS) / STEPS
    for first in np.quantile(doubt[0], shares):
        alone = cascade([p[0], p[-1]], doubt[:1], [first], y)
        if alone.accuracy < accuracy - slack or alone.macro_f1 < macro_f1 - slack:
            continue
        for rest in ([[]] if len(doubt) == 1 else [[t] for t in np.quantile(doubt[1], shares[::5])]):
            tried = cascade(p, doubt, [first, *rest], y)
            if tried.accuracy >= accuracy - slack and tried.macro_f1 >= macro_f1 - slack and tried.decided > best.decided:
                best = tried
    return best
