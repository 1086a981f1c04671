"""What is wrong in the user's files is one line on standard error, and exit code 2."""

import bz2
import csv
import gzip
import io
import os
import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from train import __main__ as cli
from train import files, gather, pipeline, stages, tables, truth
from train.tables import Binary, Source

ROOT = Path(__file__).resolve().parents[2]
SERVEFLOW = ROOT / "bin" / "serveflow"
COLUMNS = "split,capture_id,src_ip,src_port,dst_ip,dst_port,proto,first_ts_us,label"


def unpacked(path: Path) -> bytes:
    return subprocess.run(["zstd", "-dcq", path], stdout=subprocess.PIPE, check=True).stdout


@pytest.fixture(scope="module")
def capture() -> bytes:
    """The first packets of a capture of the lab, in a pcap file."""
    whole = unpacked(ROOT / "train" / "lab" / "run1.pcap.zst")
    end = 24
    for _ in range(1800):
        end += 16 + struct.unpack_from("<I", whole, end + 8)[0]
    return whole[:end]


@pytest.fixture(scope="module")
def labels() -> str:
    """Labels of the lab's flows as the data set writes them, ten captures in each split, and no flow in two."""
    text, protocols = [COLUMNS], {"tcp": 6, "udp": 17}
    rows = csv.DictReader(io.StringIO((ROOT / "train" / "lab" / "run1.labels.csv").read_text()))
    for i, r in enumerate(row for row in rows if row["proto"] in protocols):
        flow = [r["orig_h"], r["orig_p"], r["resp_h"], r["resp_p"], protocols[r["proto"]], truth.microseconds(r["ts_first"]), r["label"]]
        text.append(",".join(map(str, [("train", "calib", "test")[i % 3], f"{i % 3}{i // 3 % 10}", *flow])))
    return "\n".join(text) + "\n"


@pytest.fixture
def data(tmp_path, capture, labels):
    """A folder of labelled captures without any fault; nothing in it is packed."""
    folder = tmp_path / "data" / "toy"
    folder.mkdir(parents=True)
    (folder / "labels.csv").write_text(labels)
    for split in ("train", "calib", "test"):
        (folder / f"{split}.pcap").write_bytes(capture)
    return folder


def train(data, monkeypatch, capsys, *options, task="toy") -> str:
    """What the command says before it ends with exit code 2: one line, but for what it says of its progress."""
    arguments = ["train", task, "--data", data.parent, "--out", data.parent / "out", "--cache", data.parent / "cache", "--serveflow", SERVEFLOW, *options]
    monkeypatch.setattr("sys.argv", [str(a) for a in arguments])
    with pytest.raises(SystemExit) as end:
        cli.main()
    lines = capsys.readouterr().err.splitlines()
    assert end.value.code == 2 and [line for line in lines if line.startswith("train: ")] == lines[-1:]
    return lines[-1]


def relabel(change):
    """Rewrites the file of labels: change gives the fields of a row anew."""
    def edit(folder):
        head, *rows = (folder / "labels.csv").read_text().splitlines()
        rows = [",".join(change(dict(zip(head.split(","), row.split(",")))).values()) for row in rows]
        (folder / "labels.csv").write_text("\n".join([head, *rows]) + "\n")
    return edit


def rewrite(name, content):
    return lambda folder: (folder / name).write_bytes(content(folder) if callable(content) else content)


def without(column):
    def content(folder):
        return pd.read_csv(folder / "labels.csv", dtype=str).drop(columns=column).to_csv(index=False).encode()
    return rewrite("labels.csv", content)


def another_log(folder):
    (folder / "train.pcap").unlink()
    (folder / "train.jsonl").write_text('{"ts":1700000000.1,"uid":"C1","query":"a.example"}\n')


def contradict(folder):
    """Gives the first flow of the train split a second label."""
    rows = (folder / "labels.csv").read_text().splitlines()
    first = next(row for row in rows if row.startswith("train,"))
    (folder / "labels.csv").write_text("\n".join([*rows, first.rpartition(",")[0] + ",other"]) + "\n")


def cut_records(folder):
    """Puts records in place of a capture, of which the last is cut."""
    lines = subprocess.run([SERVEFLOW, "pcap", folder / "train.pcap"], stdout=subprocess.PIPE, check=True).stdout.splitlines(keepends=True)
    (folder / "train.pcap").unlink()
    (folder / "train.jsonl").write_bytes(b"".join(lines[:39]) + lines[39][:50])


