"""Captures -> feature tables with labels, through the serveflow binary."""

import hashlib
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Iterable

import numpy as np
import pandas as pd

from . import truth

# Columns that `serveflow features` writes before the features.
KEYS = ("uid", "sensor", "ts_first", "orig_h", "orig_p", "resp_h", "resp_p", "decided_by")
TEXT = {name: str for name in KEYS if not name.endswith("_p")}


@dataclass(frozen=True)
class Source:
    """A capture, or a file of records already made of one, and the file with its flows' labels.

    split names one of that file's splits, question one of its columns of labels.
    """

    capture: Path
    labels: Path
    split: str = ""
    question: str = ""

    def known(self) -> truth.Flows:
        """The flows whose labels are known; one at least."""
        return truth.Flows(truth.need_labels(self.labels, self.split, self.question))

    def about_labels(self) -> str:
        """The file of labels, and its split, in words."""
        return f"{self.labels} (split {self.split})" if self.split else str(self.labels)

    @property
    def name(self) -> str:
        return f"{self.capture.parent.name}-{self.capture.name.split('.')[0]}"

    @property
    def is_capture(self) -> bool:
        return any(s in (".pcap", ".pcapng") for s in self.capture.suffixes)


@dataclass
class Table:
    """Labelled flows as a stage sees them.

    X: float32, a row a flow, a column a feature. y: label names. about: per flow
    `capture` (flows of one capture resemble each other), `month` of its first
    packet (stands for where it was captured) and `decided_by`.
    """

    X: pd.DataFrame
    y: np.ndarray
    about: pd.DataFrame

    def __len__(self) -> int:
        return len(self.y)

    def rows(self, chosen: np.ndarray) -> "Table":
        """The flows at these indices, or where this mask is true."""
        at = np.arange(len(self))[chosen]
        return Table(self.X.iloc[at].reset_index(drop=True), self.y[at], self.about.iloc[at].reset_index(drop=True))


@dataclass(frozen=True)
class Binary:
    """The serveflow binary, the flow timeout that it runs with, and the folder that keeps its output."""

    path: Path
    cache: Path
    idle: str = "2s"

    def environment(self) -> dict:
        return {**os.environ, "SERVEFLOW_FLOW_IDLE": self.idle}

    def records(self, source: Source) -> Path:
        if not source.is_capture:
            return source.capture
        return self.output(source, f"{source.name}.jsonl", "pcap", str(source.capture))

    def features(self, source: Source, depth: int, *options: str) -> Path:
        name, records = "-".join([source.name, self.idle, str(depth), *options]) + ".csv", self.records(source)
        return self.output(source, name, "features", "--depth", str(depth), *options, str(records))

    def output(self, source: Source, name: str, *arguments: str) -> Path:
        """The file that holds the command's standard output about a source; made anew when the binary or the capture is another.

        What the command says on standard error is in the file beside it, see said().
        """
        target = self.cache / f"{stamp(str(source.capture.resolve()))}-{stamp(state(self.path), state(source.capture))}-{name}"
        if target.exists():
            return target
        self.cache.mkdir(parents=True, exist_ok=True)
        for old in self.cache.glob(f"{stamp(str(source.capture.resolve()))}-*-{name}"):  # of another binary, or of what the capture was before
            said(old).unlink(missing_ok=True)
            old.unlink(missing_ok=True)
        part = target.with_suffix(f".{os.getpid()}.part")  # another process may do the same
        with open(part, "wb") as out:
            done = subprocess.run([str(self.path), *arguments], stdout=out, stderr=subprocess.PIPE, env=self.environment())
        if done.returncode:
            first = (done.stderr.decode(errors="replace").splitlines() or [f"exit code {done.returncode}"])[0]
            raise truth.Problem(f"{source.capture}: {first}")
        said(target).write_bytes(done.stderr)
        return part.rename(target)


