"""announcer.py NAME: a device that announces itself by SSDP and answers SSDP, LLMNR and WS-Discovery."""

import random
import select
import socket
import struct
import sys
import time

NOTIFY = ("NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nCACHE-CONTROL: max-age=1800\r\n"
          "LOCATION: http://{name}.lab.test:80/d.xml\r\nNT: {kind}\r\nNTS: ssdp:alive\r\nUSN: uuid:{name}::{kind}\r\n\r\n")
FOUND = ("HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=1800\r\nEXT:\r\nLOCATION: http://{name}.lab.test:80/d.xml\r\n"
         "SERVER: Linux UPnP/1.0 lab/1.0\r\nST: {kind}\r\nUSN: uuid:{name}::{kind}\r\n\r\n")
KINDS = ["upnp:rootdevice", "urn:schemas-upnp-org:device:MediaRenderer:1"]


def listener(group: str, port: int) -> socket.socket:
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("", port))
    s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(group) + bytes(4))
    return s


def answer(s: socket.socket, name: str) -> None:
    data, peer = s.recvfrom(2048)
    port = s.getsockname()[1]
    if port == 1900 and data.startswith(b"M-SEARCH"):
        time.sleep(random.uniform(0, 0.15))
        for kind in KINDS:
            s.sendto(FOUND.format(name=name, kind=kind).encode(), peer)
    elif port == 5355 and name.encode() in data and not data[2] & 0x80:
        s.sendto(data[:2] + struct.pack("!5H", 0x8000, 1, 1, 0, 0) + data[12:]
                 + b"\xc0\x0c" + struct.pack("!HHIH4s", 1, 1, 30, 4, bytes([10, 0, 0, 1])), peer)
    elif port == 3702 and b"Probe" in data and b"ProbeMatches" not in data:
        s.sendto(data.replace(b"Probe", b"ProbeMatches"), peer)


def main() -> None:
    name = sys.argv[1]
    group = "239.255.255.250"
    sockets = [listener(group, 1900), listener("224.0.0.252", 5355), listener(group, 3702)]
    due = time.time() + random.uniform(5, 12)
    while True:
        for s in select.select(sockets, [], [], 0.5)[0]:
            answer(s, name)
        if time.time() > due:  # a burst from a fresh port, as devices do
            due = time.time() + random.uniform(4, 9)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
                out.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 4)
                for kind in KINDS:
                    out.sendto(NOTIFY.format(name=name, kind=kind).encode(), (group, 1900))


main()
