"""When waiting is worth it: hazards, patience and bounds, on made-up flows."""

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from train import bounds, bundle, calibrate, hazard, patience, rule
from train.recipe import Recipe, Stage
from train.rule import IDLE, Hold, Rule
from train.trial import FOUND, Trial

from .test_rule import FIRST, LAST, NAMES, flows, says

SERVEFLOW = Path(__file__).resolve().parents[2] / "bin" / "serveflow"


def test_hazard_sees_the_answer():
    X = hazard.features(pd.DataFrame({"proto": [6.0]}), np.array([[0.1, 0.7, 0.2]]))
    assert list(X) == ["proto", *hazard.ANSWER]
    entropy = -sum(p * np.log(p) for p in (0.1, 0.7, 0.2)) / np.log(3)
    assert X.iloc[0].tolist() == pytest.approx([6, 0.7, 0.2, 0.1, 0, 0, 0.5, entropy, 1, 2], rel=1e-6)


@pytest.fixture(scope="module")
def heard():
    """A hazard: flows of class b get no more packets."""
    rng = np.random.default_rng(1)
    p = says(*rng.random(900))
    X = hazard.features(pd.DataFrame({"proto": rng.integers(0, 50, 900)}), p)
    return hazard.fit(X, p[:, 1] + rng.normal(0, 0.1, 900) < 0.5), X


def test_hazard_learns(heard):
    model, X = heard
    p = hazard.probability(model, X)
    assert p[X["answer_first"] == 1].mean() < 0.2 < 0.8 < p[X["answer_first"] == 0].mean()
    assert calibrate.softmax(hazard.scores(model, X))[:, 1] == pytest.approx(p)