def state(file: Path) -> str:
    """What tells a file from another one that takes its place, also an older one; "" if it is not there."""
    try:
        of = file.stat()
    except OSError:
        return ""
    return f"{of.st_size} {of.st_mtime_ns} {of.st_ino}"


def stamp(*texts: str) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:12]


def said(output: Path) -> Path:
    """The file with what the binary said while it wrote an output."""
    return output.with_suffix(".said")


def columns(binary: Binary, source: Source, depth: int) -> list[str]:
    """The columns that the binary writes."""
    try:
        return list(pd.read_csv(binary.features(source, depth), nrows=0))
    except pd.errors.EmptyDataError:
        raise truth.Problem(no_program(binary, source)) from None


def no_program(binary: Binary, source: Source) -> str:
    return f"{binary.path}: gives no features of {source.capture}: name the serveflow binary with --serveflow"


def load(binary: Binary, source: Source, depth: int, *options: str) -> Table:
    """The labelled flows of a source at a depth, in the order of the labels file; one at least."""
    known, features = source.known(), binary.features(source, depth, *options)
    try:
        rows = pd.read_csv(features, dtype=TEXT, keep_default_na=False)
    except pd.errors.EmptyDataError:
        raise truth.Problem(no_program(binary, source)) from None
    if not len(rows):
        raise truth.Problem(f"{source.capture}: no flow comes out of it: {why_empty(features)}")
    table = join(rows, known)
    say_missing(source, len(known.all), len(table), len(rows))
    return table


def why_empty(features: Path) -> str:
    """Why the binary found no flow, in its own words, if it had any."""
    words = said(features).read_text(errors="replace") if said(features).exists() else ""
    return "; ".join(line.removeprefix("serveflow: ") for line in words.splitlines()) or "is this the right file?"


def say_missing(source: Source, known: int, found: int, there: int) -> None:
    """Says how many labelled flows of a source are not among the flows that are there; a Problem if all are not."""
    if not found:
        raise truth.Problem(strangers(source, known, there))
    if found < known:
        print(f"{source.capture}: {known - found} of the {known} flows that {source.about_labels()} names are not among its {there}, "
              "and nothing is learned from them", file=sys.stderr, flush=True)


def strangers(source: Source, known: int, there: int) -> str:
    """Says that no labelled flow of a source is among the flows that are there."""
    return (f"{source.capture}: none of the {known} flows that {source.about_labels()} names is among its {there}: "
            "compare addresses, ports, protocol and the time of the first packet")


def join(rows: pd.DataFrame, known: truth.Flows) -> Table:
    """Keeps the connections that stand for a known flow, with its label, in known's order.

    The order matters: the binary writes flows as they are decided, which differs
    from depth to depth.
    """
    connections = ((truth.ends(r.orig_h, r.orig_p, r.resp_h, r.resp_p, int(r.proto)), truth.microseconds(r.ts_first))
                   for r in rows[["orig_h", "orig_p", "resp_h", "resp_p", "proto", "ts_first"]].itertuples())
    at = known.first_connections(connections)
    found = [k for k in known.all if k in at]
    kept = rows.iloc[[at[k] for k in found]].reset_index(drop=True)
    about = pd.DataFrame({
        "capture": [k.capture for k in found],
        "month": pd.to_datetime(kept["ts_first"].astype(float), unit="s").dt.strftime("%Y-%m"),
        "decided_by": kept["decided_by"],
    })
    X = kept[[c for c in kept if c not in KEYS]].astype(np.float32)
    return Table(X, np.array([k.label for k in found], dtype=object), about)


def protocols(numbers: Iterable[float]) -> list[str]:
    """The names of IP protocol numbers, as flows name them."""
    return sorted({truth.PROTOCOLS.get(str(int(number)), "unknown_transport") for number in set(numbers)})


def concat(tables: list[Table]) -> Table:
    """One table after the other; all have the same features."""
    return Table(pd.concat([t.X for t in tables], ignore_index=True), np.concatenate([t.y for t in tables]),
                 pd.concat([t.about for t in tables], ignore_index=True))
