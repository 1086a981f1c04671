"""Flows as they grow, and which of them are learned from."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from train import gather, timeline
from train.recipe import Recipe
from train.rule import IDLE
from train.tables import Binary, Source

from .test_rule import flows

ROOT = Path(__file__).resolve().parents[2]
SERVEFLOW = ROOT / "bin" / "serveflow"


def test_strangers_are_of_no_tested_capture():
    t = flows([0], [0], [0], [0], capture=["p", "p", "q", "r"])
    other = replace(t, key=np.array(["new", "tested", "known", "new2"], dtype=object), capture=np.array(["p", "p", "q", "q"], dtype=object))
    kept, fold = gather.strangers(other, "device", replace(t, key=np.array(["known", "x", "y", "z"], dtype=object)), np.array([3, 0, 0, 0]), {"tested"})
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


def test_background_is_on_ports_that_no_labelled_flow_uses():
    n = 900
    t = flows(*[[0]] * n, y=["web"] * 10 + ["rare"] * 2 + [""] * (n - 12), capture=["x"] * 12 + ["big"] * (n - 22) + ["small"] * 10)
    port = np.array([80] * 10 + [9] * 2 + [80] * 3 + [9] * (n - 15), dtype=np.float32)
    t.seen[0]["resp_port"] = port
    recipe = Recipe((), background="other", per_capture=200)
    keep = gather.put_background(t, recipe)
    assert set(t.y[:12]) == {"web", "rare"} and set(t.y[12:15]) == {""} and set(t.y[15:]) == {"other"}
    assert keep[:15].all() and keep[(t.capture == "big") & (t.y == "other")].sum() == 200 and keep[t.capture == "small"].all()


def test_flows_of_two_splits_are_learned_from_once(capsys):
    t = flows([0], [0], [0], [0])
    t.key = np.array(["a", "b", "a", "tested"], dtype=object)
    assert list(gather.apart(t, {"tested"}).key) == ["a", "b"]
    assert capsys.readouterr().err.startswith("2 flows are in two splits")
