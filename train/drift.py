"""python3 -m train.drift BUNDLE: gives a bundle what its metrics of drift compare with.

That is what the flows of a calibration set look like to the bundle's models: how unsure each
stage is, which labels they get, which values the features have. No model is changed and no known
label is needed, so records of one's own network serve as well. The bundle's digest changes.
"""

import argparse
import io
import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd

from . import bundle, files
from .rule import Look, Outcome, Rule
from .tables import TEXT, Binary, Source
from .truth import Problem

SCHEMA = "serveflow.drift/1"
BOUNDS = 2.0 ** np.arange(-9, 0)  # of uncertainty: 10 bins, each half as wide as the next
FEATURES = 10
BINS = 10  # of the values of a feature that are there; another one is for -1, absent


@dataclass(frozen=True)
class Asked:
    """A stage with the uncertainties of the flows that it was asked about, and how many it handed on."""

    name: str
    uncertainty: np.ndarray
    deferred: int


def asked(names: list[str], doubt: list[np.ndarray], thresholds: list[float]) -> list[Asked]:
    """Who is asked about which flows of a cascade.

    doubt: for each stage the uncertainty of every flow, NaN where it gave no answer. The last stage hands on none.
    """
    stages, here = [], np.full(len(doubt[0]), True)
    for i, (name, u, threshold) in enumerate(zip(names, doubt, thresholds)):
        more = here & (u > threshold) & (i < len(names) - 1)
        stages.append(Asked(name, u[here & ~np.isnan(u)], int(more.sum())))
        here = more | (here & np.isnan(u))
    return stages


def looked(names: list[str], looks: list[Look], out: Outcome, rules: list[Rule], classes: list[str]) -> list[Asked]:
    """The same of flows that were taken through the rules: of a stage that is asked several times, its first answer."""
    decided = np.array([look.stage for look in looks])[out.look]
    stages = []
    for i, (name, r) in enumerate(zip(names, rules)):
        first, here = next(look for look in looks if look.stage == i), decided >= i
        more = here & (first.doubt > r.bound(classes)[first.answer])
        stages.append(Asked(name, first.doubt[here], int(more.sum())))
    return stages


def reference(stages: list[Asked], classes: list[str], labels: np.ndarray, X: pd.DataFrame) -> dict:
    """The content of the drift file.

    labels: the name of each flow's final label. X: the features to watch, a row for each flow of the first stage.
    """
    return {
        "schema": SCHEMA,
        "stages": [{"name": s.name, "uncertainty": counts(np.searchsorted(BOUNDS, s.uncertainty), len(BOUNDS) + 1), "deferred": s.deferred} for s in stages],
        "labels": [{"name": c, "flows": int((labels == c).sum())} for c in classes],
        "features": [feature(name, X[name].to_numpy(np.float32)) for name in X],
    }


def feature(name: str, values: np.ndarray) -> dict:
    """The edges of a feature's bins, at quantiles of the values that are there, and the flows in each bin."""
    there = values[values != -1]
    # Edges are values that occur, so a value that many flows have does not fall between bins.
    edges = np.unique(np.quantile(there, np.arange(1, BINS) / BINS, method="inverted_cdf")) if len(there) else np.zeros(0, np.float32)
    place = np.where(values == -1, 0, 1 + np.searchsorted(edges, values))
    return {"name": name, "edges": [shortest(e) for e in edges], "flows": counts(place, len(edges) + 2)}


def shortest(value: np.float32) -> float | int:
    """A float32 in the fewest digits that give it back."""
    return int(value) if value == int(value) else float(str(value))


def counts(place: np.ndarray, bins: int) -> list[int]:
    return [int(n) for n in np.bincount(place.astype(int), minlength=bins)]


def most_used(model: str) -> list[str]:
    """The features by which a LightGBM model, as text, gains most."""
    booster = lgb.Booster(model_str=model)
    gain, names = booster.feature_importance("gain"), booster.feature_name()
    return [names[i] for i in np.argsort(-gain, kind="stable")[:FEATURES] if gain[i] > 0]


