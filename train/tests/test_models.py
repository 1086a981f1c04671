"""Fitting, export, calibration, thresholds and the bundle, on made-up flows."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pandas as pd
import pytest

from train import bundle, calibrate, card, export, picture, stages, thresholds
from train.recipe import RECIPES, Recipe, Stage
from train.rule import Hold, Rule
from train.stages import Trees


@pytest.fixture(scope="module")
def flows():
    rng = np.random.default_rng(1)
    X = pd.DataFrame(rng.integers(-1, 1500, (600, 4)), columns=["proto", "resp_port", "p1_ip_len", "p1_ip_ttl"]).astype(np.float32)
    return X, ((X["resp_port"] > 700).to_numpy().astype(int) + (X["p1_ip_len"] > 900).to_numpy())


@pytest.fixture(scope="module")
def model(flows):
    return stages.fit(Trees(10, 7), *flows, 3)


def test_export_gives_the_same_scores(flows, model):
    X, _ = flows
    expected = stages.scores(model, X)
    data = export.to_onnx([model])
    assert export.check_onnx(data, X.to_numpy(), expected) < 1e-5
    session = onnxruntime.InferenceSession(data)
    assert [i.name for i in session.get_inputs()] == ["features"] and [o.name for o in session.get_outputs()] == ["scores"]
    with pytest.raises(ValueError, match="differs from LightGBM"):
        export.check_onnx(data, X.to_numpy(), expected + 0.1)


def test_useful_leaves_out_what_does_not_vary_or_is_not_for_learning():
    X = pd.DataFrame({"proto": [6, 17], "orig_port": [1, 2], "p1_ip_df": [1, 1], "p3_tcp_mss": [1, 2], "p2_tcp_mss": [1, 2]})
    assert stages.useful(X) == ["proto", "p2_tcp_mss"]


def test_folds_keep_captures_together():
    group = np.array(list("aaabbbccddee"))
    fold = stages.folds(group, 3)
    assert all(len(set(fold[group == g])) == 1 for g in "abcde") and set(fold) == {0, 1, 2}


def test_temperature_is_recovered():
    rng = np.random.default_rng(2)
    scores = rng.normal(0, 2, (4000, 3))
    y = np.array([rng.choice(3, p=p) for p in calibrate.softmax(scores)])
    assert calibrate.fit_temperature(3 * scores, y) == pytest.approx(3, rel=0.1)
    curve = calibrate.reliability(calibrate.softmax(scores), y)
    assert curve.ece < 0.03 and sum(curve.count) == 4000


@pytest.mark.parametrize("measure,want", [("least_confidence", 0.3), ("margin", 0.5), ("entropy", 0.7298466991620975)])
def test_uncertainty_is_the_cascades(measure, want):
    assert thresholds.uncertainty(np.array([[0.1, 0.7, 0.2]]), measure)[0] == pytest.approx(want)


def test_bundle_says_what_is_in_it(flows, model, tmp_path):
    X, y = flows
    rows = X.to_numpy()[:5]
    p = calibrate.softmax(stages.scores(model, X))
    part = bundle.Part(export.to_text(model), list(X), rows, stages.scores(model, X.iloc[:5]))
    sure = Rule(1, "margin", 0.25, below=0.5, patience=(Hold(16, ("a",), 1), Hold(2000, (), 1)), thresholds={"b": 0.5})
    first = bundle.Trained(Stage("first", "leaves", 1, (), deepest=2), part, 1.5, sure, calibrate.reliability(p, y), part)
    last = bundle.Trained(Stage("slow", "onnx", 3, ()), part, 1.5, Rule(3, "margin", 1), calibrate.reliability(p, y))
    recipe = Recipe((first.stage, last.stage), background="c", families=(("both", ("a", "b", "not here")),))
    (tmp_path / "old.txt").write_text("from another time")
    bundle.write(tmp_path, bundle.Bundle("toy", "1", recipe, ["a", "b", "c"], [first, last], ["tcp"]), "card", {"d.svg": picture.calibration({"first": first.reliability})})
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert set(manifest["files"]) == {f.name for f in tmp_path.iterdir()} - {"manifest.json"}
    says = manifest["stages"][0]
    assert says["features"] == list(X) and (says["threshold"], says["thresholds"], says["max_depth"]) == (0.25, {"b": 0.5}, 2)
    assert says["patience"] == [{"classes": ["a"], "packets": 1, "ms": 16}, {"packets": 1, "ms": 2000}]
    assert says["hazard"] == {"file": "first-hazard.txt", "features": list(X), "below": 0.5} and says["novelty"] == {"class": "c", "above": 1.0}
    assert not {"patience", "hazard", "thresholds", "max_depth"} & set(manifest["stages"][1]) and manifest["stages"][1]["input"] == "features"
    assert manifest["families"] == [{"name": "both", "classes": ["a", "b"]}] and manifest["protocols"] == ["tcp"]
    parity = json.loads((tmp_path / "parity.json").read_text())
    assert parity["classes"] == ["a", "b", "c"] and parity["features"] == {name: list(X) for name in ("first", "first.hazard", "slow")}
    assert [row["stage"] for row in parity["rows"]] == ["first"] * 5 + ["first.hazard"] * 5 + ["slow"] * 5


BUNDLES = Path(card.__file__).resolve().parents[1] / "bundles"


@pytest.mark.parametrize("task", ["service", "device", "intrusion", "qos", "service-conn"])
def test_bundles_that_ship_say_what_they_were_trained_on(task):
    says, protocols = json.loads((BUNDLES / task / "manifest.json").read_text()), ["tcp", "udp"]
    text = (BUNDLES / task / "MODEL_CARD.md").read_text()
    assert says["protocols"] == protocols and card.trained_on(protocols) in text and "drift" in says
    assert f"bin/serveflow eval --bundle bundles/{task} " in text
    assert task == "service-conn" or ", without ports: slow alone has accuracy 0." in text


@pytest.mark.parametrize("task", RECIPES)
def test_bundles_that_ship_are_of_their_recipes(task):
    says, recipe = json.loads((BUNDLES / task / "manifest.json").read_text()), RECIPES[task]
    assert [(s["name"], s["engine"], s["depth"], s.get("max_depth", 0)) for s in says["stages"]] == [(s.name, s.engine, s.depth, s.deepest) for s in recipe.stages]
    assert [(f["name"], tuple(f["classes"])) for f in says.get("families", [])] == list(recipe.families)
    assert {s.get("novelty", {}).get("class", "") for s in says["stages"]} == {recipe.background}