PROBLEMS = {
    "no labels": (lambda folder: (folder / "labels.csv").unlink(), "labels.csv.zst is missing, packed (.zst, .gz, .bz2) or not: --data names"),
    "no capture": (lambda folder: (folder / "calib.pcap").unlink(), "calib.pcap.zst is missing, and so are calib.pcapng and calib.jsonl, packed"),
    "empty labels": (rewrite("labels.csv", b""), "labels.csv is empty; it needs split,capture_id,src_ip,"),
    "no rows": (rewrite("labels.csv", COLUMNS.encode() + b"\n"), "labels.csv has no row of split 'test': give the labels"),
    "no rows of a split": (relabel(lambda r: r | {"split": "test"}), "labels.csv has no row of split 'train', but of 'test': give the labels"),
    "a comma in a label": (relabel(lambda r: r | {"label": "web,old"}), "labels.csv: line 2: it has 10 fields, and there are 9 columns: is there a comma"),
    "a column twice": (rewrite("labels.csv", COLUMNS.encode() + b",label\n"), "labels.csv: 2 columns are called 'label'; keep one"),
    "what no class is called": (relabel(lambda r: r | {"label": "unknown"}), "labels.csv: line 4: label is 'unknown', which flows of no class are called; correct"),
    "records that are cut": (cut_records, "train.jsonl:40: zeek record: syntax: not one JSON object"),
    "a column missing": (without("dst_port"), "labels.csv: no column 'dst_port'; it needs split,capture_id,src_ip,"),
    "no column of labels": (without("label"), "labels.csv: no column 'label'; it needs"),
    "no column of splits": (without("split"), "labels.csv: no column 'split'; it needs"),
    "no column of captures": (without("capture_id"), "labels.csv: no column 'capture_id'; it needs"),
    "no label": (relabel(lambda r: r | {"label": ""}), "labels.csv: line 4: label is empty; correct the line"),
    "no number": (relabel(lambda r: r | {"src_port": "http"}), "labels.csv: line 4: src_port is http, not a whole number; correct"),
    "no number in another split": (relabel(lambda r: r | {"src_port": "http"} if r["split"] == "calib" else r), "labels.csv: line "),
    "seconds": (relabel(lambda r: r | {"first_ts_us": "1.5"}), "labels.csv: line 4: first_ts_us is 1.5, not a whole number; correct"),
    "no column of times": (without("first_ts_us"), "labels.csv: no column 'first_ts_us'; it needs"),
    "semicolons": (rewrite("labels.csv", lambda folder: (folder / "labels.csv").read_bytes().replace(b",", b";")), "labels.csv: its columns are separated by semicolons; separate"),
    "tabs": (rewrite("labels.csv", lambda folder: (folder / "labels.csv").read_bytes().replace(b",", b"\t")), "labels.csv: its columns are separated by tabs; separate"),
    "no address": (relabel(lambda r: r | {"dst_ip": "host"}), "labels.csv: line 4: dst_ip is host, not an IP address; correct"),
    "no port": (relabel(lambda r: r | {"dst_port": "65536"}), "labels.csv: line 4: dst_port is 65536, not a port from 0 to 65535; correct"),
    "a long label": (relabel(lambda r: r | {"label": "x" * 65}), "labels.csv: line 4: label is 'xxxxx"),
    "a label with a space": (relabel(lambda r: r | {"label": "dns "}), "labels.csv: line 4: label is 'dns ', not one line of up to 64 characters without spaces"),
    "a quotation mark left open": (rewrite("labels.csv", COLUMNS.encode() + b'\n"' + b"x" * 200_000), "labels.csv: behind line 1: field larger than field limit (131072); is a quotation mark left open"),
    "two labels for a flow": (contradict, "and again 'other'; keep the row that is right"),
    "another log": (another_log, "train.jsonl: no flow comes out of it: 1 of 1 records were passed by: they are not the Zeek package's packet and end records; "),
    "a short row": (rewrite("labels.csv", COLUMNS.encode() + b"\ntest,1,10.0.0.1\n"), "labels.csv: line 2: it has 3 fields, and there are 9 columns"),
    "no text": (rewrite("labels.csv", b"split,\xff\xfe\n"), "labels.csv: not text in UTF-8, from byte 6 on; save it"),
    "a broken archive": (rewrite("labels.csv", b"\x28\xb5\x2f\xfd...."), "labels.csv: "),
    "a broken gzip": (rewrite("labels.csv", gzip.compress(b"x" * 999)[:-9]), "labels.csv: Compressed file ended"),
    "a broken bzip2": (rewrite("labels.csv", bz2.compress(b"x" * 999)[:-9]), "labels.csv: Compressed data ended"),
    "not packed": (lambda folder: (folder / "labels.csv").rename(folder / "labels.csv.gz"), "labels.csv.gz: not packed, though its name says so; rename"),
    "one class": (relabel(lambda r: r | {"label": "dns"}), "labels.csv: all 162 labelled flows have the label 'dns': a model needs two classes or more"),
    "flows that are not in the capture": (relabel(lambda r: r | {"src_ip": "10.99.0.1"}), "train.pcap: none of the "),
    "times of another day": (relabel(lambda r: r | {"first_ts_us": "1000000"}), "labels.csv (split train) names is among its "),
    "no capture but text": (rewrite("train.pcap", b"hello"), "train.pcap: serveflow pcap: "),
    "a cut capture": (lambda folder: (folder / "calib.pcap").write_bytes((folder / "calib.pcap").read_bytes()[:-7]), "calib.pcap: serveflow pcap: "),
    "no packets": (lambda folder: (folder / "train.pcap").write_bytes((folder / "train.pcap").read_bytes()[:24]), "train.pcap: "),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_problems(name, data, monkeypatch, capsys):
    spoil, words = PROBLEMS[name]
    spoil(data)
    said = train(data, monkeypatch, capsys)
    assert words in said and str(data) in said


def test_no_folder_of_the_lab(data, monkeypatch, capsys):
    assert "nowhere is no folder: --lab names" in train(data, monkeypatch, capsys, "--lab", data / "nowhere")


def test_no_binary(data, monkeypatch, capsys):
    assert "run make build" in train(data, monkeypatch, capsys, "--serveflow", data / "serveflow")


@pytest.mark.parametrize("option, value, words", [
    ("--serveflow", ".", "is no program: name the serveflow binary"), ("--serveflow", "labels.csv", "is no program"),
    ("--out", "labels.csv", "is no folder: name another with --out"), ("--cache", "labels.csv", "is no folder: name another with --cache"),
    ("--cache", "labels.csv/deeper", "Not a directory: "),
])
def test_paths_that_do_not_serve(data, monkeypatch, capsys, option, value, words):
    assert words in train(data, monkeypatch, capsys, option, data / value)


def test_another_program(data, monkeypatch, capsys):
    assert "true: gives no features of " in train(data, monkeypatch, capsys, "--serveflow", shutil.which("true"))


def test_a_version_that_no_bundle_has(data, monkeypatch, capsys):
    assert "--version is '1\\n2'; use one line" in train(data, monkeypatch, capsys, "--version", "1\n2")


def test_a_task_that_no_bundle_has(data, monkeypatch, capsys):
    assert "the task is 'My Task'; use up to 64 of a-z" in train(data, monkeypatch, capsys, task="My Task")


def test_packed_or_not(tmp_path, capture, labels):
    """The same table, whatever the files are packed with."""
    (tmp_path / "a.pcap").write_bytes(capture)
    (tmp_path / "a.labels.csv").write_text(labels)
    for name in ("a.pcap", "a.labels.csv"):
        subprocess.run(["zstd", "-q", name], cwd=tmp_path, check=True)
        (tmp_path / (name + ".gz")).write_bytes(gzip.compress((tmp_path / name).read_bytes()))
        (tmp_path / (name + ".bz2")).write_bytes(bz2.compress((tmp_path / name).read_bytes()))
    made = []
    for packing in (".zst", ".gz", ".bz2", ""):
        binary = Binary(SERVEFLOW, tmp_path / f"cache{packing}")
        made.append(tables.load(binary, Source(tmp_path / f"a.pcap{packing}", tmp_path / f"a.labels.csv{packing}", "train"), 2))
    assert len(made[0]) > 20
    for table in made[1:]:
        assert table.X.equals(made[0].X) and list(table.y) == list(made[0].y)


def test_lab_labels_packed_or_not(tmp_path):
    for name in ("a.labels.csv.zst", "b.labels.csv", "b.labels.csv.gz", "c.labels.csv", "a.pcap", "b.jsonl.gz", "c.pcapng"):
        (tmp_path / name).touch()
    lab = [gather.lab_run(tmp_path, name, known) for name, known in files.labels_in(tmp_path)]
    assert [(s.capture.name, s.labels.name) for s in lab] == [("a.pcap", "a.labels.csv.zst"), ("b.jsonl.gz", "b.labels.csv.gz"), ("c.pcapng", "c.labels.csv")]


def test_a_changed_capture_is_converted_anew(tmp_path, capture, labels):
    source, binary = Source(tmp_path / "a.pcap", tmp_path / "l.csv", "train"), Binary(SERVEFLOW, tmp_path / "cache")
    source.labels.write_text(labels)
    source.capture.write_bytes(capture)
    before = len(tables.load(binary, source, 2))
    head = struct.unpack_from("<I", capture, 32)[0]
    source.capture.write_bytes(capture[: 24 + 16 + head])
    assert len(tables.load(binary, source, 2)) < before


@pytest.mark.parametrize("place", ["a.pcap", "b/a.pcap"])
def test_an_older_capture_is_another(tmp_path, capture, labels, place):
    """A capture that was copied with its time, to the same place or to another folder, is not taken for the one that was read before."""
    first, binary = Source(tmp_path / "a.pcap", tmp_path / "l.csv", "train"), Binary(SERVEFLOW, tmp_path / "cache")
    first.labels.write_text(labels)
    first.capture.write_bytes(capture)
    before = len(tables.load(binary, first, 2))
    other = Source(tmp_path / place, first.labels, "train")
    other.capture.parent.mkdir(exist_ok=True)
    other.capture.write_bytes(capture[: 24 + 16 + struct.unpack_from("<I", capture, 32)[0]])
    os.utime(other.capture, (1, 1))
    assert len(tables.load(binary, other, 2)) < before
    assert len(list((tmp_path / "cache").glob("*.csv"))) == (1 if other.capture == first.capture else 2)


def test_a_bundle_stays_where_training_fails(data, monkeypatch, capsys):
    out = data.parent / "out"
    out.mkdir()
    (out / "manifest.json").write_text("an older bundle")
    monkeypatch.setattr("train.evaluate.of", lambda *_: (_ for _ in ()).throw(truth.Problem("no figures")))
    assert train(data, monkeypatch, capsys).endswith("no figures")
    assert [(f.name, f.read_text()) for f in out.iterdir()] == [("manifest.json", "an older bundle")]


def test_less_than_no_loss(data, monkeypatch, capsys):
    assert "--slack is -1; use 0 or more" in train(data, monkeypatch, capsys, "--slack", "-1")


def test_few_flows_are_said(data, monkeypatch, capsys):
    monkeypatch.setattr("train.evaluate.of", lambda *_: (_ for _ in ()).throw(truth.Problem("no figures")))
    arguments = ["train", "toy", "--data", data.parent, "--out", data.parent / "out", "--cache", data.parent / "cache", "--serveflow", SERVEFLOW]
    monkeypatch.setattr("sys.argv", [str(a) for a in arguments])
    with pytest.raises(SystemExit):
        cli.main()
    assert "there are fewer than 30 flows: the bundle will hardly know them" in capsys.readouterr().err


def test_flows_that_are_not_there_are_counted(tmp_path, capture, labels, capsys):
    source, binary = Source(tmp_path / "a.pcap", tmp_path / "l.csv", "train"), Binary(SERVEFLOW, tmp_path / "cache")
    source.labels.write_text(labels + "train,1,10.99.0.1,1,10.99.0.2,2,6,1000000,dns\n" * 3)
    source.capture.write_bytes(capture)
    there, known = len(tables.load(binary, source, 2)), len(source.known().all)
    assert f"a.pcap: {known - there} of the {known} flows that {source.labels} (split train) names are not among its " in capsys.readouterr().err
    assert known - there >= 3


def test_names_that_differ_in_capitals():
    assert pipeline.alike_names(["DNS", "HTTP", "dns", "http2", "Http"]) == [["DNS", "dns"], ["HTTP", "Http"]]


def test_too_little_to_learn_from():
    with pytest.raises(truth.Problem, match="all 4 labelled flows are of one capture, train/1"):
        stages.folds(np.array(["train/1"] * 4))
    with pytest.raises(truth.Problem, match="all 2 labelled flows look the same"):
        stages.useful(pd.DataFrame({"proto": [6, 6], "orig_port": [1, 2]}))
