"""Raw capture -> the capture that is kept, and its labels.

Packets are cut behind the transport header: no payload is kept. Labels come
from the endpoints that the plan declared, so they are known, not guessed.
"""

import csv
import io
import ipaddress
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from . import pcap
from .plan import Plan

FIN, SYN, RST, ACK = 1, 2, 4, 16
PROTOCOLS = {6: "tcp", 17: "udp"}


@dataclass
class Packet:
    src: tuple
    dst: tuple
    proto: str  # "" for anything but TCP and UDP
    flags: int
    header_bytes: int  # Ethernet to the end of the transport header


@dataclass
class Flow:
    key: tuple  # (source, destination, protocol) of the first packet
    first_us: int
    label: str = ""
    frames: list = field(default_factory=list)


def parse(data: bytes) -> Packet | None:
    """Addresses, ports and header length of an IP packet; None for anything else."""
    kind = data[12:14]
    if kind == b"\x08\x00":
        at, proto, src, dst = 14 + (data[14] & 15) * 4, data[23], data[26:30], data[30:34]
    elif kind == b"\x86\xdd":
        at, proto, src, dst = 54, data[20], data[22:38], data[38:54]
    else:
        return None
    name, flags, size = PROTOCOLS.get(proto, ""), 0, 8
    if name == "tcp":
        size, flags = (data[at + 12] >> 4) * 4, data[at + 13]
    ports = (int.from_bytes(data[at:at + 2]), int.from_bytes(data[at + 2:at + 4])) if name else (0, 0)
    return Packet((str(ipaddress.ip_address(src)), ports[0]), (str(ipaddress.ip_address(dst)), ports[1]),
                  name, flags, at + size)


def flows(frames) -> tuple:
    """Groups frames by both directions of their 5-tuple; returns the flows and the other frames."""
    table, done, other = {}, [], []
    for frame in frames:
        packet = parse(frame.data)
        if packet is None:
            other.append(frame)
            continue
        cut = frame._replace(data=frame.data[: packet.header_bytes])
        ends = (frozenset((packet.src, packet.dst)), packet.proto)
        flow = table.get(ends)
        if flow is None:
            flow = table[ends] = Flow((packet.src, packet.dst, packet.proto), frame.us)
            done.append(flow)
        flow.frames.append((cut, packet))
    return done, other


def label_of(flow: Flow, plan: Plan) -> str:
    """The class of the endpoint that the flow goes to; for a reply on a new 5-tuple, comes from."""
    source, destination, proto = flow.key
    for address, port in (destination, source):
        for e in plan.endpoints:
            if e.proto == proto and port in e.ports and e.address in ("", address):
                return e.label
    return ""


def whole(flow: Flow) -> bool:
    """Whether the capture has the flow's beginning (a TCP flow must begin with a SYN)."""
    first = flow.frames[0][1]
    return first.proto != "tcp" or first.flags & (SYN | ACK) == SYN


def kept(flow: Flow, keep: int) -> list:
    """The flow's frames; with keep, the first ones and every later FIN or RST."""
    return [f for i, (f, p) in enumerate(flow.frames) if not keep or i < keep or p.flags & (FIN | RST)]


def write(plan: Plan, raw: Path, began: int, ended: int, target: Path) -> None:
    """Writes target.pcap.zst and target.labels.csv and prints what is in them."""
    with open(raw, "rb") as f:
        frames = [x for x in pcap.read(f) if x.us <= ended]
    found, other = flows(frames)
    found = [f for f in found if f.first_us >= began and whole(f)]
    for flow in found:
        flow.label = label_of(flow, plan)
    out = [x for x in other if x.us >= began and not plan.profile.keep]
    out += [x for f in found if f.label or not plan.profile.keep for x in kept(f, plan.profile.keep)]
    out.sort(key=lambda x: x.us)
    buffer = io.BytesIO()
    writer = pcap.Writer(buffer, 128)
    for frame in out:
        writer.write(frame)
    subprocess.run(["zstd", "-q", "-f", "-19", "-o", f"{target}.pcap.zst"], input=buffer.getvalue(), check=True)
    write_labels(found, Path(f"{target}.labels.csv"))
    report(found, out, Path(f"{target}.pcap.zst"))


def write_labels(found: list, path: Path) -> None:
    with open(path, "w", newline="") as f:
        rows = csv.writer(f, lineterminator="\n")
        rows.writerow(["orig_h", "orig_p", "resp_h", "resp_p", "proto", "ts_first", "label"])
        for flow in sorted(found, key=lambda x: x.first_us):
            if flow.label:
                (oh, op), (rh, rp), proto = flow.key
                rows.writerow([oh, op, rh, rp, proto, "%d.%06d" % divmod(flow.first_us, 10**6), flow.label])


def report(found: list, out: list, path: Path) -> None:
    count, packets = Counter(f.label for f in found), Counter()
    for flow in found:
        packets[flow.label] += len(flow.frames)
    for label in sorted(count):
        print(f"  {label or '(no label)':16} {count[label]:5} flows {packets[label]:6} packets on the wire")
    ports = Counter((f.key[2], f.key[1][1]) for f in found if not f.label)
    print("  without a label:", dict(ports.most_common(12)))
    print(f"  {sum(count[x] for x in count if x)} labelled flows, {len(out)} packets kept, "
          f"{(out[-1].us - out[0].us) / 1e6:.1f} s, {path.stat().st_size} bytes")
