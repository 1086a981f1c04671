"""When waiting is worth it: the cascade's rule, hazards, patience and bounds, on made-up flows."""

import json
import hashlib
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from train import __main__ as cli
from train import answers, bounds, bundle, calibrate, extend, hazard, judge, patience, rule, stages, thresholds, timeline, truth, unseen, waits
from train.rule import IDLE, Hold, Rule
from train.tables import Binary, Source
from train.timeline import Timeline

from .test_problems import capture, data, labels  # noqa: F401: fixtures

ROOT = Path(__file__).resolve().parents[2]
SERVEFLOW = ROOT / "bin" / "serveflow"
NAMES = ["a", "b"]


def flows(*at, over=(), y=(), capture=()) -> Timeline:
    """Flows whose packets come at these milliseconds, with one feature."""
    depth, n = 3, len(at)
    times = np.array([[*a, *[np.nan] * (depth - len(a))] for a in at], dtype=float)
    X = [pd.DataFrame({"proto": np.arange(n, dtype=np.float32)}) for _ in range(depth)]
    return Timeline(X, times, np.array([len(a) for a in at]), np.array([i in over for i in range(n)]),
                    np.array(list(y) or [""] * n, dtype=object), np.array(list(capture) or range(n), dtype=object), np.array([str(i) for i in range(n)], dtype=object))


def says(*of_b) -> np.ndarray:
    """Probabilities of a and b, by that of b."""
    return np.array([[1 - p, p] for p in of_b])


FIRST, LAST = Rule(1, "margin", 0.2), Rule(3, "margin", 1.0)


def decided(t: Timeline, rules, p, more=None, lateness=100.0):
    return rule.decide(rule.walk(t, rules, p, NAMES, lateness), rules, [more, None], NAMES)


def test_rule_waits_as_long_as_its_patience():
    t = flows([0], [0], [0, 50], [0, 50, 60], [0, 20, 30], over=[1])
    p = [[says(0.95, 0.6, 0.6, 0.6, 0.6)], [says(0, 0.1, 0.1, 0.1, 0.1), says(0, 0, 0.2, 0.2, 0.9), says(0, 0, 0, 0.9, 0.9)]]
    out = decided(t, [FIRST, LAST], p)
    assert list(out.reason) == ["confident", "flow_end", "timeout", "last_stage", "last_stage"]
    assert list(out.wait) == [0, 0, 50 + IDLE + 100, 60, 30] and list(out.answer) == [1, 0, 0, 1, 1]
    brief = replace(FIRST, patience=(Hold(40, ("b",), 1), Hold(16, ("a",))))
    out = decided(t, [brief, LAST], p)  # packet 2 of the flow at 3 comes too late: it is asked with one
    assert list(out.reason) == ["confident", "flow_end", "timeout", "timeout", "last_stage"]
    assert list(out.wait) == [0, 0, 140, 140, 30] and out.answer[3] == 0


def test_rule_answers_where_no_packet_is_expected():
    t = flows([0], [0, 5, 6], [0], over=[2])
    p = [[says(0.6, 0.6, 0.6)], [says(0.1, 0.1, 0.1), says(0, 0, 0), says(0, 0.9, 0)]]
    more = np.array([0.3, 0.7, 0.1])
    out = decided(t, [replace(FIRST, below=0.5), LAST], p, more)
    assert list(out.reason) == ["no_more", "last_stage", "flow_end"] and list(out.wait) == [0, 6, 0] and list(out.answer) == [1, 1, 0]
    assert list(decided(t, [FIRST, LAST], p, more).reason) == ["timeout", "last_stage", "flow_end"]


def test_rule_has_thresholds_by_class():
    t, p = flows([0, 1, 2], [0, 1, 2]), [[says(0.6, 0.4)], [says(0.9, 0.9)] * 3]
    out = decided(t, [replace(FIRST, thresholds={"b": 0.9}), LAST], p)
    assert list(out.reason) == ["confident", "last_stage"]


def test_first_rule_of_patience_that_matches():
    r = replace(FIRST, patience=(Hold(16, ("a",), 2), Hold(500, (), 2), Hold(32, ("b",))))
    assert list(r.hold(NAMES, 2)) == [16, 500] and list(r.hold(NAMES, 3)) == [IDLE, 32]
    assert list(replace(FIRST, patience=(Hold(16, (), 1),)).hold(NAMES, 2)) == [IDLE, IDLE]
    assert r.said() == "a with 2 packets 16 ms; others with 2 packets 500 ms; b 32 ms"


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
    stage = bundle.Trained("only", "leaves", "only.txt", len(columns), columns, text, 1, 1, calibrate.reliability(says(0.5), np.array([0])),
                           X.to_numpy()[:300], hazard.scores(model, X)[:300])
    bundle.write(tmp_path, "toy", "1", ["none", "more"], "margin", [stage], "card", {})
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
    out = rule.decide(steps, [FIRST, LAST], [None, None], NAMES)
    assert patience.table(t, np.ones(n, dtype=int), steps, out, p, [FIRST, LAST], 0, NAMES) == (Hold(500, ("a",), 1),)
    assert patience.table(t, np.full(n, -1), steps, out, p, [FIRST, LAST], 0, NAMES) == ()


