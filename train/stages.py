"""Boosted trees: which features they see, and how they are fitted."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Iterable

import lightgbm as lgb
import numpy as np
import pandas as pd

from .truth import Problem

# Never used. orig_port is picked by the client's system and says more about where
# a capture was made than about the service; the next two say so of IPv6, and the
# ICMP fields are absent from TCP and UDP. Of conn.log, what Zeek missed or found odd:
# where captures hold headers alone, that is all payload.
UNUSED = re.compile(r"orig_port|ip_version|p\d+_(ip_hl|icmp_type|icmp_code)|conn_missed_bytes|conn_history_(orig|resp)_[cgtwiqx]")
# TCP options are set by the handshake: beyond packet 2 they add noise (notes/service.md).
LATE_OPTIONS = re.compile(r"p([3-9]|\d\d)_tcp_(mss|wscale|sack_ok|ts|opts|opt_order|sacks)")


@dataclass(frozen=True)
class Trees:
    """Size and regularisation of a LightGBM model; rounds are per class.

    min_hessian: with LightGBM's own 0.001 small leaves of rare classes can diverge. l2: LightGBM's lambda_l2; with more,
    small leaves say less.
    """

    rounds: int
    leaves: int
    feature_fraction: float = 1.0
    learning_rate: float = 0.1
    min_leaf: int = 20
    min_hessian: float = 0.1
    l2: float = 0.0

    def params(self, classes: int) -> dict:
        return {
            "objective": "multiclass", "num_class": classes, "num_leaves": self.leaves,
            "learning_rate": self.learning_rate, "feature_fraction": self.feature_fraction,
            "min_data_in_leaf": self.min_leaf, "min_sum_hessian_in_leaf": self.min_hessian, "lambda_l2": self.l2,
            "seed": 1, "deterministic": True,
            "force_row_wise": True, "num_threads": 1, "verbose": -1,
        }


def allowed(names: Iterable[str]) -> list[str]:
    """The features that a model may learn from."""
    return [n for n in names if not UNUSED.fullmatch(n) and not LATE_OPTIONS.fullmatch(n)]


def useful(X: pd.DataFrame) -> list[str]:
    """The features a stage may learn from, one at least: those of them that vary."""
    varies = (X.to_numpy() != X.to_numpy()[0]).any(axis=0)
    found = allowed(c for c, v in zip(X, varies) if v)
    if not found:
        raise Problem(f"all {len(X)} labelled flows look the same: no feature differs between them; give more flows")
    return found


def classes_of(y: np.ndarray, files: Iterable[Path]) -> tuple[list[str], np.ndarray]:
    """The names of the classes, two at least, and each flow's place among them. files are those of the labels y."""
    names, at = np.unique(y.astype(str), return_inverse=True)
    if len(names) < 2:
        where = ", ".join(dict.fromkeys(map(str, files)))
        raise Problem(f"{where}: all {len(y)} labelled flows have the label {str(names[0])!r}: a model needs two classes or more")
    return [str(name) for name in names], at


def fit(trees: Trees, X: pd.DataFrame, y: np.ndarray, classes: int, weight=None) -> lgb.Booster:
    """Fits boosted trees; y are class indices."""
    return lgb.train(trees.params(classes), lgb.Dataset(X, y, weight=weight), trees.rounds)


def scores(model: lgb.Booster, X: pd.DataFrame) -> np.ndarray:
    """Raw scores before softmax, a row a flow, a column a class."""
    return model.predict(X[model.feature_name()], raw_score=True, num_threads=1)


def folds(group: np.ndarray, count: int = 5) -> np.ndarray:
    """A fold for each flow, about equal in flows; flows of one group share it."""
    names, at, sizes = np.unique(group, return_inverse=True, return_counts=True)
    if len(names) < 2:
        raise Problem(f"all {len(group)} labelled flows are of one capture, {names[0]}: cross-validation needs two or more (capture_id, or another pair of --lab)")
    filled, fold = np.zeros(count), np.zeros(len(names), dtype=int)
    for i in np.argsort(-sizes, kind="stable"):
        fold[i] = filled.argmin()
        filled[fold[i]] += sizes[i]
    return fold[at]
