"""Figures of a bundle, by serveflow eval."""

import pytest

from train import card, truth
from train.evaluate import of
from train.tables import Binary, Source
from .test_problems import ROOT

LAB = ROOT / "testdata"


@pytest.fixture
def binary(tmp_path):
    return Binary(ROOT / "bin" / "serveflow", tmp_path)


def test_figures(binary):
    source = Source(LAB / "records" / "lab.jsonl.zst", LAB / "captures" / "lab.labels.csv")
    got = of(binary, ROOT / "bundles" / "service", source)
    quality = got.figures["quality"]
    assert got.figures["flows"]["known"] == 574 and quality["accuracy"]["value"] > 0.99 and len(quality["classes"]) == 9
    assert got.name == "records/lab" and got.command == f"bin/serveflow eval --bundle {ROOT}/bundles/service --labels {source.labels} {source.capture}"
    assert card.row(got, "all", quality["accuracy"], quality["macro_f1"], got.figures["wait"]).startswith("| records/lab, 574 labelled | all | 1.0000 (")


def test_one_stage(binary):
    source = Source(LAB / "records" / "lab-conn.jsonl.zst", LAB / "captures" / "lab.labels.csv")
    got = of(binary, ROOT / "bundles" / "service-conn", source)
    assert got.figures["alone"] == [] and got.figures["quality"]["macro_f1"]["value"] > 0.8


def test_flows_that_are_not_there(binary, tmp_path):
    (tmp_path / "l.csv").write_text("orig_h,orig_p,resp_h,resp_p,proto,ts_first,label\n10.0.0.1,1,10.0.0.2,2,tcp,1,dns\n")
    with pytest.raises(truth.Problem, match="none of"):
        of(binary, ROOT / "bundles" / "service", Source(LAB / "records" / "lab.jsonl.zst", tmp_path / "l.csv"))


def test_other_faults_are_told(binary, tmp_path):
    with pytest.raises(truth.Problem, match="serveflow eval: .*nothing"):
        of(binary, tmp_path / "nothing", Source(LAB / "records" / "lab.jsonl.zst", LAB / "captures" / "lab.labels.csv"))
