"""The examples of docs/bundle.md make bundles that are taken."""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def example(mark):
    return re.search(rf"<!-- {mark} -->\n```python\n(.*?)```", (ROOT / "docs" / "bundle.md").read_text(), re.S)[1]


def test_bundle_by_hand(tmp_path):
    code = example("example")
    assert len(code.splitlines()) <= 24
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    done = subprocess.run([ROOT / "bin" / "serveflow", "bundle", "verify", "mine"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "stage only gives the training library's scores on 50 rows" in done.stdout


def test_rules_by_hand(tmp_path):
    """Each rule of the example decides some flow of the lab."""
    for folder in "bin", "testdata":
        (tmp_path / folder).symlink_to(ROOT / folder)
    subprocess.run([sys.executable, "-c", example("example: rules")], cwd=tmp_path, check=True)
    done = subprocess.run(["bin/serveflow", "bundle", "verify", "ruled"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "stage first.novelty gives the training library's scores" in done.stdout
    command = ["bin/serveflow", "replay", "--bundle", "ruled", "testdata/records/lab.jsonl.zst"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    labels = [json.loads(line) for line in done.stdout.splitlines()]
    assert {"confident", "no_more", "novel", "family", "timeout", "last_stage"} <= {label["reason"] for label in labels}
    assert {"first", "early", "slow", "slower"} == {label["stage"] for label in labels}
    assert 2 in {label["packets"] for label in labels if label["stage"] == "first"}
    assert {"network", "dns"} <= {label["family"] for label in labels}
