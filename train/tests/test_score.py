"""Scoring of label records."""

import json

import pytest

from train import score, truth


def known(n, label):
    return truth.Known(truth.ends("10.0.0.1", n, "10.0.0.2", 80, "tcp"), 1_000_000, label, "c")


def record(n, label, **more):
    return json.dumps({"uid": f"C{n}", "orig_h": "10.0.0.1", "orig_p": n, "resp_h": "10.0.0.2", "resp_p": 80, "proto": "tcp", "ts_first": 1.0,
                       "label": label, "final": True, "stage": "first", "reason": "confident", "wait_ms": 0, **more})


def test_figures():
    flows = [known(1, "a"), known(2, "a"), known(3, "b"), known(4, "c")]
    lines = [record(1, "a"), record(2, "b", stage="slow", reason="timeout", wait_ms=100), record(3, "b"),
             record(9, "a"), record(3, "a", final=False)]
    got = score.score(flows, lines)
    assert (got["flows"], got["unlabelled"], got["other_flows"]) == (4, 1, 1)
    assert got["accuracy"] == 0.5  # the flow without a label counts as wrong
    assert got["f1"] == {"a": pytest.approx(2 / 3), "b": pytest.approx(2 / 3), "c": 0}
    assert got["by_stage"] == {"first": pytest.approx(2 / 3), "slow": pytest.approx(1 / 3)}
    assert got["wait_ms"]["p99"] == 2100 and got["wait_ms"]["under_16ms"] == pytest.approx(2 / 3)
    assert "accuracy    0.5000" in score.text(got)


def test_two_final_labels_are_a_fault():
    with pytest.raises(ValueError, match="two final labels"):
        score.score([known(1, "a")], [record(1, "a"), record(1, "a")])


def test_nothing_known():
    with pytest.raises(ValueError, match="no known label"):
        score.score([], [])
