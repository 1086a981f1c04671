"""Pictures for the model card, as SVG."""

import io

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams["svg.hashsalt"] = "serveflow"  # the same picture gives the same bytes
import matplotlib.pyplot as plt

from .calibrate import Reliability


def svg(figure) -> bytes:
    out = io.BytesIO()
    figure.savefig(out, format="svg", metadata={"Date": None}, bbox_inches="tight")
    plt.close(figure)
    return out.getvalue()


def calibration(curves: dict[str, Reliability]) -> bytes:
    """Accuracy against stated confidence, by stage."""
    figure, axes = plt.subplots(figsize=(4.2, 3.8))
    axes.plot([0, 1], [0, 1], color="grey", linestyle=":")
    for name, r in curves.items():
        axes.plot(r.confidence, r.accuracy, marker="o", label=f"{name} (ECE {r.ece:.3f})")
    axes.set(xlabel="confidence stated", ylabel="accuracy", xlim=(0, 1), ylim=(0, 1))
    axes.legend()
    return svg(figure)
