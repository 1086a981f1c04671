"""Plans: ladders out of a pool, what they are worth, and what is picked, on made-up flows."""

import csv
import json
import re
from dataclasses import replace

import numpy as np
import pytest

from train import bounds, gather, truth
from train.plan import __main__ as cli
from train.plan import attempt, cost, figures, picture, points, pool, target
from train.plan.answers import Answers
from train.plan.cost import Cost
from train.plan.figures import Spent
from train.plan.points import Point
from train.plan.prices import PRICES, Priced
from train.recipe import LADDER, RECIPES, Member, Recipe, Stage
from train.rule import UNKNOWN, Rule
from train.stages import Trees
from train.thresholds import quality

from .test_problems import SERVEFLOW, capture, data, labels  # noqa: F401, fixtures
from .test_rule import NAMES, flows, says


@pytest.mark.parametrize("recipe", [*RECIPES.values(), LADDER])
def test_the_pool_has_the_recipe_and_the_papers_ladder(recipe):
    stages = pool.pool(recipe).stages
    ladders = pool.ladders(stages)
    assert pool.places(stages, pool.PAPER) in ladders and pool.fits(recipe.stages)
    assert pool.places(stages, recipe.stages) in ladders or len(recipe.stages) > pool.MOST
    assert len({s.name for s in stages}) == len(stages) and stages[-1] == recipe.stages[-1]
    assert set(recipe.stages) <= set(stages)
    for ladder in ladders:
        assert list(ladder) == sorted(ladder) and not stages[ladder[-1]].deepest and all(stages[i].engine == "leaves" for i in ladder[:-1])


def stage(name: str, depth: int, rounds: int = 1, deepest: int = 0, engine: str = "leaves") -> Stage:
    return Stage(name, engine, depth, (Member(Trees(rounds, 4, min_leaf=1)),), deepest=deepest)


def test_of_the_background_a_candidate_learns_as_the_stages_near_it_do():
    recipe = Recipe((replace(stage("a", 1), background=0.1), replace(stage("b", 10), background=0.5)))
    assert {s.name: s.background for s in pool.pool(recipe).stages} == {"tree": 0.1 * pool.TREE.background, "small": 0.1, "wide": 0.1, "a": 0.1, "two": 0.5, "any": 0.5, "ten": 0.5, "both": 0.5, "b": 0.5}


@pytest.mark.parametrize("of, good", [
    ([stage("a", 1)], True), ([stage("a", 1), stage("b", 2)], True), ([stage("a", 1), stage("b", 1, rounds=2)], True),
    ([stage("a", 1), stage("b", 1)], False), ([stage("a", 2), stage("b", 1, rounds=2)], False), ([stage("a", 1), stage("b", 2, deepest=5)], False),
    ([stage("a", 2, deepest=5), stage("b", 4)], False), ([stage("a", 2, deepest=5), stage("b", 5, rounds=2)], True), ([stage("a", 1, engine="onnx"), stage("b", 2)], False),
])
def test_ladders_that_make_sense(of, good):
    assert pool.fits(of) == good


def test_the_same_stage_is_there_once():
    again = replace(pool.TREE, name="other_name", background=0.5)
    stages = pool.pool(Recipe((again, stage("tree", 3, rounds=9)))).stages
    assert again in stages and [s.name for s in stages].count("tree") == 1 and len([s for s in stages if pool.same(s, pool.TREE)]) == 1


# Flows of one, two and three packets; the first is over after its packet.
FIRST, AGAIN, LAST = stage("first", 1), stage("again", 1, rounds=3), stage("last", 3, engine="onnx")
COSTS = [Cost(1, 10), Cost(100), Cost(1000)]


