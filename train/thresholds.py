"""How unsure an answer is, and how right answers are."""

import numpy as np


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
