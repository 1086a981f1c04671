"""The picture: macro-F1 against each of the costs."""

from matplotlib.axes import Axes

from .. import picture
from ..picture import plt
from . import target
from .points import Point

COLOURS = {1: "#7a7a7a", 2: "#2a78b8", 3: "#c2571a"}  # by stages
MARKS = ("*", "D", "^", "s")
LINEAR = 1.0  # ms: waits below are drawn as they are, those above on a logarithmic scale


def draw(title: str, points: list[Point], named: dict[str, Point], depth: float = 0.1) -> bytes:
    """An SVG of three panels. named: points with a mark of their own. depth: so much macro-F1 below the best point the picture
    ends, or below the last of the named ones."""
    figure, axes = plt.subplots(1, len(target.AXES), figsize=(13, 4.6), sharey=True)
    top = max(p.macro_f1 for p in points)
    depth = max(depth, *(top - p.macro_f1 + 0.01 for p in named.values()))
    for panel, (label, cost) in zip(axes, target.AXES.items()):
        panel_of(panel, points, named, cost)
        panel.set(xlabel=label, ylim=(top - depth, top + depth / 20))
        panel.grid(color="#e4e4e4", linewidth=0.6)
        panel.set_axisbelow(True)
        far = max(cost(p) for p in points)
        if label.endswith("ms"):
            panel.set_xscale("symlog", linthresh=LINEAR)
            panel.set_xlim(-LINEAR / 5, max(far, LINEAR) * 1.6)
        else:
            panel.set_xscale("log")
            panel.set_xlim(right=far * 1.3)
        panel.xaxis.set_major_formatter(lambda x, _: f"{x:g}")
    axes[0].set_ylabel("macro-F1, out of fold")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    figure.legend(handles, labels, loc="upper center", bbox_to_anchor=(0.5, 0.02), ncols=2, frameon=False, fontsize=9)
    figure.tight_layout()
    return picture.svg(figure)


def panel_of(panel: Axes, points: list[Point], named: dict[str, Point], cost) -> None:
    """Of each ladder what its other points do not beat."""
    for stages, colour in COLOURS.items():
        ladders = sorted({p.ladder for p in points if len(p.ladder) == stages})
        some = [p for ladder in ladders for p in target.front([q for q in points if q.ladder == ladder], cost)]
        panel.scatter([cost(p) for p in some], [p.macro_f1 for p in some], s=9, color=colour, alpha=0.45, linewidths=0,
                      label=f"{stages} stage{'s' if stages > 1 else ''}")
    best = target.front(points, cost)
    # A front is a stair: up to the next point there is nothing better than the one before.
    panel.step([*map(cost, best), max(map(cost, points))], [*(p.macro_f1 for p in best), best[-1].macro_f1], where="post", color="#333333", linewidth=1.2, label="Pareto front")
    panel.scatter([cost(p) for p in best], [p.macro_f1 for p in best], s=16, facecolors="white", edgecolors="#333333", linewidths=1, zorder=3)
    for mark, (name, p) in zip(MARKS, named.items()):
        panel.plot([cost(p)], [p.macro_f1], marker=mark, markersize=11 if mark == "*" else 8, markeredgecolor="black", markerfacecolor="#ffd23f", linestyle="none", label=name, zorder=4)
