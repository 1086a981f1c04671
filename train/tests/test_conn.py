"""Bundles whose input is conn.log: which files they are made from, and that they say so."""

import json

import numpy as np
import pandas as pd
import pytest

from train import bundle, conn, conncard, stages, tables, truth
from train.calibrate import Reliability
from train.evaluate import Figures
from train.recipe import Recipe
from train.rule import Rule
from train.tables import Binary, Source

SEVERAL = """\
capture_id,src_ip,src_port,dst_ip,dst_port,proto,first_ts_us,service,service_split,device,device_split
7,10.0.0.1,1,10.0.0.2,53,17,1000000,dns,train,,
7,10.0.0.1,2,10.0.0.2,80,6,2000000,http,test,camera,train
7,10.0.0.1,3,10.0.0.2,80,6,3000000,,,camera,calib
"""


@pytest.fixture
def job(tmp_path):
    for folder in ("zeek", "service", "load"):
        (tmp_path / folder).mkdir()
    for name in ("service/labels.csv.zst", *(f"zeek/{name}.conn.log.zst" for name in ("service-train", "service-calib", "trace"))):
        (tmp_path / name).touch()
    (tmp_path / "load" / "trace.csv.zst").write_text("not packed")
    return conn.Job("service-conn", "1", tmp_path, tmp_path / "out", Binary(tmp_path / "serveflow", tmp_path), "")


def test_labels_of_one_question_among_several(tmp_path):
    labels = tmp_path / "trace.csv"
    labels.write_text(SEVERAL)
    of = lambda split, question: [(k.label, k.first) for k in truth.read_labels(labels, split, question)]
    assert of("train", "service") == [("dns", 1_000_000)] and of("test", "service") == [("http", 2_000_000)]
    assert of("", "device") == [("camera", 2_000_000), ("camera", 3_000_000)] and of("calib", "service") == []
    with pytest.raises(ValueError, match="no column 'mood'"):
        of("", "mood")
    with pytest.raises(ValueError, match="no column 'label'"):
        of("", "")


def test_sources_are_those_that_answer_the_question(job, monkeypatch):
    monkeypatch.setattr(truth, "read_text", lambda path: SEVERAL)
    found = job.sources("train")
    assert [(s.capture.name, s.question) for s in found] == [("service-train.conn.log.zst", ""), ("trace.conn.log.zst", "service")]
    assert [s.capture.name for s in job.sources("calib")] == ["service-calib.conn.log.zst"]


def test_labels_that_cannot_be_read_are_named(job):
    with pytest.raises(ValueError, match="trace.csv.zst"):
        job.sources("train")


def made(conns=True, protocols=("tcp", "udp")):
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    part = bundle.Part(b"tree", ["proto", "conn_state", "conn_orig_pkts"], x, np.zeros((2, 2)))
    stage = bundle.Trained(conn.STAGE, part, 1.0, Rule(1, "margin", 1.0), Reliability([2], [0.5], [0.5], 0.01))
    return bundle.Bundle("service-conn", "1", Recipe((conn.STAGE,)), ["a", "b"], [stage], list(protocols), conns=conns)


@pytest.mark.parametrize("conns,protocols,want", [(True, ["tcp", "udp"], ("conn", ["tcp", "udp"])), (True, [], ("conn", None)), (False, [], (None, None))])
def test_the_manifest_says_what_it_reads(tmp_path, conns, protocols, want):
    bundle.write(tmp_path, made(conns, protocols), "card\n", {})
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert (manifest.get("input"), manifest.get("protocols")) == want
    assert not {"novelty", "families", "drift"} & (set(manifest) | set(manifest["stages"][0]))


def test_protocols_are_those_of_the_flows():
    assert tables.protocols([17, 6, 6, 17]) == ["tcp", "udp"] and tables.protocols([1, 58]) == ["icmp"] and tables.protocols([0, 6]) == ["tcp", "unknown_transport"]


def test_what_zeek_missed_is_not_learned_from():
    names = ["conn_state", "conn_missed_bytes", "conn_history_resp_g", "conn_history_orig_w", "conn_history_orig_s", "orig_port"]
    X = pd.DataFrame({name: [0, 1] for name in names})
    assert stages.useful(X) == ["conn_state", "conn_history_orig_s"]


def test_the_card_names_figures_and_commands(job):
    source = Source(job.data / "zeek" / "trace.conn.log.zst", job.data / "load" / "trace.csv.zst", "test", "service")
    number = lambda value: {"value": value, "low": value - 0.1, "high": value + 0.1}
    quality = {"accuracy": number(0.5), "macro_f1": number(1 / 3), "classes": [{"name": "a", "f1": number(2 / 3)}]}
    figures = [Figures(source, "the command", {}, {"flows": {"known": 2}, "quality": quality})]
    text = conncard.card(conncard.Facts(made(), "service", "data", {"x": 1000}, "what was tried"), figures)
    assert "trained on flows of tcp and udp alone" in text
    assert "| trace.conn.log.zst: first 30 packets a flow | 2 | 0.5000 (0.4000 to 0.6000) | 0.3333 (0.2333 to 0.4333) |" in text and "| `b` |  |" in text
    assert "\nthe command\n" in text and text.endswith("what was tried")
