"""The example of docs/bundle.md makes a bundle that is taken."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_bundle_by_hand(tmp_path):
    code = re.search(r"<!-- example -->\n```python\n(.*?)```", (ROOT / "docs" / "bundle.md").read_text(), re.S)[1]
    assert len(code.splitlines()) <= 24
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    done = subprocess.run([ROOT / "bin" / "serveflow", "bundle", "verify", "mine"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "stage only gives the training library's scores on 50 rows" in done.stdout
