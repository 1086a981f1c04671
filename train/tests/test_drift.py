"""What the flows of a calibration set look like, and how a bundle gets to know it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from train import __main__ as cli
from train import bundle, drift, rule, stages
from train.recipe import Member, Recipe, Stage
from train.stages import Trees

from .test_problems import capture, data, labels  # noqa: F401, fixtures
from .test_rule import NAMES, flows, says

ROOT = Path(__file__).resolve().parents[2]
SERVEFLOW = ROOT / "bin" / "serveflow"
RECORDS = ROOT / "testdata" / "records" / "lab.jsonl.zst"


def test_only_the_unsure_flows_go_on():
    nan = np.nan
    doubt = [np.array([0.1, 0.6, 0.7, nan]), np.array([0.1, 0.2, 0.9, 0.9]), np.array([nan, nan, 0.3, 0.4])]
    first, early, slow = drift.asked(["first", "early", "slow"], doubt, [0.5, 0.5, 0.1])
    assert (list(first.uncertainty), first.deferred) == ([0.1, 0.6, 0.7], 2)  # of one there is no answer: it goes on, too
    assert (list(early.uncertainty), early.deferred) == ([0.2, 0.9, 0.9], 2)
    assert (list(slow.uncertainty), slow.deferred) == ([0.3, 0.4], 0)  # the last stage's threshold is of no effect


def test_a_stage_that_is_asked_again_counts_once():
    t, p = flows([0, 1, 2], [0, 1, 2], [0, 1, 2]), [[says(0.9, 0.6, 0.6), says(0.9, 0.9, 0.6)], [says(0.1, 0.1, 0.1)] * 3]
    rules = [rule.Rule(1, "margin", 0.3, deepest=2), rule.Rule(3, "margin", 1)]
    looks = rule.walk(t, rules, p, NAMES, 0)
    first, slow = drift.looked(["first", "slow"], looks, rule.decide(looks, rules, {}, NAMES), rules, NAMES)
    assert (list(first.uncertainty), first.deferred) == ([pytest.approx(0.2), pytest.approx(0.8), pytest.approx(0.8)], 2)
    assert (list(slow.uncertainty), slow.deferred) == ([pytest.approx(0.2)], 0)


def test_uncertainty_bins_are_the_cascades():
    stage = drift.Asked("first", np.array([0, 1 / 512, 1 / 511, 1 / 256, 0.5, 0.51, 1]), 0)
    found = drift.reference([stage], ["a"], np.array(["a"] * 7), pd.DataFrame())
    assert found["stages"][0]["uncertainty"] == [2, 2, 0, 0, 0, 0, 0, 0, 1, 2]
    assert found["labels"] == [{"name": "a", "flows": 7}] and found["features"] == []


def test_absent_values_have_a_bin_of_their_own():
    f = drift.feature("p1_tcp_mss", np.array([-1] * 3 + [1460] * 8 + [1500], dtype=np.float32))
    assert f == {"name": "p1_tcp_mss", "edges": [1460, 1500], "flows": [3, 8, 1, 0]}  # above all that was seen is a bin, too
    assert drift.feature("none", np.full(4, -1, np.float32)) == {"name": "none", "edges": [], "flows": [4, 0]}
    many = drift.feature("log_gap", np.arange(100, dtype=np.float32) / 8)
    assert len(many["edges"]) == 9 and many["flows"] == [0] + [10] * 10 and many["edges"][0] == 1.125


def test_most_used_features_are_those_of_gain():
    rng = np.random.default_rng(1)
    X = pd.DataFrame(rng.integers(0, 1000, (600, 3)), columns=["a", "b", "c"]).astype(np.float32)
    model = stages.fit(Trees(5, 7), X, (X["b"] > 500).to_numpy().astype(int), 2)
    assert drift.most_used(model.model_to_string())[0] == "b"


@pytest.mark.skipif(not SERVEFLOW.exists(), reason="needs make build")
def test_a_bundle_gets_the_file_and_finds_its_own_flows_alike(tmp_path):
    copy = tmp_path / "service"
    subprocess.run([sys.executable, "-m", "train.drift", ROOT / "bundles" / "service", "--records", RECORDS, "--out", copy, "--serveflow", SERVEFLOW],
                   check=True, cwd=ROOT, stdout=subprocess.PIPE)
    before, after = (json.loads((folder / "manifest.json").read_text()) for folder in (ROOT / "bundles" / "service", copy))
    after["files"].pop(after.pop("drift"))
    before["files"].pop(before.pop("drift", ""), None)
    assert after == before
    said = subprocess.run([SERVEFLOW, "replay", "--bundle", copy, "--drift", RECORDS], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True).stderr
    rows = [line.split() for line in said.splitlines() if line.startswith("service ")]
    content = json.loads((copy / "drift.json").read_text())
    assert len(rows) == len(before["stages"]) + 1 + len(content["features"]) and all(" 0.000 alike" in " ".join(r) for r in rows), said
    share = content["stages"][0]["deferred"] / sum(content["stages"][0]["uncertainty"])
    assert rows[0][-2:] == [f"{share:.3f}", f"{share:.3f}"]


@pytest.mark.skipif(not SERVEFLOW.exists(), reason="needs make build")
def test_training_writes_what_the_calib_split_looks_like(data, monkeypatch):  # noqa: F811
    small = (Member(Trees(2, 3, min_leaf=1)),)
    monkeypatch.setattr(cli, "LADDER", Recipe((Stage("first", "leaves", 1, small), Stage("early", "leaves", 2, small), Stage("slow", "onnx", 3, small))))
    out = data.parent / "out"
    monkeypatch.setattr("sys.argv", ["train", "toy", "--data", str(data.parent), "--out", str(out), "--cache", str(data.parent / "cache"), "--serveflow", str(SERVEFLOW)])
    cli.main()
    said = subprocess.run([SERVEFLOW, "bundle", "verify", out], check=True, capture_output=True, text=True).stdout
    content, calib = json.loads((out / "drift.json").read_text()), next((data.parent / "cache" / "toy").glob("*-toy-calib-2s-3.csv"))
    flows = sum(content["stages"][0]["uncertainty"])
    assert f"drift.json: what {flows} flows of the calibration set looked like" in said
    assert 0 < flows <= len(pd.read_csv(calib)) and sum(label["flows"] for label in content["labels"]) == flows
    assert content["stages"][2]["deferred"] == 0


@pytest.mark.parametrize("change,arguments,words", [
    ("", ["--records", "missing.jsonl"], "missing.jsonl"),
    ("{", ["--records", str(RECORDS)], "manifest.json"),
    ("", ["--data", "nowhere"], "nowhere/service/calib.pcap"),
    ("", ["--records", str(RECORDS), "--features", "orig_portt"], "orig_portt"),
    ("", ["--records", str(RECORDS), "--out", "."], "exists"),
])
@pytest.mark.skipif(not SERVEFLOW.exists(), reason="needs make build")
def test_what_is_wrong_is_one_line(tmp_path, change, arguments, words):
    folder = shutil.copytree(ROOT / "bundles" / "service", tmp_path / "service")
    if change:
        (folder / bundle.MANIFEST).write_text(change)
    before = {f.name: f.read_bytes() for f in folder.iterdir()}
    done = subprocess.run([sys.executable, "-m", "train.drift", folder, "--serveflow", SERVEFLOW, *arguments], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2 and done.stdout == ""
    assert len(done.stderr.splitlines()) == 1 and words in done.stderr, done.stderr
    assert {f.name: f.read_bytes() for f in folder.iterdir()} == before
