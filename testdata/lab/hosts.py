"""The hosts: each a set of namespaces with one device that ends in the link."""

import json
import subprocess
import sys
from pathlib import Path

from .plan import Host, Plan

BOX = Path(__file__).with_name("box.sh")
GATEWAY_MAC = "02:00:5e:00:00:fe"
IPV6_QUIET = ["net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.default.accept_dad=0",
              "net.ipv6.conf.default.router_solicitations=0"]
# Nothing that the lab starts outlives it, even when it is killed.
WITH_PARENT = ["setpriv", "--pdeathsig", "KILL"]


def start_link(plan: Plan, capture: Path) -> subprocess.Popen:
    """Starts the link process and waits for its TAP devices."""
    spec = {"seed": plan.profile.seed, "capture": str(capture), "gateway_mac": GATEWAY_MAC,
            "hosts": [{"tap": f"sflab{i}", "mac": h.mac, "ip4": h.ip4, "ip6": h.ip6, **h.spoke}
                      for i, h in enumerate(plan.hosts)]}
    path = plan.home / "link.json"
    path.write_text(json.dumps(spec, indent=1))
    # Above the programs: a late link would be jitter that nobody asked for.
    link = subprocess.Popen([*WITH_PARENT, "nice", "-n", "-5", sys.executable, "-m", "lab.link", str(path)],
                            stdout=subprocess.PIPE, text=True, start_new_session=True)
    if link.stdout.readline().strip() != "ready":
        raise RuntimeError("the link did not start: is /dev/net/tun there?")
    return link


class Box:
    """A running host: programs are started in it until it is closed."""

    def __init__(self, host: Host, tap: str, gateway: str, run: Path, resolv: Path):
        namespaces = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child=KILL"]
        self.anchor = subprocess.Popen([*WITH_PARENT, *namespaces, BOX, run, resolv], stdin=subprocess.DEVNULL,
                                       stdout=subprocess.PIPE, text=True, start_new_session=True)
        if self.anchor.stdout.readline().strip() != "ready":
            raise RuntimeError(f"host {host.name} did not start: root and namespaces are needed")
        pid = self.anchor.pid
        self.pid = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0]
        subprocess.run(["ip", "link", "set", tap, "netns", self.pid, "name", "eth0"], check=True)
        self.configure(host, gateway)

    def inside(self, argv: list) -> list:
        """The command that runs argv in this host."""
        return ["nsenter", "-t", self.pid, "-m", "-n", "-p", "-w", "--", *argv]

    def configure(self, host: Host, gateway: str) -> None:
        local = host.spoke["lan"]
        settings = [f"net.ipv4.{k}={v}" for k, v in host.traits.items() if k != "mtu"]
        settings.append(f"net.ipv6.conf.default.hop_limit={host.traits['ip_default_ttl']}")
        settings.append(f"net.ipv6.conf.eth0.hop_limit={host.traits['ip_default_ttl']}")
        subprocess.run(self.inside(["sysctl", "-q", *IPV6_QUIET, *settings]), check=True)
        # The default routes end at the link, which knows the lab's hosts and no others.
        batch = f"""
link set lo up
link set eth0 address {host.mac} mtu {host.traits['mtu']} up
addr add {host.ip4}/{24 if local else 32} {'brd +' if local else ''} dev eth0
addr add {host.ip6}/{64 if local else 128} dev eth0 nodad
neigh replace {gateway} lladdr {GATEWAY_MAC} dev eth0 nud permanent
neigh replace fe80::fe lladdr {GATEWAY_MAC} dev eth0 nud permanent
route add default via {gateway} dev eth0 onlink
route add ::/0 via fe80::fe dev eth0 onlink
route add 224.0.0.0/4 dev eth0
"""
        subprocess.run(self.inside(["ip", "-batch", "-"]), input=batch, text=True, check=True)

    def close(self) -> None:
        self.anchor.kill()
        self.anchor.wait()


def make_hosts(plan: Plan) -> dict:
    """Starts a box for every host of the plan; returns them by the host's name."""
    run, resolv = plan.home / "run", plan.home / "run" / "resolv.conf"
    run.mkdir(exist_ok=True)
    resolvers = [h.ip4 for h in plan.hosts if h.name.startswith("dns")]
    resolv.write_text("".join(f"nameserver {r}\n" for r in resolvers) + "options timeout:2\n")
    return {h.name: Box(h, f"sflab{i}", f"10.{plan.profile.net}.1.254", run, resolv)
            for i, h in enumerate(plan.hosts)}
