"""Known labels of flows, by the 5-tuple and the first packet's time.

Standard library only: score.py uses it too.
"""

import csv
import io
import subprocess
from bisect import bisect_right
from collections import defaultdict
from pathlib import Path
from typing import Iterable, Iterator, NamedTuple

PROTOCOLS = {"1": "icmp", "6": "tcp", "17": "udp", "58": "icmp"}


# A known flow is split after this much silence: a connection that begins later
# than that after it is another flow.
WINDOW = 120_000_000  # microseconds


class Known(NamedTuple):
    """One labelled flow of a capture."""

    ends: tuple  # see ends()
    first: int  # its first packet, epoch microseconds
    label: str
    capture: str


def ends(a_host: str, a_port, b_host: str, b_port, proto: str) -> tuple:
    """The 5-tuple without direction: who sent first is left open."""
    return (*sorted([(a_host, int(a_port)), (b_host, int(b_port))]), PROTOCOLS.get(str(proto), str(proto)))


class Flows:
    """Known flows, to be found by the connections that Zeek makes of them.

    Zeek passes over a first packet whose header was cut, and forgets a silent
    connection early, so a known flow may begin with a later packet, and go on in
    further connections. The first connection is the one that stands for it.
    """

    def __init__(self, known: Iterable[Known]):
        self.all = list(known)
        self.by_ends = defaultdict(list)
        for k in sorted(self.all, key=lambda k: k.first):
            self.by_ends[k.ends].append(k)

    def owner(self, ends: tuple, first: int) -> Known | None:
        """The known flow that a connection belongs to, by the time of its first packet."""
        candidates = self.by_ends.get(ends, [])
        at = bisect_right(candidates, first, key=lambda k: k.first) - 1
        return candidates[at] if at >= 0 and first - candidates[at].first < WINDOW else None

    def first_connections(self, connections: Iterable[tuple]) -> dict[Known, int]:
        """For each known flow the position of its first connection; connections are (ends, first)."""
        best = {}
        for i, (pair, first) in enumerate(connections):
            k = self.owner(pair, first)
            if k is not None and (k not in best or first < best[k][0]):
                best[k] = (first, i)
        return {k: i for k, (_, i) in best.items()}


def microseconds(text: str) -> int:
    """Epoch seconds as decimal text, exactly."""
    whole, _, part = str(text).partition(".")
    return int(whole) * 1_000_000 + int((part + "000000")[:6])


def read_labels(path: Path, split: str = "", question: str = "") -> Iterator[Known]:
    """Labels of one file: the data set's columns (src_ip ...) or the lab's (orig_h ...).

    split keeps the rows of one split, where the file has splits. question is for a
    file with the answers to several: the column of labels, with QUESTION_split
    beside it; rows without an answer are passed over.
    """
    for row in csv.DictReader(io.StringIO(read_text(path))):
        try:
            if question:
                row |= {"label": row[question], "split": row[question + "_split"]}
            if question and not row["label"] or split and row.get("split", split) != split:
                continue
            yield known(row, Path(path).name)
        except KeyError as missing:
            raise ValueError(
                f"{path}: no column {missing}; it needs src_ip,src_port,dst_ip,dst_port,proto,first_ts_us,label "
                "or orig_h,orig_p,resp_h,resp_p,proto,ts_first,label"
            ) from None


def columns(path: Path) -> list[str]:
    """The columns of a file of labels."""
    return next(csv.reader(io.StringIO(read_text(path))), [])


def known(row: dict, name: str) -> Known:
    if "first_ts_us" in row:
        pair = ends(row["src_ip"], row["src_port"], row["dst_ip"], row["dst_port"], row["proto"])
        return Known(pair, int(row["first_ts_us"]), row["label"], f"{row['split']}/{row['capture_id']}")
    pair = ends(row["orig_h"], row["orig_p"], row["resp_h"], row["resp_p"], row["proto"])
    return Known(pair, microseconds(row["ts_first"]), row["label"], name)


def read_text(path: Path) -> str:
    """A text file, also .zst; Python 3.11 has no Zstandard, so the zstd program unpacks it."""
    if not str(path).endswith(".zst"):
        return Path(path).read_text()
    try:
        done = subprocess.run(["zstd", "-dcq", str(path)], capture_output=True, check=True)
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: the zstd program is not installed; install it or unpack the file") from None
    except subprocess.CalledProcessError as error:
        raise ValueError(f"{path}: {error.stderr.decode().strip()}") from None
    return done.stdout.decode()
