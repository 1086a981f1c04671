"""python3 -m train.qos SERVICE_LABELS: a file of labels for the task qos, from one for the task service.

What treatment a flow needs follows from its service, which payload has told, and from what the whole
flow was: its protocol, packets and bytes. Of calls, the port tells what sets them up. The classes are
those of RFC 4594, fewer. Standard library only.
"""

import argparse
import csv
import io
import sys
from pathlib import Path

from . import truth
from .truth import Problem

CLASSES = ("background", "bulk", "interactive", "real-time", "signalling", "streaming")
MUCH = 100_000  # bytes of a flow's packets, both sides: above what a page or a mail takes
LASTING = 20  # packets of a flow through a relay that carries a call, rather than asks the relay for an address
CALLS = {500, 4500, 5060, 5061}  # IKE and SIP
RELAYS = {3478, 5349}  # STUN and TURN

NEEDED = ("label", "proto", "src_port", "dst_port", "packets", "bytes")
SETS_UP = {"dns", "infra"}  # names, addresses, time: small, and others wait for them
CAN_WAIT = {"ads", "discovery"}
PEOPLE_WAIT = {"amazon", "google", "http", "ics", "remote_mail_db", "tls_other", "windows", "youtube_web"}


def label(service: str, proto: str, ports: set[int], packets: int, size: int) -> str:
    """The class of a whole flow. proto: 6 or tcp, 17 or udp. ports: of both sides. size: bytes of its packets.

    Raises ValueError for a service that has no rule.
    """
    if service in SETS_UP:
        return "signalling"
    if service in CAN_WAIT:
        return "background"
    if service == "realtime_p2p":
        return "real-time" if carries(proto, ports, packets) else "signalling"
    if service == "youtube_video":
        return "streaming" if size >= MUCH else "interactive"
    if service in PEOPLE_WAIT:
        return "bulk" if size >= MUCH else "interactive"
    raise ValueError(f"label is {service!r}, which has no rule here: give it one in train/qos.py")


def carries(proto: str, ports: set[int], packets: int) -> bool:
    """Whether a flow of realtime_p2p carries sound, pictures or moves, rather than sets such a flow up."""
    if truth.PROTOCOLS.get(proto, proto) != "udp" or ports & CALLS:
        return False
    return packets >= LASTING or not ports & RELAYS


def rewritten(path: Path) -> str:
    """The file of labels with the class in place of the service, and `service` beside it."""
    rows = csv.DictReader(io.StringIO(truth.read_text(path), newline=None))
    columns, out = [*(rows.fieldnames or [])], io.StringIO()
    for column in NEEDED:
        if column not in columns:
            raise Problem(f"{path}: no column {column!r}; a flow's class is known by {', '.join(NEEDED)}, the last two of the whole flow")
    writer = csv.DictWriter(out, [*columns, "service"], lineterminator="\n")
    writer.writeheader()
    for row in rows:
        try:
            found = label(truth.text(row, "label"), truth.text(row, "proto"), {truth.port(row, "src_port"), truth.port(row, "dst_port")},
                          truth.number(row, "packets"), truth.number(row, "bytes"))
        except ValueError as error:
            raise Problem(f"{path}: line {rows.line_num}: {error}") from None
        writer.writerow({**row, "service": row["label"], "label": found})
    return out.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python3 -m train.qos", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labels", type=Path, help="labels.csv of the task service, packed or not, with packets and bytes of the whole flows")
    try:
        sys.stdout.write(rewritten(parser.parse_args().labels))
    except (Problem, OSError) as problem:
        print(f"train.qos: {' '.join(str(problem).split())}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
