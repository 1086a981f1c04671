"""What stages learn from, on made-up flows."""

import numpy as np
import pytest

from train import calibrate, export, learn, leftout, stages, unseen
from train.gather import Flows
from train.recipe import Member, Recipe, Stage
from train.rule import Rule
from train.shipped import Shipped
from train.stages import Trees

from .test_rule import flows


def growing(n: int):
    """Flows of one to three packets, whose feature says how many were seen and what they are."""
    t = flows(*[[0, 1, 2][: 1 + i % 3] for i in range(n)], capture=[str(i % 7) for i in range(n)])
    for m, X in enumerate(t.seen):
        X["packets"] = np.minimum(t.packets, m + 1).astype(np.float32)
        X["p1_ip_len"] = np.float32(100) * (np.arange(n) // 3 % 2)
        X["p2_ip_len"] = np.where(X["packets"] > 1, np.float32(10) * (np.arange(n) % 2), np.float32(-1))
    return t


def test_beginnings_are_shorter_than_the_flow_and_each_length_comes_once():
    t = growing(90)
    whole = learn.beginnings(t, np.zeros(90, int), np.ones(90), ["proto", "packets"], 3, Member(Trees(1, 2)), 1)
    assert len(whole.y) == 90 and (whole.weight == 1).all()
    got = learn.beginnings(t, np.arange(90), np.ones(90), ["proto", "packets"], 3, Member(Trees(1, 2), cuts=2, weight=0.5), 1)
    cut = got.X[90:]
    assert len(cut) == 30 + 60 and (got.weight[90:] == 0.5).all()  # one of each flow of two packets, two of three
    assert (cut["packets"].to_numpy() < t.packets[cut["proto"].astype(int)]).all() and (got.y == got.X["proto"]).all()
    assert not cut.duplicated().any()
    one = learn.beginnings(t, np.arange(90), np.ones(90), ["packets"], 3, Member(Trees(1, 2), cuts=1), 1)
    assert len(one.y) == 90 + 60


def test_a_stage_of_several_members_gives_their_mean():
    t = growing(300)
    y = ((t.seen[2]["p1_ip_len"] > 50).to_numpy().astype(int) + (t.seen[2]["p2_ip_len"] > 5)).to_numpy(int)
    stage = Stage("slow", "onnx", 3, (Member(Trees(5, 4)), Member(Trees(7, 4), cuts=1)))
    model = learn.fit(stage, ["p1_ip_len", "p2_ip_len"], t, y, np.ones(300), 3)
    X = t.seen[2]
    assert model.scores(X) == pytest.approx((stages.scores(model.members[0], X) + stages.scores(model.members[1], X)) / 2)
    rows = X[["p1_ip_len", "p2_ip_len"]].to_numpy()
    assert export.check_onnx(export.to_onnx(model.members), rows, model.scores(X)) < 1e-5
    with pytest.raises(ValueError, match="differs from LightGBM"):
        export.check_onnx(export.to_onnx(model.members[:1]), rows, model.scores(X))


def test_soft_labels_count_as_much_as_they_are_probable():
    t = growing(3)
    got = learn.soft(t.seen[0][["proto"]], np.array([[0.9, 0.08, 0.02], [0, 1, 0], [0.5, 0.5, 0]]))
    assert got.X["proto"].tolist() == [0, 0, 1, 2, 2] and list(got.y) == [0, 1, 1, 0, 1] and list(got.weight) == [0.9, 0.08, 1, 0.5, 0.5]


def test_what_classes_count():
    y = np.array([0] * 16 + [1] * 4)
    assert list(unseen.class_weights(Recipe(()), y, ["a", "b", "never"])) == [1, 1, 1]
    half = unseen.class_weights(Recipe((), balance=0.5), y, ["a", "b"])
    assert half[1] / half[0] == pytest.approx(2) and half[y].mean() == pytest.approx(1)
    assert unseen.class_weights(Recipe((), weights=(("b", 0.35),)), y, ["a", "b"])[1] == 0.35


def test_answers_are_of_models_that_did_not_see_the_capture():
    """A feature that is the capture's own tells nothing about other captures."""
    n = 420
    t = flows(*[[0, 1]] * n, capture=[str(i % 7) for i in range(n)])
    y = np.arange(n) % 7 % 2
    for X in t.seen:
        X["proto"] = (np.arange(n) % 7).astype(np.float32)
        X["p1_ip_len"] = np.zeros(n, np.float32)
    data = Flows(t, y, stages.folds(t.capture), {})
    recipe = Recipe((Stage("first", "leaves", 1, (Member(Trees(20, 8, min_leaf=1)),), soft=True), Stage("slow", "onnx", 2, (Member(Trees(20, 8, min_leaf=1)),))))
    got = unseen.answers(recipe, data, [["proto"]] * 2, ["a", "b"])
    assert [len(s) for s in got.scores] == [1, 2]
    assert (got.scores[1][1].argmax(axis=1) == y).mean() < 0.8  # a model of all of it is always right
    sees = unseen.models_of(recipe, data, [["proto"]] * 2, ["a", "b"])
    assert (sees[1].scores(t.seen[1]).argmax(axis=1) == y).all()
    assert calibrate.softmax(got.scores[0][0]).sum(axis=1) == pytest.approx(1)


def test_a_class_that_is_left_out():
    """Of three lengths of a packet one is the background; flows of the class that is left out look like it, or like the other class."""
    n = 600
    t = flows(*[[0]] * n, capture=[str(i % 10) for i in range(n)])
    y, kind = np.arange(n) % 3, np.arange(n) % 3
    for X in t.seen:
        X["p1_ip_len"] = np.where(y == 1, np.where(np.arange(n) % 2, 200, 0), kind * 100).astype(np.float32)
    stage = Stage("only", "leaves", 1, (Member(Trees(30, 4, min_leaf=5)),))
    bundle = Shipped(["a", "left", "other"], "other", [{"name": "only"}], [Rule(1, "margin", 1.0)], [1.0])
    data = Flows(t, y, np.arange(n) % 10 % 5, {})
    found = leftout.without(Recipe((stage,), background="other"), data, ["a", "left", "other"], bundle, "left")
    assert found == (200, 0.5, 0.5)
    # Without a background each is surely something else.
    plain = Shipped(["a", "b", "left"], "", [{"name": "only"}], [Rule(1, "margin", 1.0)], [1.0])
    data = Flows(t, np.where(y == 1, 2, np.where(y == 2, 1, 0)), data.fold, {})
    assert leftout.without(Recipe((stage,)), data, ["a", "b", "left"], plain, "left") == (200, 0, 1)