def answers(y=(0, 1, 1, 0), first=(0.1, 0.9, 0.6, 0.6), again=(0.1, 0.9, 0.9, 0.1), last=(0.1, 0.9, 0.9, 0.1), repeat=1, background="") -> Answers:
    t = flows(*[[0], [0, 5, 6], [0, 5, 6], [0]] * repeat, over=[4 * i for i in range(repeat)], capture=[str(i) for i in range(repeat) for _ in range(4)])
    n = 4 * repeat
    p = [[says(*first * repeat)], [says(*again * repeat)], [says(*last * repeat)] * 3]
    return Answers(Recipe((FIRST, AGAIN, LAST), background=background), gather.Flows(t, np.array(y * repeat), np.arange(n) // 4 % 5, {}), NAMES, p,
                   {(0, 1): np.full(n, 0.9), (1, 1): np.full(n, 0.9)})


def test_each_look_costs_and_the_hazard_where_a_flow_waits():
    a = answers().of((0, 2))
    assert list(a.more) == [(0, 1)]
    got = points.spent(a, [Rule(1, "margin", 0.3, below=0.5), Rule(3, "margin", 1)], [COSTS[0], COSTS[2]])
    assert list(got.compute) == [1, 1, 1011, 1011] and list(got.answer) == [0, 1, 1, 0] and list(got.wait) == [0, 0, 6, 2200]
    got = points.spent(answers(first=(0.6, 0.6, 0.6, 0.6)).of((0, 2)), [Rule(1, "margin", 0.3, below=0.5), Rule(3, "margin", 1)], [COSTS[0], COSTS[2]])
    assert list(got.compute) == [1001, 1011, 1011, 1011]  # the first flow is over
    got = points.spent(a, [Rule(1, "margin", 0.0), Rule(3, "margin", 1)], [COSTS[0], COSTS[2]])
    assert list(got.compute) == [1001] * 4  # no hazard is asked where there is no bound


def test_the_background_is_no_class():
    got = points.spent(answers(background="b").of((2,)), [Rule(3, "margin", 1)], [COSTS[2]])
    assert list(got.y) == [0, 0] and list(got.compute) == [1000, 1000]
    got = points.spent(answers(y=(1, 0, 1, 1), first=(0.9, 0.9, 0.9, 0.9), background="b").of((0, 2)), [Rule(1, "margin", 0.3, below=0.5), Rule(3, "margin", 1)], [COSTS[0], COSTS[2]])
    assert list(got.answer) == [UNKNOWN] and list(got.compute) == [1]  # it is sure that they are unknown: no hazard is asked


def test_computing_has_a_price():
    """Both stages at packet 1 are soon; the larger one is right more often, and dear."""
    a = answers(repeat=5, first=(0.1, 0.9, 0.6, 0.4), last=(0.1, 0.9, 0.9, 0.1)).of((0, 1))
    rules = [Rule(1, "margin", 0.0), Rule(1, "margin", 1)]
    plain = a.trial(rules)
    free, dear = (bounds.ascend(Priced(plain.looks, plain.y, {}, plain.alone, plain.fold, NAMES, "", COSTS[:2], rate), rules, 4, False) for rate in (0, 0.01))
    assert points.spent(a, free, COSTS[:2]).compute.mean() == 101 and points.spent(a, dear, COSTS[:2]).compute.mean() == 1
    trial = Priced(plain.looks, plain.y, {}, plain.alone, plain.fold, NAMES, "", COSTS[:2], 1.0)
    assert trial.compute([f for i in range(2) for f in trial.finals(dear, i)]) == 1


def test_survey():
    a = answers(repeat=40)
    alone, = points.survey(a, (2,), COSTS)
    assert (alone.macro_f1, alone.compute, alone.p50, alone.p90) == (1, 1000, 6, 2200)
    found = points.survey(a, (0, 1, 2), COSTS)
    assert len(found) == len(PRICES) == len({p.how for p in found}) and max(p.macro_f1 for p in found) == 1
    best = min((p for p in found if p.macro_f1 == 1), key=lambda p: p.compute)
    assert best.compute < 1000 and (best.p90, best.soon) == (0, 1)
    a = answers(repeat=40, first=(0.1, 0.9, 0.4, 0.4))
    a.more[0, 1][3::4] = 0.1  # no packet comes of one that is right at once
    assert any(p.rules[0].below for p in points.survey(a, (0, 2), COSTS))
    assert not any(r.below or r.patience for p in points.by_hand(a, (0, 2), COSTS) for r in p.rules)


def test_figures_are_of_flows_that_the_rules_were_not_chosen_on():
    """In even folds an unsure first answer is right, and in odd ones it is wrong."""
    a = answers(repeat=40, first=(0.1, 0.9, 0.6, 0.4), last=(0.1, 0.9, 0.9, 0.1))
    odd = a.data.fold % 2 == 1
    a.p[0][0][odd] = says(0.1, 0.9, 0.4, 0.6)[np.arange(odd.sum()) % 4]
    dear = next(p for p in points.survey(a, (0, 2), [Cost(1), Cost(1), Cost(1000)]) if p.how == "plain, price 64")
    assert 1 - dear.accuracy == pytest.approx(odd.mean() / 2)  # rules of the even folds answer at once


def test_the_papers_point_is_the_cheapest_that_loses_little():
    last, some = made(0.9), [made(0.899, compute=5), made(0.8985, compute=4), made(0.8, compute=1)]
    assert attempt.least_of(some, last) is some[1] and attempt.least_of(some[2:], last) is some[2]


def test_a_recipe_gets_the_rules_of_training(capsys):
    """The first stage is certain that a labelled flow is unknown, so that no bounds give what the last one does: those that lose least are taken."""
    a = answers(y=(0, 0, 0, 1), first=(1.0, 0.0, 0.0, 0.0), last=(0.1, 0.1, 0.1, 0.9), repeat=10, background="b")
    t = attempt.Tried(a, COSTS, points.survey(a, (2,), COSTS), {})
    got, said = attempt.as_trained(t, (0, 2)), capsys.readouterr().err
    assert (got.ladder, got.how) == ((0, 2), "slack 0.002") and got.accuracy == pytest.approx(2 / 3) and "no bounds lose at most 0.002" in said


def test_figures_weigh_captures():
    rng = np.random.default_rng(1)
    s = Spent(rng.integers(0, 3, 90), rng.integers(-2, 3, 90), rng.random(90), rng.random(90), np.arange(100, 190).astype(str))
    twice = figures.weighted(s, np.array([[1] * 45 + [2] * 45]), 3)[:, 0]
    more = Spent(*(np.concatenate([column, column[45:]]) for column in (s.y, s.answer, s.wait, s.compute)), np.arange(100, 235).astype(str))
    assert figures.figures(more, 3) == pytest.approx(twice)
    said = np.where(s.answer < 0, 3, s.answer)
    assert figures.figures(s, 3) == pytest.approx([quality(said, s.y, 4)[1], quality(said, s.y, 4)[0], np.sort(s.wait)[44], np.sort(s.wait)[80], 1, s.compute.mean()])
    ends = figures.intervals(s, 3)
    assert (ends[:4, 0] < figures.figures(s, 3)[:4]).all() and (ends[:4, 1] > figures.figures(s, 3)[:4]).all()
    assert list(figures.loss(s, s, 3)) == [0, 0]
    low, high = figures.loss(s, replace(s, answer=s.y), 3)
    assert 0.5 < low < 1 - figures.figures(s, 3)[0] < high < 0.9


def made(macro_f1=0.9, p50=0.0, p90=100.0, compute=10.0, ladder=(0, 1), accuracy=0.9) -> Point:
    return Point(ladder, (), "", Spent(*[np.zeros(0)] * 5), macro_f1, accuracy, p50, p90, 0.5, compute)


@pytest.mark.parametrize("text, want", [
    ("loss=0.003", target.Target("p90", loss=0.003)), ("p90=0.5s,cpu=30us", target.Target("f1", p90=500, cpu=30)), ("p50=16ms, cpu=1ms", target.Target("f1", p50=16, cpu=1000)),
])
def test_targets(text, want):
    assert target.parse(text) == want and target.parse(text, "cpu").best == "cpu"


@pytest.mark.parametrize("text", ["", "loss", "loss=1ms", "p90=5", "cpu=5s", "p90=1ms,p90=2ms", "f1=0.9", "loss=-1"])
def test_targets_that_are_none(text):
    with pytest.raises(truth.Problem, match="use limits such as"):
        target.parse(text)


def test_the_pick_is_the_best_within_the_limits():
    alone, quick, cheap, wrong = made(ladder=(1,), p90=2000), made(0.899, p90=16), made(0.898, p90=500, compute=1), made(0.8, p90=0, compute=0.5)
    every = [alone, quick, cheap, wrong]
    for text, best, want in [("loss=0.003", "", quick), ("loss=0.003", "cpu", cheap), ("cpu=2us", "", cheap), ("p90=20ms", "", quick), ("loss=0.2", "", wrong), ("loss=0", "", alone)]:
        assert target.pick(every, target.parse(text, best)) is want, text
    assert target.pick([alone, made(p90=16, accuracy=0.89)], target.parse("loss=0.003")) is alone  # accuracy counts, too
    with pytest.raises(truth.Problem, match="the least p90 0 ms, the least cpu 0.5 us"):
        target.pick(every, target.parse("loss=0.003,cpu=0.6us"))


def test_a_front_has_what_no_other_beats():
    every = [made(0.9, compute=10), made(0.8, compute=5), made(0.85, compute=12), made(0.7, compute=5), made(0.9, compute=11)]
    assert target.front(every, lambda p: p.compute) == [every[1], every[0]]


def test_the_picture_names_its_points():
    every = [made(0.9, compute=10), made(0.8, compute=5, ladder=(1,)), made(0.85, p90=2200, ladder=(0, 1, 2))]
    drawn = picture.draw("toy", every, {"mine": every[0], "below": made(0.5)})
    assert drawn == picture.draw("toy", every, {"mine": every[0], "below": made(0.5)})
    assert {"toy", "mine", "below", "Pareto front", "3 stages"} <= set(re.findall(r"<!-- (.*?) -->", drawn.decode()))


@pytest.fixture
def small(monkeypatch):
    """A pool of few and small candidates."""
    stages = (stage("first", 1, 2), stage("two", 2, 3, deepest=3), stage("slow", 3, 4, engine="onnx"))
    monkeypatch.setattr(cli, "LADDER", Recipe(stages[::2]))
    monkeypatch.setattr(pool, "STAGES", stages)
    monkeypatch.setattr(pool, "PAPER", stages[::2])
    monkeypatch.setattr(points, "PRICES", PRICES[2:6:3])
    monkeypatch.setattr(cost, "RUNS", 1)


def plan(data, monkeypatch, *options) -> None:
    arguments = ["plan", "toy", "--data", data.parent, "--cache", data.parent / "cache", "--serveflow", SERVEFLOW, *options]
    monkeypatch.setattr("sys.argv", [str(a) for a in arguments])
    cli.main()


@pytest.mark.skipif(not SERVEFLOW.exists(), reason="needs make build")
def test_from_captures_to_a_bundle(data, small, monkeypatch, capsys):  # noqa: F811
    out, drawn, table = (data.parent / name for name in ("out", "plan.svg", "plan.csv"))
    plan(data, monkeypatch, "--target", "loss=0.1", "--picture", drawn, "--csv", table, "--out", out)
    said = capsys.readouterr()
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert {r["ladder"] for r in rows} >= {"first@1", "slow@3", "first@1 > slow@3", "first@1 > two@2-3 > slow@3", "two@2-3 > slow@3"}
    assert all(float(r["models_us"]) > 0 and 0 <= float(r["macro_f1"]) <= 1 for r in rows) and any(r["fronts"] for r in rows)
    assert "us its hazard" in said.err and "the pick for loss=0.1" in said.out and "in 90 of 100 draws of the 20 captures" in said.out
    picked = re.search(r"the pick for loss=0.1 .*  (.*) \(", said.out)[1]
    manifest = json.loads((out / "manifest.json").read_text())
    assert [s["name"] for s in manifest["stages"]] == [s.split("@")[0] for s in picked.split(" > ")]
    thresholds = [float(x) for x in re.findall(r"sure up to .*?(\d\.\d{3});", said.out)]
    assert [round(s["threshold"], 3) for s in manifest["stages"][:-1]] == thresholds
    text = (out / "MODEL_CARD.md").read_text()
    assert "`python -m train.plan` picked" in text and re.search(r"without ports: \w+ alone has accuracy 0\.\d+", text) and b"Pareto front" in drawn.read_bytes()


@pytest.mark.skipif(not SERVEFLOW.exists(), reason="needs make build")
def test_without_a_pick_the_points_are_written(data, small, monkeypatch, capsys):  # noqa: F811
    with pytest.raises(SystemExit):
        plan(data, monkeypatch, "--target", "cpu=0us", "--csv", data.parent / "plan.csv")
    assert capsys.readouterr().err.splitlines()[-1].startswith("train.plan: no ladder keeps all limits of --target (the least loss is")
    assert len((data.parent / "plan.csv").read_text().splitlines()) > 10


@pytest.mark.parametrize("options, words", [
    (["--target", "speed=9"], "--target is 'speed=9'; use limits such as loss=0.003"),
    (["--picture", "nowhere/p.svg"], "nowhere is no folder: name another file with --picture"),
    (["--lab", "nowhere"], "nowhere is no folder: --lab names one"),
    (["--csv", "nowhere/p.csv"], "nowhere is no folder: name another file with --csv"),
])
def test_what_is_wrong_is_one_line(data, monkeypatch, capsys, options, words):  # noqa: F811
    with pytest.raises(SystemExit) as end:
        plan(data, monkeypatch, *options)
    assert end.value.code == 2 and capsys.readouterr().err.startswith(f"train.plan: {words}")
