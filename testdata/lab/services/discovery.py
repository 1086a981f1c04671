"""discovery: mDNS (avahi), SSDP, LLMNR, WS-Discovery and NetBIOS names, all by real multicast or broadcast."""

import sys
from pathlib import Path

from ..plan import Plan

PROGRAMS = Path(__file__).resolve().parents[1] / "programs"

AVAHI = """
[server]
host-name={name}
use-ipv4=yes
use-ipv6={ipv6}
allow-interfaces=eth0
enable-dbus=no
[publish]
publish-hinfo=yes
publish-workstation=yes
"""
SERVICE = """<?xml version="1.0"?><!DOCTYPE service-group SYSTEM "avahi-service.dtd">
<service-group><name replace-wildcards="yes">%h</name>
<service><type>_http._tcp</type><port>80</port></service>
<service><type>_ipp._tcp</type><port>631</port><txt-record>rp=printers/lab</txt-record></service></service-group>
"""
GROUPS = {5353: ["224.0.0.251", "ff02::fb"], 1900: ["239.255.255.250"], 5355: ["224.0.0.252"],
          3702: ["239.255.255.250"]}


def add(plan: Plan) -> None:
    for port, addresses in GROUPS.items():
        for address in addresses:
            plan.serves("discovery", address, "udp", port)
    for host in [h for h in plan.hosts if h.spoke["lan"]]:  # answers come from these ports
        plan.serves("discovery", host, "udp", 5353, 1900, 5355, 3702)
    avahi(plan)
    devices = [plan.host("tv1", "lan"), plan.host("printer1", "lan")]
    for host in devices:
        plan.serves("discovery", host, "udp", 1900, 5353, 5355, 3702)
        plan.daemon(host, sys.executable, PROGRAMS / "announcer.py", host.name)
    ask = [sys.executable, PROGRAMS / "ask.py"]
    # dig takes no answer from another address than it asked, so it always reports failure.
    names = ["_http._tcp.local", "_services._dns-sd._udp.local", "nas1.local", "nas2.local", "none.local"]
    plan.visit("mdns", 8, lambda rng, c: f"dig +tries=1 +time=1 -p 5353 @224.0.0.251 {rng.choice(names)} "
                                         f"{rng.choice(['PTR', 'A', 'ANY'])} || true")
    plan.visit("ssdp", 12, lambda rng, c: ask + ["ssdp", c.ip4, rng.randint(1, 3), rng.choice(
        ["ssdp:all", "upnp:rootdevice", "urn:dial-multiscreen-org:service:dial:1"])])
    plan.visit("llmnr", 8, lambda rng, c: ask + ["llmnr", c.ip4, rng.randint(1, 2), rng.choice(
        ["wpad", "tv1", "printer1", "fileserver"])])
    plan.visit("wsd", 4, lambda rng, c: ask + ["wsd", c.ip4, rng.randint(1, 2), "probe"])


def avahi(plan: Plan) -> None:
    for i, name in enumerate(("nas1", "nas2")):
        host, folder = plan.host(name, "lan"), plan.folder(name)
        plan.serves("discovery", host, "udp", 5353)
        (folder / "services").mkdir()
        (folder / "services" / "http.service").write_text(SERVICE)
        (folder / "avahi.conf").write_text(AVAHI.format(name=name, ipv6="yes" if i else "no"))
        restart = (f"mount --bind {folder}/services /etc/avahi/services; mkdir -p /run/avahi-daemon; while :; do "
                   f"timeout {9 + 4 * i} avahi-daemon --no-drop-root --no-rlimits --no-chroot -f {folder}/avahi.conf; done")
        # It probes and announces when it starts, so it is started again and again.
        plan.daemon(host, "sh", "-c", restart)