def test_bounds_let_go_what_would_wait_for_nothing():
    n = 100
    t = flows(*([[0]] * n + [[0, 300, 301]] * n), y=["b"] * n + ["a"] * n)
    p = [[says(*[0.6] * n, *[0.6] * n)], [says(*[0.9] * n, *[0.1] * n)] * 3]
    more, y = np.array([0.35] * n + [0.95] * n), np.array([1] * n + [0] * n)
    steps = rule.walk(t, [FIRST, LAST], p, NAMES, 0)
    chosen = bounds.choose(steps, y, [more, None], [FIRST, LAST], steps[-1].answer, NAMES, 0.004)
    out = rule.decide(steps, chosen, [more, None], NAMES)
    assert chosen[0].below == 0.4 and (out.reason == "no_more").sum() == n and (out.answer == y).all()
    with pytest.raises(truth.Problem, match="give a larger --slack"):
        bounds.choose(steps, y, [None, None], [FIRST, LAST], y, NAMES, -1)


def test_bounds_keep_a_rare_class():
    """To answer all at once would cost a thousandth of the accuracy, but a class."""
    n = 1000
    t = flows(*[[0, 300, 301]] * n)
    p, y = [[says(*[0.4] * n)], [says(*[0.1] * (n - 1), 0.9)] * 3], np.array([0] * (n - 1) + [1])
    steps = rule.walk(t, [FIRST, LAST], p, NAMES, 0)
    chosen = bounds.choose(steps, y, [None, None], [FIRST, LAST], steps[-1].answer, NAMES, 0.004)
    assert (rule.decide(steps, chosen, [None, None], NAMES).answer == y).all()


def test_judged_by_captures():
    t = flows([0], [0, 300, 301], [0], y=["b", "a", ""], capture=["x", "y", "y"])
    p = [[says(0.99, 0.6, 0.99)], [says(0.9, 0.1, 0.9)] * 3]
    found = judge.Set("toy", t, np.array([1, 0, -1]), p, [None, None]).judge("as is", [FIRST, LAST], [None, None], NAMES, 1000)
    assert (found.flows, found.labelled) == (3, 2) and found.soon[0] == pytest.approx(2 / 3) and found.soon[1] > 0
    assert found.loss == (0, 0) and found.reasons == {"confident": pytest.approx(2 / 3), "last_stage": pytest.approx(1 / 3)}
    assert judge.table([found])[2].startswith("| toy, as is, lateness 1 s | 3 (2) | 66.7% ± ")
    assert list(judge.macro_f1(np.array([[1, 0]]), np.array(["x", "y"]), np.array([1, 0]), np.array([1, 1]), 2)) == [1]
    rng = np.random.default_rng(3)
    y, said = rng.integers(0, 3, (2, 500))
    capture = np.arange(500)
    assert judge.macro_f1(judge.draws(capture), capture, said, y, 3)[0] == pytest.approx(thresholds.quality(said, y, 3)[1])


def test_strangers_are_of_no_tested_capture():
    t = flows([0], [0], [0], [0], capture=["p", "p", "q", "r"])
    other = replace(t, key=np.array(["new", "tested", "known", "new2"], dtype=object), capture=np.array(["p", "p", "q", "q"], dtype=object))
    kept, fold = unseen.strangers(other, "device", replace(t, key=np.array(["known", "x", "y", "z"], dtype=object)), np.array([3, 0, 0, 0]), {"tested"})
    assert list(kept.key) == ["new2"] and list(kept.capture) == ["device:q"] and list(fold) == [3] and list(kept.y) == [""]


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    binary = Binary(SERVEFLOW, tmp_path_factory.mktemp("cache"))
    return timeline.load(binary, Source(ROOT / "train/lab/run1.pcap.zst", ROOT / "train/lab/run1.labels.csv"), 3, ["proto", "packets", "p2_log_gap", "p3_ip_len"])


def test_timeline_of_the_lab(lab):
    assert (lab.y != "").sum() > 1000 and set(lab.packets) == {1, 2, 3}
    assert (np.isnan(lab.at).sum(axis=1) == 3 - lab.packets).all() and np.nanmin(np.diff(lab.at)) >= 0
    for m in (1, 2, 3):
        assert (lab.seen[m - 1]["packets"] == np.minimum(m, lab.packets)).all()
    assert (lab.seen[1]["p3_ip_len"] == -1).all() and ((lab.seen[2]["p3_ip_len"] == -1) == (lab.packets < 3)).all()
    assert not lab.waiting(3).any() or (lab.packets[lab.waiting(3)] == 3).all()
    assert (lab.gap(1)[lab.packets == 1] == np.inf).all() and (lab.gap(2)[lab.packets == 3] <= IDLE + 1).all()


