"""Pictures for the model card, as SVG."""

import io

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams["svg.hashsalt"] = "serveflow"  # the same picture gives the same bytes
import matplotlib.pyplot as plt
import numpy as np

from .calibrate import Reliability
from .thresholds import quality, uncertainty


def svg(figure) -> bytes:
    out = io.BytesIO()
    figure.savefig(out, format="svg", metadata={"Date": None}, bbox_inches="tight")
    plt.close(figure)
    return out.getvalue()


def deferral(first: np.ndarray, last: np.ndarray, measure: str, y: np.ndarray, decided: float) -> bytes:
    """Quality against the share of flows that the first stage hands to the last one.

    first, last: probabilities, a row a flow. decided: the share that the first
    stage decides at the threshold chosen.
    """
    order = np.argsort(-uncertainty(first, measure), kind="stable")  # the most doubtful first
    classes, shares = first.shape[1], np.linspace(0, 1, 101)
    answer, points = first.argmax(axis=1), []
    for share in shares:
        mixed = answer.copy()
        deferred = order[: round(share * len(y))]
        mixed[deferred] = last.argmax(axis=1)[deferred]
        points.append(quality(mixed, y, classes))
    figure, axes = plt.subplots(figsize=(6, 3.4))
    axes.plot(100 * shares, [p[0] for p in points], label="accuracy")
    axes.plot(100 * shares, [p[1] for p in points], label="macro-F1")
    axes.axvline(100 * (1 - decided), color="grey", linestyle=":", label="threshold chosen")
    axes.set(xlabel="flows handed on by the first stage, %", ylabel="quality")
    axes.legend()
    return svg(figure)


def calibration(curves: dict[str, Reliability]) -> bytes:
    """Accuracy against stated confidence, by stage."""
    figure, axes = plt.subplots(figsize=(4.2, 3.8))
    axes.plot([0, 1], [0, 1], color="grey", linestyle=":")
    for name, r in curves.items():
        axes.plot(r.confidence, r.accuracy, marker="o", label=f"{name} (ECE {r.ece:.3f})")
    axes.set(xlabel="confidence stated", ylabel="accuracy", xlim=(0, 1), ylim=(0, 1))
    axes.legend()
    return svg(figure)
