"""Known labels of flows, by the 5-tuple and the first packet's time.

workbench/truth does the same for serveflow eval.
"""

import bz2
import csv
import gzip
import io
import ipaddress
import re
import subprocess
import zlib
from bisect import bisect_right
from collections import defaultdict
from pathlib import Path
from typing import Iterable, Iterator, NamedTuple

class Problem(ValueError):
    """Something in the user's files that the user can mend. Commands print it as one line and end with exit code 2."""


BZIP2 = re.compile(rb"BZh[1-9](1AY&SY|\x17\x72\x45\x38\x50\x90)")  # text may begin with BZh, too
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
    return (*sorted([(a_host, int(a_port)), (b_host, int(b_port))]), PROTOCOLS.get(str(proto), str(proto).lower()))


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


UNKNOWN = "unknown"  # of serveflow's labels

NEEDED = ("it needs split,capture_id,src_ip,src_port,dst_ip,dst_port,proto,first_ts_us,label "
          "or orig_h,orig_p,resp_h,resp_p,proto,ts_first,label")


def read_labels(path: Path, split: str = "", question: str = "") -> Iterator[Known]:
    """Labels of one file: the data set's columns (src_ip ...) or the lab's (orig_h ...).

    split keeps the rows of one split, where the file has splits. question is for a
    file with the answers to several: the column of labels, with QUESTION_split, or else
    split, beside it; rows without an answer are passed over.
    """
    rows = reader(path)
    try:
        for row in whole(rows):
            if question:
                row |= {"label": row[question], "split": row.get(question + "_split", row.get("split", ""))}
            if question and not row["label"] or split and row.get("split", split) != split:
                continue
            yield known(row, Path(path).name)
    except KeyError as missing:
        raise Problem(f"{path}: no column {missing}; {NEEDED}") from None
    except csv.Error as error:
        raise Problem(f"{path}: behind line {rows.line_num}: {error}; is a quotation mark left open there?") from None
    except ValueError as error:
        raise Problem(f"{path}: line {rows.line_num}: {error}; correct the line, or leave it out") from None


def reader(path: Path) -> csv.DictReader:
    """The rows of a file of labels, whose columns have names that tell them apart."""
    rows = csv.DictReader(io.StringIO(read_text(path), newline=None))
    names = rows.fieldnames or []
    if len(names) == 1:
        for sign, name in ((";", "semicolons"), ("\t", "tabs")):
            if sign in names[0]:
                raise Problem(f"{path}: its columns are separated by {name}; separate them by commas")
    for name in names:
        if names.count(name) > 1:
            raise Problem(f"{path}: {names.count(name)} columns are called {name!r}; keep one, or rename the others")
    return rows


def whole(rows: csv.DictReader) -> Iterator[dict]:
    """The rows, each with as many fields as there are columns."""
    for row in rows:
        fields = len(row) - (None in row) - sum(v is None for v in row.values()) + len(row.get(None, ()))
        if fields != len(rows.fieldnames):
            raise ValueError(f"it has {fields} fields, and there are {len(rows.fieldnames)} columns: is there a comma in a field without quotation marks?")
        yield row


def need_labels(path: Path, split: str = "", question: str = "") -> list[Known]:
    """What read_labels gives, each flow once: one flow at least, and one label for each."""
    found: dict[tuple, Known] = {}
    for k in read_labels(path, split, question):
        if (other := found.setdefault((k.ends, k.first), k)).label != k.label:
            (a, b, proto), first = k.ends, k.first
            raise Problem(f"{path}: the {proto} flow between {a[0]} port {a[1]} and {b[0]} port {b[1]} whose first packet is at "
                          f"{first / 1e6:.6f} is labelled {other.label!r}, and again {k.label!r}; keep the row that is right")
    if found:
        return list(found.values())
    if not columns(path):
        raise Problem(f"{path} is empty; {NEEDED}")
    asked = (f" of split {split!r}" if split else "") + (f" with an answer to {question!r}" if question else "")
    there = sorted({row.get("split") or "" for row in reader(path)} - {""}) if split else []
    others = f", but of {', '.join(map(repr, there[:5]))}" if there else ""
    raise Problem(f"{path} has no row{asked}{others}: give the labels of some flows")


