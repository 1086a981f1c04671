"""What labelled flows got and took, and how sure figures of them are."""

from dataclasses import dataclass

import numpy as np

from ..trial import SOON

DRAWS = 200  # of the captures; 90 of 100 lie in an interval


@dataclass
class Spent:
    """Of each labelled flow: its class, the answer, ms from its first packet to the answer, µs of models, and its capture."""

    y: np.ndarray
    answer: np.ndarray
    wait: np.ndarray
    compute: np.ndarray
    capture: np.ndarray


def together(parts: list[Spent]) -> Spent:
    """The flows of all parts."""
    return Spent(*(np.concatenate(columns) for columns in zip(*((s.y, s.answer, s.wait, s.compute, s.capture) for s in parts))))


def figures(s: Spent, classes: int) -> np.ndarray:
    """Macro-F1, accuracy, median and 90th percentile of the wait, share within 16 ms, compute."""
    return weighted(s, np.ones((1, len(np.unique(s.capture)))), classes)[:, 0]


def intervals(s: Spent, classes: int) -> np.ndarray:
    """Of each of these figures the ends between which 90 of 100 draws of the captures lie: a row a figure."""
    return np.nanquantile(weighted(s, draws(s), classes), [0.05, 0.95], axis=1).T


def loss(s: Spent, best: Spent, classes: int) -> np.ndarray:
    """The ends of the interval of how much more macro-F1 best has on the same flows, in the same draws of the captures."""
    drawn = draws(s)
    return np.nanquantile(weighted(best, drawn, classes)[0] - weighted(s, drawn, classes)[0], [0.05, 0.95])


def draws(s: Spent) -> np.ndarray:
    """How often each draw has each capture."""
    n = len(np.unique(s.capture))
    return np.random.default_rng(1).multinomial(n, np.full(n, 1 / n), DRAWS)


def weighted(s: Spent, weights: np.ndarray, classes: int) -> np.ndarray:
    """The figures: a column for each row of weights, which has what each capture counts."""
    at = np.unique(s.capture, return_inverse=True)[1]

    def count(of: np.ndarray, here: np.ndarray) -> np.ndarray:
        return weights @ np.array([np.bincount(at[here & (of == c)], minlength=weights.shape[1]) for c in range(classes)]).T

    every = np.ones(len(at), dtype=bool)
    hit, said, true = count(s.y, s.y == s.answer), count(s.answer, every), count(s.y, every)
    with np.errstate(invalid="ignore"):
        f1 = np.where(true > 0, 2 * hit / (said + true), np.nan)
    flows, order = weights[:, at], np.argsort(s.wait, kind="stable")
    total, ahead = flows.sum(axis=1), flows[:, order].cumsum(axis=1)
    p50, p90 = (s.wait[order][(ahead < q * total[:, None]).sum(axis=1)] for q in (0.5, 0.9))
    return np.array([np.nanmean(f1, axis=1), hit.sum(axis=1) / total, p50, p90, flows @ (s.wait < SOON) / total, flows @ s.compute / total])
