"""P(another packet of the flow comes soon), from its packets so far and the answer that stands."""

import lightgbm as lgb
import numpy as np
import pandas as pd

from .timeline import Timeline

ROUNDS, LEAVES = 60, 15
TOP = 5  # probabilities of the answer that it sees
ANSWER = [*(f"answer_p{i + 1}" for i in range(TOP)), "answer_margin", "answer_entropy", "answer_first", "answer_second"]


def features(X: pd.DataFrame, p: np.ndarray) -> pd.DataFrame:
    """What the model reads, float32: the stage's features, and then its answer, a row a flow.

    p: the stage's calibrated probabilities.
    """
    order = np.argsort(-p, axis=1, kind="stable")
    top = np.zeros((len(p), TOP))
    top[:, : p.shape[1]] = np.take_along_axis(p, order, axis=1)[:, :TOP]
    entropy = -(p * np.log(np.maximum(p, 1e-300))).sum(axis=1) / np.log(p.shape[1])
    answer = np.column_stack([top, top[:, 0] - top[:, 1], np.minimum(1, entropy), order[:, :2]])
    return pd.concat([X.reset_index(drop=True), pd.DataFrame(answer, columns=ANSWER)], axis=1).astype(np.float32)


def rows(flows: Timeline, m: int, within: float) -> tuple[np.ndarray, np.ndarray]:
    """Which flows could wait for a packet after m, and which got it within so many ms."""
    return flows.waiting(m), flows.gap(m) <= within


def fit(X: pd.DataFrame, comes: np.ndarray) -> lgb.Booster:
    """A small model whose second class is "another packet comes in time"."""
    params = {
        "objective": "binary", "num_leaves": LEAVES, "learning_rate": 0.1, "min_data_in_leaf": 20,
        "seed": 1, "deterministic": True, "force_row_wise": True, "num_threads": 1, "verbose": -1,
    }
    return lgb.train(params, lgb.Dataset(X, comes.astype(int)), ROUNDS)


def probability(model: lgb.Booster, X: pd.DataFrame) -> np.ndarray:
    """P(another packet in time), a number a flow."""
    return model.predict(X[model.feature_name()], num_threads=1)


def scores(model: lgb.Booster, X: pd.DataFrame) -> np.ndarray:
    """Raw scores of both classes, as the serving engine gives them: 0 and the log of the odds."""
    raw = model.predict(X[model.feature_name()], raw_score=True, num_threads=1)
    return np.column_stack([np.zeros(len(raw)), raw])
