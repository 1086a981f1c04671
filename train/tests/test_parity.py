"""The rule that training follows decides as the cascade does: a bundle that ships, on flows of the lab."""

import json
import subprocess
from pathlib import Path

import lightgbm as lgb
import numpy as np
import onnxruntime
import pytest

from train import calibrate, hazard, rule, shipped, timeline, truth
from train.rule import UNKNOWN
from train.tables import Binary, Source

ROOT = Path(__file__).resolve().parents[2]
SERVEFLOW = ROOT / "bin" / "serveflow"


def scores(folder: Path, stage: dict):
    if stage["engine"] == "leaves":
        model = lgb.Booster(model_file=str(folder / stage["file"]))
        return lambda X: model.predict(X, raw_score=True)
    session = onnxruntime.InferenceSession(str(folder / stage["file"]), providers=["CPUExecutionProvider"])
    return lambda X: session.run([stage["output_name"]], {stage["input"]: X.to_numpy(np.float32)})[0]


@pytest.mark.parametrize("task", ["service", "qos", "intrusion", "device"])
def test_the_rule_is_the_cascades(task, tmp_path):
    folder = ROOT / "bundles" / task
    bundle = shipped.read(folder)
    stages, names, background, rules = bundle.stages, bundle.names, bundle.background, bundle.rules
    binary, source = Binary(SERVEFLOW, tmp_path), Source(ROOT / "train/lab/run2.pcap.zst", ROOT / "train/lab/run2.labels.csv")
    flows = timeline.load(binary, source, 10, sorted({f for s in stages for f in s["features"]}))
    p, more = [], {}
    for i, (s, r) in enumerate(zip(stages, rules)):
        model = scores(folder, s)
        p.append([calibrate.softmax(model(flows.seen[m][s["features"]]), s["temperature"]) for m in range(r.most)])
        for m in range(r.depth, r.most + 1) if "hazard" in s else ():
            side = lgb.Booster(model_file=str(folder / s["hazard"]["file"]))
            more[i, m] = hazard.probability(side, hazard.features(flows.seen[m - 1][s["features"]], p[i][m - 1]))
    looks = rule.walk(flows, rules, p, names, 0, background)
    out = rule.decide(looks, rules, more, names, background)
    done = subprocess.run([SERVEFLOW, "replay", "--bundle", folder, binary.records(source)], capture_output=True, text=True, check=True, env=binary.environment())
    labels = {}
    for line in done.stdout.splitlines():
        r = json.loads(line)
        first = round(r["ts_first"] * 1e6)
        labels[timeline.name(truth.ends(r["orig_h"], r["orig_p"], r["resp_h"], r["resp_p"], r["proto"]), first)] = r
    assert len(labels) > 1500 and sum(k in labels for k in flows.key) == len(flows)
    other = []
    for k, answer, look, reason in zip(flows.key, out.answer, out.look, out.reason):
        mine = ("unknown" if answer == UNKNOWN else names[answer], stages[looks[look].stage]["name"], reason)
        if mine != (labels[k]["label"], labels[k]["stage"], labels[k]["reason"]):
            other.append((k, mine, labels[k]["label"], labels[k]["stage"], labels[k]["reason"]))
    assert len(other) <= len(flows) // 500, other[:10]  # float32 in one, float64 in the other
