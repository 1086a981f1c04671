"""Flows as they grow: when each packet came, and what a stage would see after it."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from . import tables, truth
from .tables import Binary, Source


@dataclass
class Timeline:
    """Flows, a row each, with their first packets up to a depth.

    seen[m-1]: the features after m packets, or after all where a flow has fewer. at: when
    each packet came, ms since the first; NaN where none came within the idle time.
    packets: how many came. over: the flow then ended, so nobody waits for more. y: label,
    "" if it is not known. capture: flows of one capture resemble each other. key: ports
    sorted, protocol and first microsecond; the same flow has the same one in every file.
    """

    seen: list[pd.DataFrame]
    at: np.ndarray
    packets: np.ndarray
    over: np.ndarray
    y: np.ndarray
    capture: np.ndarray
    key: np.ndarray

    def __len__(self) -> int:
        return len(self.packets)

    def rows(self, chosen: np.ndarray) -> "Timeline":
        """The flows at these indices, or where this mask is true."""
        i = np.arange(len(self))[chosen]
        return Timeline([X.iloc[i].reset_index(drop=True) for X in self.seen], *(column[i] for column in self.columns()))

    def columns(self) -> tuple[np.ndarray, ...]:
        return self.at, self.packets, self.over, self.y, self.capture, self.key

    def waiting(self, m: int) -> np.ndarray:
        """Which flows have m packets and are not over then: those that more may come of."""
        return (self.packets > m) | (self.packets == m) & ~self.over

    def gap(self, m: int) -> np.ndarray:
        """From packet m to the next, ms; infinite where none came within the idle time, or none was looked for."""
        if m == self.at.shape[1]:
            return np.full(len(self), np.inf)
        gap = self.at[:, m] - self.at[:, m - 1]
        return np.where(np.isnan(gap), np.inf, gap)


def concat(parts: list[Timeline]) -> Timeline:
    """One after the other; all have the same features and depth."""
    seen = [pd.concat(frames, ignore_index=True) for frames in zip(*(t.seen for t in parts))]
    return Timeline(seen, *(np.concatenate(columns) for columns in zip(*(t.columns() for t in parts))))


def load(binary: Binary, source: Source, depth: int, features: list[str]) -> Timeline:
    """All flows of a source with these features, labelled or not; features of packets that are not there are -1.

    A flow of the labels is stood for by its first connection, as in tables.join.
    """
    whole = table(binary, source, depth, features)
    seen = [table(binary, source, m, features).loc[whole.index] for m in range(1, depth)] + [whole]
    seen = [X.reindex(columns=features, fill_value=-1).astype(np.float32).reset_index(drop=True) for X in seen]
    ends = [truth.ends(r.orig_h, r.orig_p, r.resp_h, r.resp_p, int(r.proto)) for r in whole.itertuples()]
    first = [truth.microseconds(t) for t in whole["ts_first"]]
    packets = whole["packets"].to_numpy(int)
    at = arrivals(binary.records(source), list(whole.index), depth)
    at[np.arange(depth) >= packets[:, None]] = np.nan
    known, of = source.known(), captures(source.labels)
    full = {k.capture.rpartition("/")[2]: k.capture for k in known.all}
    capture = np.array([full.get(of.get(e, ""), of.get(e, uid)) for e, uid in zip(ends, whole.index)], dtype=object)
    y, at_labels = np.full(len(ends), "", dtype=object), known.first_connections(zip(ends, first))
    for k, i in at_labels.items():
        y[i], capture[i] = k.label, k.capture
    tables.say_missing(source, len(known.all), len(at_labels), len(ends))
    over = (whole["decided_by"] == "flow_end").to_numpy()
    return Timeline(seen, at, packets, over, y, capture, np.array([name(e, t) for e, t in zip(ends, first)], dtype=object))


def table(binary: Binary, source: Source, depth: int, features: list[str]) -> pd.DataFrame:
    """The flows with what a stage of this depth sees of them, by uid."""
    wanted = {*features, *tables.KEYS, "proto", "packets"}
    written = binary.features(source, depth)
    rows = pd.read_csv(written, dtype=tables.TEXT, keep_default_na=False, usecols=lambda c: c in wanted)
    if not len(rows):
        raise truth.Problem(f"{source.capture}: no flow comes out of it: {tables.why_empty(written)}")
    return rows.set_index("uid")


def name(ends: tuple, first: int) -> str:
    """A flow's key."""
    (_, a), (_, b), proto = ends
    return f"{min(a, b)}-{max(a, b)}-{proto}-{first}"


def captures(labels: Path) -> dict[tuple, str]:
    """The capture of each 5-tuple of a file of labels that has captures; its rows need no label."""
    rows = truth.reader(labels)
    if "capture_id" not in (rows.fieldnames or []):
        return {}
    a, b = ("src", "dst") if "src_ip" in rows.fieldnames else ("orig", "resp")
    host, port = ("_ip", "_port") if a == "src" else ("_h", "_p")
    try:
        return {truth.ends(r[a + host], r[a + port], r[b + host], r[b + port], r["proto"]): r["capture_id"] for r in truth.whole(rows)}
    except ValueError as error:  # in a row of a split that was not read yet
        raise truth.Problem(f"{labels}: line {rows.line_num}: {error}; correct the line, or leave it out") from None


def arrivals(records: Path, uids: list[str], depth: int) -> np.ndarray:
    """When each flow's packets came, ms since its first; NaN where there are fewer than depth."""
    place, count = {uid: i for i, uid in enumerate(uids)}, np.zeros(len(uids), dtype=int)
    at = np.full((len(uids), depth), np.nan)
    for line in truth.read_text(records).splitlines():
        record = json.loads(line)
        i = place.get(record["uid"])
        if record["ev"] == "pkt" and i is not None and count[i] < depth:
            at[i, count[i]] = record["ts"]
            count[i] += 1
    return (at - at[:, :1]) * 1000
