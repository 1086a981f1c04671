"""No address reaches a model: a flow between other hosts has the same features."""

import base64
import csv
import io
import json
import subprocess
from pathlib import Path

from train.tables import KEYS

ROOT = Path(__file__).resolve().parents[2]
SERVEFLOW = ROOT / "bin" / "serveflow"


def moved(line: str) -> str:
    """The record as it would be between other hosts, in its fields and in its IPv4 header."""
    record = json.loads(line)
    for side, host in ("id.orig_h", "203.0.113.77"), ("id.resp_h", "10.99.1.2"):
        if "." in record.get(side, ""):
            record[side] = host
    header = bytearray(base64.b64decode(record.get("hdr", "")))
    if len(header) >= 20 and header[0] >> 4 == 4:
        header[12:20] = bytes([203, 0, 113, 77, 10, 99, 1, 2])
        record["hdr"] = base64.b64encode(header).decode()
    return json.dumps(record)


def features(lines: list[str]) -> dict[str, dict]:
    """The features of each flow by uid, as training asks for them."""
    done = subprocess.run([SERVEFLOW, "features", "--depth", "3", "-"], input="\n".join(lines), capture_output=True, text=True, check=True)
    return {r["uid"]: {name: value for name, value in r.items() if name not in KEYS} for r in csv.DictReader(io.StringIO(done.stdout))}


def test_addresses_are_no_feature():
    whole = subprocess.run(["zstd", "-dcq", ROOT / "testdata" / "records" / "lab.jsonl.zst"], capture_output=True, text=True, check=True).stdout
    lines = whole.splitlines()
    assert sum(moved(line) != json.dumps(json.loads(line)) for line in lines) > 1000
    here, there = features(lines), features([moved(line) for line in lines])
    assert len(here) > 500 and here.keys() == there.keys()
    assert {name for uid in here for name in here[uid] if here[uid][name] != there[uid][name]} == set()


def test_no_bundle_that_ships_reads_an_address():
    """Of the nPrint bits, which training does not use, some are an address's."""
    for manifest in (ROOT / "bundles").glob("*/manifest.json"):
        for stage in json.loads(manifest.read_text())["stages"]:
            assert not [name for name in stage["features"] if "_src_" in name or "_dst_" in name], manifest
