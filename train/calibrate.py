"""Probabilities that mean what they say: one temperature a stage, and how well it fits."""

from dataclasses import asdict, dataclass

import numpy as np
from scipy.optimize import minimize_scalar

BINS = 10


@dataclass(frozen=True)
class Reliability:
    """Flows by stated confidence: in each bin how many, their mean confidence and accuracy.

    ece, the expected calibration error, is the mean gap between the two, weighted by count.
    """

    count: list[int]
    confidence: list[float]
    accuracy: list[float]
    ece: float

    def as_dict(self) -> dict:
        return asdict(self)


def softmax(scores: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Rows of scores to rows of probabilities, as the cascade does it."""
    z = np.asarray(scores, dtype=np.float64) / temperature
    z = np.exp(z - z.max(axis=1, keepdims=True))
    return z / z.sum(axis=1, keepdims=True)


def fit_temperature(scores: np.ndarray, y: np.ndarray) -> float:
    """The temperature with the least negative log-likelihood; y are class indices."""
    def loss(log_temperature: float) -> float:
        p = softmax(scores, np.exp(log_temperature))[np.arange(len(y)), y]
        return -np.log(np.maximum(p, 1e-12)).mean()

    best = minimize_scalar(loss, bounds=(np.log(0.05), np.log(20)), method="bounded")
    return float(np.exp(best.x))


def reliability(p: np.ndarray, y: np.ndarray) -> Reliability:
    """The reliability of probabilities p; y are class indices. Empty bins are left out."""
    stated, right = p.max(axis=1), p.argmax(axis=1) == y
    place = np.minimum((stated * BINS).astype(int), BINS - 1)
    count, confidence, accuracy, gap = [], [], [], 0.0
    for b in range(BINS):
        here = place == b
        if not here.any():
            continue
        count.append(int(here.sum()))
        confidence.append(float(stated[here].mean()))
        accuracy.append(float(right[here].mean()))
        gap += here.mean() * abs(confidence[-1] - accuracy[-1])
    return Reliability(count, confidence, accuracy, float(gap))