def measure(folder: Path, serveflow: Path, records: list[Path], features: list[str]) -> dict:
    """What the flows of record files look like to a bundle, by serveflow replay and serveflow features."""
    manifest = read_manifest(folder)
    stages, classes = manifest["stages"], manifest["classes"]
    first, last = stages[0], stages[-1]["name"]
    features = features or used_by(folder, first)

    def replay(of: Path, *options: str) -> dict:
        lines = run(serveflow, "replay", "--bundle", str(of), *options, *map(str, records)).splitlines()
        return {r["uid"]: r for r in map(json.loads, lines) if r["final"] and r["reason"] != "unsupported"}

    final = replay(folder)
    if not final:
        raise Problem(f"{', '.join(map(str, records))}: no flow gets a label: are these the records that the bundle reads?")
    with tempfile.TemporaryDirectory() as sure:  # of a stage that is asked again, the first answer counts: here it is always sure enough
        shutil.copytree(folder, sure, dirs_exist_ok=True)
        (Path(sure) / bundle.MANIFEST).write_text(json.dumps(manifest | {"stages": [s | {"threshold": 1, "thresholds": {}} for s in stages]}))
        alone = [replay(Path(sure), "--stages", s["name"]) for s in stages[:-1]]
    uids = list(final)
    doubt = [np.array([a[u]["uncertainty"] if u in a else np.nan for u in uids]) for a in alone]
    doubt.append(np.array([final[u]["uncertainty"] if final[u]["stage"] == last else np.nan for u in uids]))
    # A flow that the rules of an earlier stage decided, such as its hazard, is not handed on.
    names = [s["name"] for s in stages]
    decided = np.array([names.index(final[u]["stage"]) for u in uids])
    doubt = [np.where(decided >= i, u, np.nan) for i, u in enumerate(doubt)]
    kind = ["--input", "conn"] if manifest.get("input") == "conn" else ["--depth", str(first["depth"])]
    table = pd.read_csv(io.StringIO(run(serveflow, "features", *kind, "--names", ",".join(features), *map(str, records))), dtype=TEXT, keep_default_na=False)
    # As many rows as flows that the first stage answered.
    X = table.set_index("uid").loc[[u for u, d in zip(uids, doubt[0]) if not np.isnan(d)], features]
    return reference(asked([s["name"] for s in stages], doubt, [s["threshold"] for s in stages]), classes,
                     np.array([final[u]["label"] for u in uids]), X)


def used_by(folder: Path, first: dict) -> list[str]:
    if first["engine"] != "leaves":
        raise Problem(f"{folder}: the first stage is no LightGBM model, whose file says which features it uses most: name some with --features")
    return most_used((folder / first["file"]).read_text())


def add(folder: Path, content: dict) -> None:
    """Puts the file into a bundle, and its digest into the manifest."""
    manifest, data = read_manifest(folder), bundle.drift(content)
    manifest["files"][bundle.DRIFT] = bundle.digest(data)
    ordered = {k: v for k, v in manifest.items() if k not in ("drift", "files")}
    ordered |= {"drift": bundle.DRIFT, "files": dict(sorted(manifest["files"].items()))}
    (folder / bundle.DRIFT).write_bytes(data)
    (folder / bundle.MANIFEST).write_text(json.dumps(ordered, indent=1) + "\n")


def read_manifest(folder: Path) -> dict:
    try:
        return json.loads((folder / bundle.MANIFEST).read_text())
    except ValueError as error:
        raise Problem(f"{folder / bundle.MANIFEST}: {error}; ask serveflow bundle verify {folder}") from None


def run(serveflow: Path, *arguments: str) -> str:
    done = subprocess.run([str(serveflow), *arguments], capture_output=True, text=True)
    if done.returncode:
        raise Problem(f"serveflow {' '.join(arguments)}: {(done.stderr.splitlines() or [f'exit code {done.returncode}'])[-1]}")
    return done.stdout


def calibration(task: str, data: Path, binary: Binary) -> Path:
    """The records of DATA's calib split."""
    if task.endswith("-conn"):
        question = task.removesuffix("-conn")
        return files.need(data / "zeek", f"{question}-calib.conn.log", remedy="--data names the folder that holds zeek/NAME.conn.log")
    capture = files.need(data / task, *(f"calib{kind}" for kind in (".pcap", ".pcapng", ".jsonl")), remedy="--data names the folder that holds TASK/calib.pcap")
    return binary.records(Source(capture, capture))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python3 -m train.drift", description=__doc__)
    parser.add_argument("bundle", type=Path, help="folder of the bundle")
    traffic = parser.add_mutually_exclusive_group(required=True)
    traffic.add_argument("--data", type=Path, help="folder of the labelled captures; the calib split of the bundle's task is read")
    traffic.add_argument("--records", type=Path, nargs="+", help="record files instead, of the kind that the bundle reads")
    parser.add_argument("--out", type=Path, help="folder for a copy of the bundle with the file; without it, the bundle itself gets the file")
    parser.add_argument("--features", default="", help="these features of the first stage, a list with commas; without it, the ten by which its model gains most")
    parser.add_argument("--serveflow", default=Path("bin/serveflow"), type=Path, help="the binary")
    parser.add_argument("--cache", default=Path(".train"), type=Path, help="folder for records in between")
    args = parser.parse_args()
    try:
        if args.out and args.out.exists():
            raise Problem(f"{args.out} exists: name a new folder with --out")
        binary = Binary(args.serveflow.resolve(), args.cache / "drift")
        records = args.records or [calibration(read_manifest(args.bundle)["task"], args.data, binary)]
        content = measure(args.bundle, binary.path, records, [name for name in args.features.split(",") if name])
        folder = args.out or args.bundle
        if args.out:
            shutil.copytree(args.bundle, args.out)
        add(folder, content)
        print(run(binary.path, "bundle", "verify", str(folder)), end="")
    except (Problem, OSError) as problem:
        print(f"train.drift: {' '.join(str(problem).split())}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