def columns(path: Path) -> list[str]:
    """The columns of a file of labels."""
    return next(csv.reader(io.StringIO(read_text(path), newline=None)), [])


def known(row: dict, name: str) -> Known:
    if "first_ts_us" in row or "src_ip" in row:
        pair = ends(address(row, "src_ip"), port(row, "src_port"), address(row, "dst_ip"), port(row, "dst_port"), text(row, "proto"))
        return Known(pair, number(row, "first_ts_us"), label(row), f"{row['split']}/{row['capture_id']}")
    pair = ends(address(row, "orig_h"), port(row, "orig_p"), address(row, "resp_h"), port(row, "resp_p"), text(row, "proto"))
    try:
        first = microseconds(text(row, "ts_first"))
    except ValueError:
        raise ValueError(f"ts_first is {row['ts_first']!r}, not a time in seconds") from None
    capture = row.get("capture_id") or name
    return Known(pair, first, label(row), f"{row['split']}/{capture}" if row.get("split") else capture)


def address(row: dict, column: str) -> str:
    """An IP address in the form in which Zeek writes it."""
    try:
        return ipaddress.ip_address(text(row, column)).compressed
    except ValueError:
        raise ValueError(f"{column} is {row[column] or 'empty'}, not an IP address") from None


def port(row: dict, column: str) -> int:
    at = number(row, column)
    if not 0 <= at <= 65535:
        raise ValueError(f"{column} is {at}, not a port from 0 to 65535")
    return at


def label(row: dict) -> str:
    """A label that can be a class of a bundle."""
    name = text(row, "label")
    if name == UNKNOWN:
        raise ValueError(f"label is {name!r}, which flows of no class are called")
    if not is_name(name):
        raise ValueError(f"label is {name!r}, not one line of up to 64 characters without spaces around it")
    return name


def is_name(name: str) -> bool:
    """Whether a bundle may have it as the name of a class, or as its version."""
    return 0 < len(name) <= 64 and name == name.strip() and name.isprintable()


def text(row: dict, column: str) -> str:
    if not row[column]:
        raise ValueError(f"{column} is empty")
    return row[column]


def number(row: dict, column: str) -> int:
    try:
        return int(text(row, column))
    except ValueError:
        raise ValueError(f"{column} is {row[column] or 'empty'}, not a whole number") from None


def read_text(path: Path) -> str:
    """A text file, plain or packed by gzip, Zstandard or bzip2, told by its first bytes."""
    try:
        data = Path(path).read_bytes()
        if data.startswith(b"\x28\xb5\x2f\xfd"):
            data = unpack_zst(path)
        elif data.startswith(b"\x1f\x8b"):
            data = gzip.decompress(data)
        elif BZIP2.match(data):
            data = unpack_bzip2(data)
        elif data and Path(path).suffix in (".zst", ".gz", ".bz2"):
            raise Problem(f"{path}: not packed, though its name says so; rename it, or pack it again")
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Problem(f"{path}: not text in UTF-8, from byte {error.start} on; save it as UTF-8") from None
    except (OSError, EOFError, zlib.error) as error:
        raise Problem(f"{path}: {getattr(error, 'strerror', None) or error}; give a file that can be read") from None


def unpack_bzip2(data: bytes) -> bytes:
    try:
        return bz2.decompress(data)
    except ValueError as error:  # the data end too early
        raise EOFError(str(error)) from None


def unpack_zst(path: Path) -> bytes:
    """Python 3.11 has no Zstandard, so the zstd program unpacks the file."""
    try:
        return subprocess.run(["zstd", "-dcqf", str(path)], capture_output=True, check=True).stdout
    except FileNotFoundError:
        raise Problem(f"{path}: the zstd program is not installed; install it or unpack the file") from None
    except subprocess.CalledProcessError as error:
        raise Problem(f"{path}: {error.stderr.decode(errors='replace').strip()}; pack the file again") from None
