"""ask.py ssdp|llmnr|wsd OWN_ADDRESS TIMES WHAT: asks a multicast group and listens for answers.

The questions are those of phones and Windows hosts; nobody packages these clients.
"""

import os
import random
import socket
import struct
import sys
import time
import uuid

GROUPS = {"ssdp": ("239.255.255.250", 1900), "llmnr": ("224.0.0.252", 5355), "wsd": ("239.255.255.250", 3702)}
PROBE = """<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="http://www.w3.org/2003/05/soap-envelope" \
xmlns:wsa="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:wsd="http://schemas.xmlsoap.org/ws/2005/04/discovery">\
<soap:Header><wsa:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</wsa:To><wsa:Action>http://schemas.xmlsoap.org/ws/\
2005/04/discovery/Probe</wsa:Action><wsa:MessageID>urn:uuid:{id}</wsa:MessageID></soap:Header><soap:Body><wsd:Probe/>\
</soap:Body></soap:Envelope>"""


def question(kind: str, what: str) -> bytes:
    if kind == "ssdp":
        return (f'M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: "ssdp:discover"\r\nMX: 1\r\n'
                f"ST: {what}\r\nUSER-AGENT: {'lab/1.0 ' * random.randint(0, 4)}\r\n\r\n").encode()
    if kind == "llmnr":
        name = what.encode()
        return os.urandom(2) + struct.pack("!5H", 0, 1, 0, 0, 0) + bytes([len(name)]) + name + b"\0\0\1\0\1"
    return PROBE.format(id=uuid.uuid4()).encode()


def main() -> None:
    kind, own, times, what = sys.argv[1:]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(own))
        s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, random.choice([1, 1, 2, 4]))
        data = question(kind, what)
        for _ in range(int(times)):
            s.sendto(data, GROUPS[kind])
            s.settimeout(0.5)
            until = time.time() + random.uniform(0.2, 1.0)
            while time.time() < until:
                try:
                    s.recv(2048)
                except socket.timeout:
                    pass


main()