def test_arrivals_in_milliseconds(tmp_path):
    records = tmp_path / "r.jsonl"
    records.write_text("".join(json.dumps({"ev": ev, "ts": ts, "uid": uid}) + "\n" for ev, ts, uid in [
        ("pkt", 100.0, "A"), ("pkt", 7.0, "other"), ("pkt", 100.25, "A"), ("pkt", 3.0, "B"), ("end", 100.5, "A"), ("pkt", 101.0, "A"), ("pkt", 102.0, "A")]))
    at = timeline.arrivals(records, ["B", "A"], 3)
    assert at[1].tolist() == [0, 250, 1000] and at[0, 0] == 0 and np.isnan(at[0, 1:]).all()


def test_extended_bundle(heard, tmp_path):
    model, X = heard
    shipped = ROOT / "bundles" / "service"
    rules = [Rule(1, "margin", 0.1, 0.5, (Hold(16, ("google",), 1), Hold(IDLE, (), 1))), Rule(2, "margin", 0.2), Rule(10, "margin", 1.0)]
    parts = [extend.Part("first", rules[0], model, X), extend.Part("early", rules[1], model, X), extend.Part("slow", rules[2])]
    extend.write(shipped, tmp_path, parts, extend.card("command", 9, {"device": 7}, 0.004, parts, []))
    old, new = (json.loads((folder / "manifest.json").read_text()) for folder in (shipped, tmp_path))
    first, early, slow = new["stages"]
    assert first["hazard"] == {"file": "first-hazard.txt", "features": model.feature_name(), "below": 0.5}
    assert first["patience"] == [{"classes": ["google"], "packets": 1, "ms": 16}, {"packets": 1, "ms": 2000}] and first["threshold"] == 0.1
    assert early["threshold"] == 0.2 and "hazard" not in early and "patience" not in early and slow == old["stages"][2]
    assert all(new["files"][s["file"]] == old["files"][s["file"]] for s in old["stages"])
    for name, digest in new["files"].items():
        assert hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() == digest
    parity = json.loads((tmp_path / "parity.json").read_text())
    rows = [row for row in parity["rows"] if row["stage"] == "first.hazard"]
    assert parity["features"]["first.hazard"] == model.feature_name() and len(rows) == extend.PARITY_ROWS
    assert rows[0]["scores"] == pytest.approx([0, hazard.scores(model, X)[0, 1]]) and np.float32(rows[0]["x"]) == pytest.approx(X.to_numpy()[0])
    before = {f.name: f.read_bytes() for f in tmp_path.iterdir()}
    extend.write(tmp_path, tmp_path, parts, extend.card("command", 9, {"device": 7}, 0.004, parts, []))
    assert {f.name: f.read_bytes() for f in tmp_path.iterdir()} == before
    extend.write(tmp_path, tmp_path, [extend.Part("first", replace(rules[0], below=0)), *parts[1:]], "card")
    assert not (tmp_path / "first-hazard.txt").exists() and "first.hazard" not in (tmp_path / "parity.json").read_text()


def test_stages_are_those_of_the_pipeline():
    _, shipped = answers.read(ROOT / "bundles" / "service")
    assert [t.rounds for t in unseen.recipe(shipped)] == [20, 40, 100]
    with pytest.raises(truth.Problem, match="stage slow of 9 packets is none of"):
        unseen.recipe([replace(shipped[2], depth=9)])
    with pytest.raises(truth.Problem, match="which have no packets to wait for"):
        answers.read(ROOT / "bundles" / "service-conn")


@pytest.mark.parametrize("folder, words", [("nowhere", "No such file"), (".", "No such file")])
def test_no_bundle(tmp_path, monkeypatch, capsys, folder, words):
    monkeypatch.setattr("sys.argv", ["waits", str(tmp_path / folder), "--data", str(tmp_path), "--out", str(tmp_path / "out")])
    with pytest.raises(SystemExit) as end:
        waits.main()
    assert end.value.code == 2 and words in capsys.readouterr().err


def test_waits_is_the_last_step_of_training(data, monkeypatch):
    out, other = data.parent / "out", data.parent / "device"
    other.mkdir()
    for name in ("train.pcap", "labels.csv"):
        (other / name).write_bytes((data / name).read_bytes())
    common = ["--data", data.parent, "--cache", data.parent / "cache", "--serveflow", SERVEFLOW, "--slack", 0.5]
    monkeypatch.setattr("sys.argv", [str(a) for a in ["train", "toy", "--out", out, *common]])
    cli.main()
    manifest = json.loads((out / "manifest.json").read_text())
    assert set(manifest["files"]) == {f.name for f in out.iterdir()} - {"manifest.json"}
    card = (out / "MODEL_CARD.md").read_text()
    assert card.count(extend.HEADING) == 1 and "| test, after, lateness 0.1 s | " in card and "device 0" in card
    monkeypatch.setattr("sys.argv", [str(a) for a in ["waits", out, "--out", data.parent / "again", *common]])
    waits.main()
    again = json.loads((data.parent / "again" / "manifest.json").read_text())
    assert again["stages"][2] == manifest["stages"][2] and [s["file"] for s in again["stages"]] == [s["file"] for s in manifest["stages"]]