def test_serveflow_gives_the_hazards_scores(heard, tmp_path):
    """Read as a stage of its own: its columns take the names of features that there are."""
    model, X = heard
    columns = [f"p{i + 1}_ip_len" for i in range(X.shape[1])]
    text = re.sub(r"feature_names=.*", "feature_names=" + " ".join(columns), model.model_to_string()).encode()
    part = bundle.Part(text, columns, X.to_numpy()[:300], hazard.scores(model, X)[:300])
    stage = bundle.Trained(Stage("only", "leaves", len(columns), ()), part, 1, Rule(len(columns), "margin", 1), calibrate.reliability(says(0.5), np.array([0])))
    bundle.write(tmp_path, bundle.Bundle("toy", "1", Recipe((stage.stage,)), ["none", "more"], [stage], []), "card", {})
    done = subprocess.run([SERVEFLOW, "bundle", "verify", tmp_path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "stage only gives the training library's scores on 300 rows" in done.stdout


def test_patience_ends_where_nothing_is_gained():
    rng = np.random.default_rng(2)
    gap, capture = rng.uniform(0, 900, 3000), rng.integers(0, 60, 3000).astype(str)
    ahead = np.repeat([0, 1, 2], 1000)
    gain = np.where((ahead == 0) & (gap < 120) | (ahead == 1), 1.0, 0.0)
    found = patience.waits(ahead, gap, gain, capture, 4)
    assert list(found[:3]) == [125, IDLE, 16] and np.isnan(found[3]) and found[4] == IDLE
    assert patience.compact(found, list("abcd"), 2) == [Hold(16, ("c",), 2), Hold(125, ("a",), 2), Hold(IDLE, (), 2)]


def test_patience_needs_several_captures():
    gap, none = np.full(100, 900.0), np.zeros(100)
    assert patience.level(gap, none, np.array(["one"] * 100)) == IDLE
    assert patience.level(gap, none, np.arange(100).astype(str)) == patience.LEVELS[0]


def test_patience_counts_labelled_flows_that_wait():
    n = 200  # half of them gain by a packet after 300 ms; the others get none
    t = flows(*[[0, 300, 301], [0]] * (n // 2))
    p = [[says(*[0.45] * n)], [says(*[0.1] * n), says(*[0.1] * n), says(*[0.9] * n)]]
    steps = rule.walk(t, [FIRST, LAST], p, NAMES, 0)
    out = rule.decide(steps, [FIRST, LAST], {}, NAMES)
    assert patience.table(t, np.ones(n, dtype=int), steps, out, p, [FIRST, LAST], 0, NAMES) == (Hold(500, ("a",), 1),)
    assert patience.table(t, np.full(n, -1), steps, out, p, [FIRST, LAST], 0, NAMES) == ()


def trial_of(t, p, y, more=None, rules=(FIRST, LAST), background="") -> Trial:
    """Flows in two halves, two in one and then two in the other; the last stage's answers with all packets."""
    return Trial(rule.walk(t, list(rules), p, NAMES, 0, background), y, more or {}, p[-1][-1].argmax(axis=1), np.arange(len(y)) // 2 % 2, NAMES, background)


def test_bounds_let_go_what_would_wait_for_nothing(capsys):
    n = 100
    t = flows(*([[0]] * n + [[0, 300, 301]] * n), y=["b"] * n + ["a"] * n)
    p = [[says(*[0.6] * n, *[0.6] * n)], [says(*[0.9] * n, *[0.1] * n)] * 3]
    more, y = {(0, 1): np.array([0.35] * n + [0.95] * n)}, np.array([1] * n + [0] * n)
    trial = trial_of(t, p, y, more)
    chosen = bounds.choose(trial, [FIRST, LAST], 0.004)
    out = rule.decide(trial.looks, chosen, more, NAMES)
    assert 0.35 < chosen[0].below < 0.95 and (out.reason == "no_more").sum() == n and (out.answer == y).all()
    assert bounds.choose(trial, [FIRST, LAST], -1)[0].below == chosen[0].below and "no bounds lose at most -1" in capsys.readouterr().err


def test_bounds_keep_a_rare_class():
    """To answer all at once would cost a thousandth of the accuracy, but a class."""
    n = 1000
    t = flows(*[[0, 300, 301]] * n)
    p, y = [[says(*[0.4] * n)], [says(*[0.1] * (n - 1), 0.9)] * 3], np.array([0] * (n - 1) + [1])
    trial = trial_of(t, p, y)
    chosen = bounds.choose(trial, [FIRST, LAST], 0.004)
    assert (rule.decide(trial.looks, chosen, {}, NAMES).answer == y).all()


def test_bounds_by_class():
    """One class is as right at once as later, the other is not: only the first has a threshold of its own."""
    n = 400
    t = flows(*[[0, 300, 301]] * (2 * n))
    y = np.array([0] * n + [1, 0] * (n // 2))
    p = [[says(*[0.4] * n, *[0.6] * n)], [says(*(0.1 + 0.8 * y))] * 3]
    trial = trial_of(t, p, y)
    chosen = bounds.choose(trial, [FIRST, LAST], 0.004)
    out = rule.decide(trial.looks, chosen, {}, NAMES)
    assert (out.answer == y).all() and list(out.look) == [0] * n + [1] * n


def test_unknown_is_wrong_for_a_known_flow_and_right_for_the_background():
    t, y = flows([0], [0], [0], [0], [0]), np.array([0, 0, -1, 1, 1])
    rules = [Rule(1, "margin", 1.0)]
    got = trial_of(t, [[says(0.1, 0.9, 0.9, 0.9, 0.1)]], y, rules=rules, background="b").of(rules)
    assert (got.soon, got.accuracy, got.found) == (1, 0.5, 0.5) and got.macro_f1 == pytest.approx(2 / 3)
    assert got.worth(4) == pytest.approx(1 + 4 * (2 / 3 + 0.5) / 2 + FOUND / 2)


def test_bounds_hold_where_they_were_not_chosen():
    """Sure answers of one half are right, and those of the other half wrong: the halves contradict each other, and nobody is answered at once."""
    n = 200
    t = flows(*[[0, 300, 301]] * n)
    y = np.zeros(n, dtype=int)
    sure = np.where(np.arange(n) // 2 % 2 == 0, 0.1, 0.9)  # of b: right, and wrong
    trial = trial_of(t, [[says(*sure)], [says(*[0.1] * n)] * 3], y)
    out = rule.decide(trial.looks, bounds.choose(trial, [FIRST, LAST], 0.004), {}, NAMES)
    assert (out.answer == y).all() and (out.look == 1).all()
    got = trial.rows(trial.fold == 1).loss([replace(FIRST, threshold=1.0), LAST])
    assert got[0] == 1 and trial.rows(trial.fold == 0).loss([replace(FIRST, threshold=1.0), LAST])[0] == 0


def test_rules_are_tried_on_other_folds():
    assert [list(np.flatnonzero(p)) for p in bounds.apart(np.array([0, 1, 2, 3, 4]))] == [[0, 1], [1, 2], [2, 3], [3, 4], [0, 4]]
    assert [list(np.flatnonzero(p)) for p in bounds.apart(np.array([0, 2, 2]))] == [[0], [1, 2]] and bounds.apart(np.array([3, 3])) == []


@pytest.mark.parametrize("losses, taken, said", [
    ([(0.001, 0.0, 0.6)], (2, False), ""),  # the least price that keeps the slack
    ([(0.01, 0.0, 0.9), (0.001, 0.0, 0.6), (0.002, 0.0, 0.7)], (4, True), ""),  # with classes at no lower price, and sooner
    ([(0.01, 0.0, 0.9), (0.001, 0.0, 0.6), (0.002, 0.0, 0.5)], (4, False), ""),
    ([(0.01, 0.009, 0.9), (0.004, 0.003, 0.6), *[(0.01, 0.007, 0.3)] * 14], (4, False), "0.0040, give or take 0.0030, are taken"),
    ([(0.01, 0.007, 0.9)] * 16, None, ""),  # not even so
])
def test_an_error_of_the_loss_is_let_pass_where_no_bounds_keep_the_slack(losses, taken, said, monkeypatch, capsys):
    left = iter(losses)

    def elsewhere(trial, parts, rules, price, by_class):
        loss, error, soon = next(left)
        return bounds.Tried(loss, error, soon, price, by_class)

    monkeypatch.setattr(bounds, "elsewhere", elsewhere)
    monkeypatch.setattr(bounds, "ascend", lambda trial, rules, price, by_class: (price, by_class))
    trial = trial_of(flows(*[[0]] * 4), [[says(*[0.6] * 4)], [says(*[0.6] * 4)] * 3], np.ones(4, dtype=int))
    if len(losses) < 3:
        monkeypatch.setattr(bounds, "elsewhere", lambda *a: bounds.Tried(*losses[0], a[3], a[4]))
    got = bounds.choose(trial, [FIRST, LAST], 0.002)
    assert got == (taken or [replace(FIRST, threshold=0.0, thresholds={}), LAST]) and said in capsys.readouterr().err
