"""What a run is made of: hosts, daemons, endpoints and visits.

The modules in services/ fill in a Plan and start nothing; run.py carries it out.
"""

import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

# How hosts differ: sysctl values below net.ipv4, and the device's MTU.
TRAITS = [
    {"ip_default_ttl": "64", "mtu": 1500},
    {"ip_default_ttl": "64", "mtu": 1500, "tcp_rmem": "4096 65535 3145728"},
    {"ip_default_ttl": "64", "mtu": 1492, "tcp_timestamps": "0"},
    {"ip_default_ttl": "128", "mtu": 1500, "tcp_timestamps": "0", "tcp_rmem": "4096 64240 4194304"},
    {"ip_default_ttl": "128", "mtu": 1500, "tcp_timestamps": "0", "tcp_ecn": "1"},
    {"ip_default_ttl": "64", "mtu": 1500, "tcp_ecn": "1"},
    {"ip_default_ttl": "64", "mtu": 1400, "tcp_rmem": "4096 29200 1048576"},
    {"ip_default_ttl": "255", "mtu": 1500, "tcp_window_scaling": "0", "tcp_timestamps": "0",
     "tcp_sack": "0", "tcp_rmem": "4096 8192 16384"},
]

# Where a host stands: one-way delay, jitter (ms), loss, rate (Mbit/s), hops; low and high.
PLACES = {
    "client": {"delay": (0.1, 3), "jitter": (0.02, 0.6), "loss": (0, 0.001), "rate": (20, 900), "hops": (0, 0)},
    "lan": {"delay": (0.05, 0.5), "jitter": (0.01, 0.1), "loss": (0, 0), "rate": (100, 1000), "hops": (0, 0)},
    "near": {"delay": (2, 25), "jitter": (0.1, 2), "loss": (0, 0.005), "rate": (20, 500), "hops": (3, 12)},
    "far": {"delay": (30, 60), "jitter": (0.3, 4), "loss": (0, 0.01), "rate": (10, 100), "hops": (8, 18)},
    "remote": {"delay": (90, 90), "jitter": (0.5, 5), "loss": (0.002, 0.01), "rate": (5, 50), "hops": (14, 22)},
}


@dataclass
class Profile:
    """One run's settings; everything else follows from the seed."""

    name: str
    seed: int
    seconds: float  # visits start within this time
    clients: int
    scale: float  # multiplies every visit's count
    size: float  # multiplies the sizes of what is fetched
    net: int  # second byte of the local network's addresses
    keep: int = 0  # packets kept a flow; 0 keeps all
    only: tuple = ()  # service modules; empty means all


@dataclass
class Host:
    name: str
    ip4: str
    ip6: str
    mac: str
    place: str
    traits: dict
    spoke: dict  # the link's share: delay_ms, jitter_ms, loss, rate_mbit, hops, lan


@dataclass
class Daemon:
    host: Host
    argv: list
    user: str = ""


@dataclass
class Endpoint:
    """Where a class of traffic is served: an address ("" for any) and ports."""

    label: str
    address: str
    proto: str
    ports: range
    listened: bool  # a fixed port, so the run waits until somebody listens on it


@dataclass
class Visit:
    """A command that clients run: make(rng, client) gives an argv or a shell line."""

    name: str
    count: int
    make: Callable
    timeout: float = 12


@dataclass
class Plan:
    profile: Profile
    home: Path
    rng: random.Random = field(init=False)
    hosts: list = field(default_factory=list)
    daemons: list = field(default_factory=list)
    endpoints: list = field(default_factory=list)
    visits: list = field(default_factory=list)
    names: dict = field(default_factory=dict)  # DNS names that the lab's servers know

    def __post_init__(self):
        self.rng = random.Random(self.profile.seed)

    def host(self, name: str, place: str, **traits) -> Host:
        """Adds a host with an address, a place on the wire and an operating system's traits."""
        n, net = len(self.hosts) + 1, self.profile.net
        local = place in ("client", "lan")
        outside = self.rng.choice(["192.0.2", "198.51.100", "203.0.113", f"10.{net + 100}.7"])
        number = 10 + n if place == "client" else 100 + n
        picked = {k: self.rng.uniform(*v) for k, v in PLACES[place].items()}
        spoke = {"delay_ms": picked["delay"], "jitter_ms": picked["jitter"], "loss": picked["loss"],
                 "rate_mbit": picked["rate"], "hops": round(picked["hops"]), "lan": local}
        mac = "02:%02x:%02x:%02x:%02x:%02x" % (net, *(self.rng.randrange(256) for _ in range(3)), n)
        host = Host(name, f"10.{net}.1.{number}" if local else f"{outside}.{number}",
                    f"2001:db8:{net:x}:1::{number:x}" if local else f"2001:db8:{net:x}:{n + 16:x}::{number:x}",
                    mac, place, {**self.rng.choice(TRAITS), **traits}, spoke)
        self.hosts.append(host)
        self.names[f"{name}.lab.test"] = host
        return host

    def clients(self) -> list:
        return [h for h in self.hosts if h.place == "client"]

    def daemon(self, host: Host, *argv, user: str = "") -> None:
        self.daemons.append(Daemon(host, [str(a) for a in argv], user))

    def serves(self, label: str, where, proto: str, *ports) -> None:
        """Says which class the flows to (or from) a host's or address's ports and port ranges are."""
        for at in [where.ip4, where.ip6] if isinstance(where, Host) else [where]:
            for port in ports:
                span = port if isinstance(port, range) else range(port, port + 1)
                self.endpoints.append(Endpoint(label, at, proto, span, isinstance(port, int)))

    def visit(self, name: str, count: float, make: Callable, timeout: float = 12) -> None:
        scaled = max(1, round(count * self.profile.scale))
        self.visits.append(Visit(name, scaled, make, timeout))

    def folder(self, name: str) -> Path:
        """A fresh folder for a daemon's files."""
        path = self.home / "run" / name
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o755)
        return path
