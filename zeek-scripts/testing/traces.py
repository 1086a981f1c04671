"""Captures for the btests that testdata/captures/odd lacks. Synthetic: scapy makes the packets.

    pip install scapy && python3 zeek-scripts/testing/traces.py
"""

import struct
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "testdata"))

from scapy.all import GRE, ICMP, IP, TCP, UDP, Dot1Q, Ether, ICMPv6EchoReply, ICMPv6EchoRequest, IPOption_RR, IPv6, Raw  # noqa: E402
from scapy.contrib.mpls import MPLS  # noqa: E402
from scapy.layers.l2 import Loopback  # noqa: E402
from scapy.layers.ppp import PPP, PPPoE  # noqa: E402
from scapy.layers.sctp import SCTP  # noqa: E402
from scapy.layers.vxlan import VXLAN  # noqa: E402

from lab.odd import C, C6, ETH, ETHERNET, S, S6, START, STEP, file, http, plain, queries  # noqa: E402

SECRET = b"SECRET: this is payload and stays in Zeek. "
ROUTERS = dict(src="203.0.113.1", dst="203.0.113.2")
BACK = dict(src="203.0.113.2", dst="203.0.113.1")


def tunnelled(wrap) -> list:
    """A small flow of which each packet lies in another; wrap(outer addresses, packet)."""
    return [wrap(ROUTERS if p[IP].src == C else BACK, p[IP]) for p in http(plain)[:6]]


def six(own: str, peer: str):
    a, b = (C6, S6) if own == C else (S6, C6)
    return Ether(**ETH) / IPv6(src=a, dst=b, hlim=60)


def options(own: str, peer: str):
    return Ether(**ETH) / IP(src=own, dst=peer, options=[IPOption_RR(length=7, pointer=8, routers=["192.0.2.1"])])


def pings() -> list:
    """Echo over IPv4 and IPv6, and a port unreachable that quotes another flow's header."""
    quoted = IP(src=S, dst=C) / UDP(sport=5, dport=6) / Raw(SECRET[:8])
    return [plain(C, S) / ICMP(id=3, seq=1) / Raw(SECRET), plain(S, C) / ICMP(type=0, id=3, seq=1) / Raw(SECRET),
            six(C, S) / ICMPv6EchoRequest(id=3, seq=1, data=SECRET), six(S, C) / ICMPv6EchoReply(id=3, seq=1, data=SECRET),
            plain(C, S) / ICMP(type=3, code=3) / Raw(bytes(quoted))]


def payloads() -> list:
    """Payload in every place that has some: a SYN's, an answer's, a datagram's, and one that looks like a header."""
    decoy = bytes(IP(src=C, dst=S) / TCP(sport=40000, dport=80))
    return [plain(C, S) / TCP(sport=40000, dport=80, flags="S", seq=1) / Raw(SECRET),
            plain(S, C) / TCP(sport=80, dport=40000, flags="SA", seq=7, ack=2 + len(SECRET)) / Raw(decoy),
            plain(C, S) / TCP(sport=40000, dport=80, flags="PA", seq=2 + len(SECRET), ack=8 + len(decoy)) / Raw(decoy + SECRET),
            plain(C, S) / UDP(sport=5000, dport=6000) / Raw(SECRET), plain(S, C) / UDP(sport=6000, dport=5000) / Raw(decoy)]


def one_host() -> list:
    """A flow whose two ends have one address."""
    return http(lambda own, peer: Ether(**ETH) / IP(src=C, dst=C))


def turned() -> list:
    """A flow that begins with its SYN-ACK, on ports that tell no server: Zeek turns it round at the second packet."""
    out = []
    for p in http(plain)[1:]:
        p[TCP].sport, p[TCP].dport = ({80: 33479}.get(port, port) for port in (p[TCP].sport, p[TCP].dport))
        out.append(p)
    return out


def cut(packets: list, size: int) -> bytes:
    """A capture whose frames were cut to size bytes."""
    out = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, size, ETHERNET)
    for i, packet in enumerate(packets):
        data = bytes(packet)
        seconds, us = divmod(START + i * STEP, 10**6)
        out += struct.pack("<IIII", seconds, us, min(size, len(data)), len(data)) + data[:size]
    return out


def many(flows: int) -> list:
    """Flows of one datagram each, 10 ms apart, from ports 10000 on."""
    return [plain(C, S) / UDP(sport=10000 + i, dport=53 if i % 2 else 123) / Raw(b"x") for i in range(flows)]


def captures() -> dict:
    """File name -> content."""
    flow = http(plain)
    return {
        "tcp.pcap": file(flow),
        "long.pcap": file(flow[:7] + [flow[6]] * 10),
        "dns.pcap": file(queries(plain)),
        "many.pcap": file(many(150)),
        "answer-first.pcap": file(flow[1:]),
        "turned.pcap": file(turned()),
        "ipv6.pcap": file(http(six)),
        "ip-options.pcap": file(http(options)[:4]),
        "icmp.pcap": file(pings()),
        "sctp.pcap": file([plain(C, S) / SCTP(sport=9, dport=10), plain(S, C) / SCTP(sport=10, dport=9)]),
        "payload.pcap": file(payloads()),
        "one-host.pcap": file(one_host()),
        "one-way-vlan.pcap": file([Ether(**ETH) / Dot1Q(vlan=7) / p[IP] if p[IP].src == C else p for p in flow]),
        "cut.pcap": cut(http(plain) + http(six), 60),
        "mpls.pcap": file([Ether(**ETH, type=0x8847) / MPLS(label=16, s=0) / MPLS(label=17, s=1) / p[IP] for p in flow]),
        "pppoe.pcap": file([Ether(**ETH, type=0x8864) / PPPoE(sessionid=1) / PPP(proto=0x21) / p[IP] for p in flow]),
        "loopback.pcap": file([Loopback(type=2) / p[IP] for p in flow], 0),
        "gre.pcap": file(tunnelled(lambda outer, p: Ether(**ETH) / IP(**outer) / GRE() / p)),
        "ip-in-ip.pcap": file(tunnelled(lambda outer, p: Ether(**ETH) / IP(**outer, proto=4) / p)),
        "vxlan.pcap": file(tunnelled(lambda outer, p: Ether(**ETH) / IP(**outer) / UDP(sport=50000, dport=4789)
                                     / VXLAN(vni=7, flags=8) / Ether(**ETH) / p)),
        "6in4.pcap": file([Ether(**ETH) / IP(**(ROUTERS if p[IPv6].src == C6 else BACK), proto=41) / p[IPv6]
                           for p in http(six)[:6]]),
    }


def main() -> None:
    folder = HERE / "Traces"
    folder.mkdir(exist_ok=True)
    for name, content in captures().items():
        (folder / name).write_bytes(content)
    print(f"{len(captures())} captures in {folder}")


if __name__ == "__main__":
    main()
