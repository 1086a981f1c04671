"""Figures of a bundle, by serveflow eval."""

import pytest

from train import truth
from train.evaluate import evaluate
from train.tables import Binary, Source
from .test_problems import ROOT

LAB = ROOT / "testdata"


@pytest.fixture
def binary(tmp_path):
    return Binary(ROOT / "bin" / "serveflow", tmp_path)


def test_figures(binary):
    source = Source(LAB / "records" / "lab.jsonl.zst", LAB / "captures" / "lab.labels.csv")
    got = evaluate(binary, ROOT / "bundles" / "service", source)
    assert got.cascade["flows"] == 574 and got.cascade["accuracy"] > 0.99 and len(got.cascade["f1"]) == 9
    assert sum(got.cascade["by_stage"].values()) == pytest.approx(1)
    assert list(got.alone) == ["first", "early", "slow"] and got.alone["first"]["wait_ms"]["p99"] == 0
    assert got.alone["slow"]["wait_ms"]["p50"] > 100 > got.cascade["wait_ms"]["p90"] and got.alone["slow"]["by_stage"] == {"slow": 1}


def test_one_stage(binary):
    source = Source(LAB / "records" / "lab-conn.jsonl.zst", LAB / "captures" / "lab.labels.csv")
    got = evaluate(binary, ROOT / "bundles" / "service-conn", source)
    assert got.alone == {} and got.cascade["macro_f1"] > 0.8


def test_flows_that_are_not_there(binary, tmp_path):
    (tmp_path / "l.csv").write_text("orig_h,orig_p,resp_h,resp_p,proto,ts_first,label\n10.0.0.1,1,10.0.0.2,2,tcp,1,dns\n")
    with pytest.raises(truth.Problem, match="none of"):
        evaluate(binary, ROOT / "bundles" / "service", Source(LAB / "records" / "lab.jsonl.zst", tmp_path / "l.csv"))


def test_other_faults_are_told(binary, tmp_path):
    with pytest.raises(truth.Problem, match="exit code 2: serveflow eval: .*nothing"):
        evaluate(binary, tmp_path / "nothing", Source(LAB / "records" / "lab.jsonl.zst", LAB / "captures" / "lab.labels.csv"))
