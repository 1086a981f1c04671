"""Small odd captures for tests. Synthetic: scapy makes the packets, no program sent them."""

import struct
from pathlib import Path

from scapy.all import (ARP, DNS, DNSQR, GRE, ICMP, IP, TCP, UDP, Dot1AD, Dot1Q, Ether, IPv6, IPv6ExtHdrDestOpt, Raw,
                       IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, IPv6ExtHdrRouting, PadN, fragment)

from . import pcap

ETHERNET, RAW_IP, SLL, SLL2, UNKNOWN = 1, 101, 113, 276, 147  # link types; 147 is "private use 0"
START = 1_700_000_000_000_000  # epoch microseconds
STEP = 10_000  # between packets
C, S = "192.0.2.10", "198.51.100.20"
C6, S6 = "2001:db8:1::10", "2001:db8:2::20"
ETH = dict(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")


def http(layers=lambda own, peer: IP(src=own, dst=peer, ttl=64, flags="DF"), end="FA") -> list:
    """A small TCP flow: handshake, request, answer, and its end by FIN or RST."""
    out, seq = [], {C: 1000, S: 9000}
    script = [(C, "S", 0), (S, "SA", 0), (C, "A", 0), (C, "PA", 80), (S, "A", 0), (S, "PA", 300), (C, "A", 0)]
    script += [(C, "FA", 0), (S, "FA", 0), (C, "A", 0)] if end == "FA" else [(S, "RA", 0)]
    for own, flags, size in script:
        peer = S if own == C else C
        options = [("MSS", 1460), ("SAckOK", b""), ("NOP", None), ("WScale", 7)] if "S" in flags else []
        ports = dict(sport=40000, dport=80) if own == C else dict(sport=80, dport=40000)
        ack = 0 if flags == "S" else seq[peer]
        tcp = TCP(flags=flags, seq=seq[own], ack=ack, window=64240, options=options, **ports)
        out.append(layers(own, peer) / tcp / Raw(b"x" * size) if size else layers(own, peer) / tcp)
        seq[own] += size + (1 if set(flags) & set("SF") else 0)
    return out


def queries(ip) -> list:
    """Two DNS questions and their answers' headers; ip(own, peer) makes the IP layer."""
    out = []
    for i in range(2):
        name = DNSQR(qname=f"n{i}.example")
        out.append(ip(C, S) / UDP(sport=5300 + i, dport=53) / DNS(id=i, qd=name))
        out.append(ip(S, C) / UDP(sport=53, dport=5300 + i) / DNS(id=i, qr=1, qd=name))
    return out


def file(packets: list, link: int = ETHERNET, nano: bool = False) -> bytes:
    """A classic pcap, with microseconds or nanoseconds."""
    out = struct.pack("<IHHiIII", 0xA1B23C4D if nano else pcap.MAGIC, 2, 4, 0, 0, 65535, link)
    for i, packet in enumerate(packets):
        data = bytes(packet)
        seconds, us = divmod(START + i * STEP, 10**6)
        out += struct.pack("<IIII", seconds, us * 1000 + 789 if nano else us, len(data), len(data)) + data
    return out


def block(kind: int, body: bytes) -> bytes:
    body += b"\0" * (-len(body) % 4)
    size = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + size + body + size


def pcapng(first: list, second: list) -> bytes:
    """Two interfaces: Ethernet with microseconds, raw IP with nanoseconds; packets in turn."""
    out = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    out += block(1, struct.pack("<HHI", ETHERNET, 0, 65535))
    out += block(1, struct.pack("<HHI", RAW_IP, 0, 65535) + struct.pack("<HHB3xHH", 9, 1, 9, 0, 0))
    pairs = [x for i in range(max(len(first), len(second))) for x in ((0, first[i:i + 1]), (1, second[i:i + 1])) if x[1]]
    for i, (interface, (packet,)) in enumerate(pairs):
        data, at = bytes(packet), (START + i * STEP) * (1000 if interface else 1)
        out += block(6, struct.pack("<IIIII", interface, at >> 32, at & 0xFFFFFFFF, len(data), len(data)) + data)
    return out


def cooked(packet, version: int) -> bytes:
    """A packet behind Linux's cooked header (SLL or SLL2)."""
    address = bytes.fromhex("020000000001") + b"\0\0"
    if version == 1:
        return struct.pack("!HHH8sH", 0, 1, 6, address, 0x0800) + bytes(packet)
    return struct.pack("!HHIHBB8s", 0x0800, 0, 2, 1, 0, 6, address) + bytes(packet)


def extended(own: str, peer: str):
    """IPv6 with hop-by-hop, routing and destination options before the transport header."""
    a, b = (C6, S6) if own == C else (S6, C6)
    return Ether(**ETH) / IPv6(src=a, dst=b, hlim=60) / IPv6ExtHdrHopByHop(options=[PadN(optdata=b"\0" * 4)]) \
        / IPv6ExtHdrRouting(type=0, addresses=[]) / IPv6ExtHdrDestOpt(options=[PadN(optdata=b"\0" * 4)])


def plain(own: str, peer: str):
    return Ether(**ETH) / IP(src=own, dst=peer, ttl=64)


def fragments() -> list:
    """An IPv4 datagram in three pieces with its answer, and an IPv6 one in two."""
    big = IP(src=C, dst=S, id=77) / UDP(sport=6000, dport=2049) / Raw(b"f" * 600)
    small = IP(src=S, dst=C) / UDP(sport=2049, dport=6000) / Raw(b"ok")
    head = IPv6(src=C6, dst=S6)
    six = bytes(head / UDP(sport=6001, dport=2049) / Raw(b"g" * 400))[40:]
    parts = [head / IPv6ExtHdrFragment(id=5, offset=0, m=1, nh=17) / Raw(six[:200]),
             head / IPv6ExtHdrFragment(id=5, offset=25, m=0, nh=17) / Raw(six[200:])]
    return [Ether(**ETH) / p for p in [*fragment(big, 256), small, *parts]]


def captures() -> dict:
    """File name -> content."""
    flow = http(plain)
    whole = file(flow)
    tagged = [Ether(**ETH) / Dot1Q(vlan=7) / p[IP] for p in flow]
    double = [Ether(**ETH) / Dot1AD(vlan=100) / Dot1Q(vlan=7) / p[IP] for p in flow]
    mixed = [Ether(**ETH) / ARP(psrc=C, pdst=S), plain(C, S) / ICMP(id=3, seq=1) / Raw(b"p" * 56),
             plain(S, C) / ICMP(type=0, id=3, seq=1) / Raw(b"p" * 56),
             plain(C, S) / GRE() / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=1, dport=2)]
    return {
        "pcapng-two-interfaces.pcapng": pcapng(flow, queries(lambda a, b: IP(src=a, dst=b))),
        "nanoseconds.pcap": file(flow, nano=True),
        "vlan.pcap": file(tagged), "qinq.pcap": file(double),
        "sll.pcap": file([cooked(p[IP], 1) for p in flow], SLL),
        "sll2.pcap": file([cooked(p[IP], 2) for p in flow], SLL2),
        "raw-ip.pcap": file([p[IP] for p in flow], RAW_IP),
        "ipv6-extensions.pcap": file(http(extended)[:8]),
        "fragments.pcap": file(fragments()),
        "reset.pcap": file(http(plain, end="RA")),
        "not-tcp-nor-udp.pcap": file(mixed),
        "big-endian.pcap": big_endian(flow),
        "cut-mid-packet.pcap": whole[:-20], "cut-mid-header.pcap": whole[:-60],
        "empty.pcap": whole[:24], "zero-bytes.pcap": b"",
        "not-a-capture.pcap": b"This is a text file, whatever its name says.\n" * 3,
        "unknown-link-type.pcap": file(flow[:3], UNKNOWN),
    }


def big_endian(packets: list) -> bytes:
    out = struct.pack(">IHHiIII", pcap.MAGIC, 2, 4, 0, 0, 65535, ETHERNET)
    for i, packet in enumerate(packets):
        data, at = bytes(packet), START + i * STEP
        out += struct.pack(">IIII", at // 10**6, at % 10**6, len(data), len(data)) + data
    return out


def write(folder: Path) -> None:
    """Writes all odd captures; each stays below 3 kB."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in captures().items():
        if len(content) >= 3000:
            raise ValueError(f"{name} has {len(content)} bytes; the limit is 3,000")
        (folder / name).write_bytes(content)
    print(f"odd: {len(captures())} captures")
