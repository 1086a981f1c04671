"""infra: SNMP, DHCP, TFTP, RADIUS and syslog."""

import subprocess
import sys
from pathlib import Path

from ..plan import Plan

PROGRAMS = Path(__file__).resolve().parents[1] / "programs"
OIDS = ["1.3.6.1.2.1.1.1.0", "1.3.6.1.2.1.1.3.0", "1.3.6.1.2.1.1.5.0", "1.3.6.1.2.1.2.1.0"]


def add(plan: Plan) -> None:
    snmp(plan)
    dhcp(plan)
    tftp(plan)
    radius(plan)
    syslog(plan)


def snmp(plan: Plan) -> None:
    folder = plan.folder("snmp")
    (folder / "snmpd.conf").write_text("agentaddress udp:161,udp6:161\nrocommunity public\nrocommunity6 public\n"
                                       "sysLocation lab\nsysContact nobody\n")
    at = [plan.host("snmp1", "lan"), plan.host("snmp2", "near")]
    for host in at:
        plan.daemon(host, "snmpd", "-f", "-Lo", "-C", "-c", folder / "snmpd.conf", "-p", "/run/snmpd.pid", "-I", "-smux")
        plan.serves("infra", host, "udp", 161)
    plan.visit("snmpget", 7, lambda rng, c: ["snmpget", "-t", 1, "-v", rng.choice(["1", "2c"]), "-c", "public",
                                             rng.choice(at).ip4, *rng.sample(OIDS, rng.randint(1, 3))])
    plan.visit("snmpwalk", 3, lambda rng, c: [rng.choice(["snmpwalk", "snmpbulkwalk"]), "-t", 1, "-v2c", "-c", "public",
                                              rng.choice(at).ip4, rng.choice(["1.3.6.1.2.1.1", "1.3.6.1.2.1.2.2.1.2"])])


def dhcp(plan: Plan) -> None:
    """udhcpc asks for leases but its script does nothing, so addresses stay."""
    net = f"10.{plan.profile.net}.1"
    host = plan.host("dhcp1", "lan")
    plan.daemon(host, "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--user=root",
                f"--dhcp-range={net}.200,{net}.240,5m", "--dhcp-leasefile=/run/leases", "--dhcp-authoritative", "--no-ping",
                f"--dhcp-option=option:ntp-server,{net}.1", "--domain=lab.test", "--pid-file")
    for address in (host, "255.255.255.255"):
        plan.serves("infra", address, "udp", 67, 68)
    plan.visit("udhcpc", 5, lambda rng, c: [
        "udhcpc", "-i", "eth0", "-f", "-q", "-n", "-t", 3, "-T", 1, "-s", "/bin/true", "-R",
        "-x", f"hostname:pc{rng.randrange(99)}", *rng.choice([[], ["-V", "MSFT 5.0"], ["-C"]])])
    plan.visit("dhcping", 4, lambda rng, c: ["dhcping", "-s", host.ip4, "-c", c.ip4, "-h", c.mac, "-t", 2,
                                             *rng.choice([[], ["-i"]])])


def tftp(plan: Plan) -> None:
    folder = plan.folder("tftp")
    for name, size in (("boot.cfg", 700), ("menu.txt", 3000), ("image.bin", 16000)):
        (folder / name).write_bytes(b"t" * int(size * plan.profile.size))
    host = plan.host("tftp1", "lan")
    plan.daemon(host, "atftpd", "--daemon", "--no-fork", "--user", "root.root", "--logfile", "-", folder)
    plan.serves("infra", host, "udp", 69, range(32768, 61000))  # the data come from a port of their own
    plan.visit("tftp", 4, lambda rng, c: ["curl", "-s", "-o", "/dev/null", f"tftp://{host.ip4}/" + rng.choice(
        ["boot.cfg", "menu.txt", "image.bin", "none"]), *rng.choice([[], ["--tftp-no-options"]])])


def radius(plan: Plan) -> None:
    folder = plan.home / "run" / "radius"
    subprocess.run(["cp", "-a", "/etc/freeradius/3.0", folder], check=True)  # its daemon has a user of its own
    (folder / "clients.conf").write_text("client lab { ipaddr = 0.0.0.0/0\n secret = testing123 }\n")
    (folder / "users").unlink()
    (folder / "mods-config/files/authorize").write_text('bob Cleartext-Password := "hello"\n')
    host = plan.host("radius1", "near")
    plan.daemon(host, "freeradius", "-f", "-l", "stdout", "-d", folder)
    plan.serves("infra", host, "udp", 1812, 1813)
    plan.visit("radtest", 5, lambda rng, c: ["radtest", "-t", rng.choice(["pap", "chap", "mschap"]), "bob",
                                             "hello", host.ip4, rng.randrange(99), "testing123"])


def syslog(plan: Plan) -> None:
    host = plan.host("syslog1", "lan")
    plan.daemon(host, sys.executable, PROGRAMS / "sink.py", "514")
    plan.serves("infra", host, "udp", 514)
    plan.visit("logger", 6, lambda rng, c: "; ".join(
        f"logger -d -n {host.ip4} -P 514 -t job{rng.randrange(9)} {rng.choice(['', '--rfc3164'])} {'m' * rng.randint(10, 300)}"
        for _ in range(rng.randint(1, 2))))
