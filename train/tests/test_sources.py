"""Which files are learned from, and how the binary is asked for tables."""

import stat
from dataclasses import replace

import pytest

from train import files, gather, tables, truth
from train.tables import Binary, Source

HEADER = "uid,sensor,ts_first,orig_h,orig_p,resp_h,resp_p,decided_by,proto,resp_port"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "labels.csv.zst").touch()
    for name in ("train.pcap.zst", "calib.jsonl", "run1.jsonl.zst", "run1.labels.csv"):
        (tmp_path / name).touch()
    return tmp_path


def test_captures_and_record_files(folder):
    task = gather.Task("toy", folder.parent, folder)
    found = [task.split("train"), task.split("calib"), *(gather.lab_run(folder, name, labels) for name, labels in files.labels_in(folder))]
    assert [s.capture.name for s in found] == ["train.pcap.zst", "calib.jsonl", "run1.jsonl.zst"]
    assert [s.is_capture for s in found] == [True, False, False]
    assert [s.split for s in found] == ["train", "calib", ""]
    assert replace(task, column="platform", labels=folder / "made.csv").split("train") == tables.Source(folder / "train.pcap.zst", folder / "made.csv", "train", "platform")


def test_missing_traffic_is_named(folder):
    with pytest.raises(truth.Problem, match="test.pcap.zst is missing, and so are test.pcapng and test.jsonl, packed"):
        gather.Task("toy", folder.parent, folder).split("test")


@pytest.fixture
def binary(tmp_path):
    """A stand-in that notes how it is called."""
    program = tmp_path / "serveflow"
    program.write_text(f"""#!/bin/sh
echo "$@" >> {tmp_path}/calls
[ "$1" = features ] && echo {HEADER} && echo C1,,1.5,10.0.0.1,1,10.0.0.2,53,timeout,17,53 && echo C2,,9.0,10.0.0.1,1,10.0.0.3,53,timeout,17,53
exit 0
""")
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    return Binary(program, tmp_path / "cache")


def test_only_captures_are_converted_and_only_once(tmp_path, binary):
    labels = tmp_path / "l.csv"
    labels.write_text("orig_h,orig_p,resp_h,resp_p,proto,ts_first,label\n10.0.0.2,53,10.0.0.1,1,udp,1.4,dns\n")
    for name in ("a.pcap", "a.pcap", "b.jsonl"):
        table = tables.load(binary, Source(tmp_path / name, labels), 3)
        assert list(table.y) == ["dns"] and list(table.X) == ["proto", "resp_port"]
    calls = (tmp_path / "calls").read_text().splitlines()
    assert [c.split()[0] for c in calls] == ["pcap", "features", "features"] and calls[2].endswith("b.jsonl")
    assert truth.microseconds("1.4") == 1_400_000
