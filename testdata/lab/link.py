"""The wire: joins the hosts' TAP devices and captures what passes.

The kernel here has no netem, so delay, jitter, loss and rate are made in this
process. The wire is a star. Every host hangs on a spoke; the hub is where the
clients' network ends, and where a monitoring tap would sit: frames are captured
when they reach the hub. A frame may get lost on either spoke, so the capture
has segments that never arrive and gaps where the peer must send again.

    client --spoke-- hub (captured here) --spoke-- server

Run as a process of its own: python -m lab.link SPEC.json
It prints "ready" when the TAP devices exist, and ends on SIGTERM.
"""

import fcntl
import heapq
import itertools
import json
import os
import random
import select
import signal
import struct
import sys
import time

from . import pcap, rewrite

TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI = 0x0002, 0x1000
SNAPLEN = 128
QUEUE_LIMIT = 20_000  # frames under way; more means a loop, so the rest is dropped


class Spoke:
    """One host's TAP device and how its part of the path behaves."""

    def __init__(self, spec: dict):
        self.mac = bytes.fromhex(spec["mac"].replace(":", ""))
        self.lan, self.hops = spec["lan"], spec["hops"]
        self.delay, self.jitter = spec["delay_ms"] / 1000, spec["jitter_ms"] / 1000
        self.loss, self.seconds_per_byte = spec["loss"], 8e-6 / spec["rate_mbit"]
        self.busy_until: dict = {}  # (direction, peer) -> when its last frame arrives
        self.fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        name = spec["tap"].encode()
        fcntl.ioctl(self.fd, TUNSETIFF, struct.pack("16sH", name, IFF_TAP | IFF_NO_PI))

    def arrival(self, rng: random.Random, now: float, size: int, key) -> float:
        """When a frame that enters the spoke now leaves it; never before the one ahead."""
        stretch = random.Random(f"{self.mac}{key[1]}").uniform(0.85, 1.25)
        jitter = min(rng.expovariate(1 / self.jitter), 8 * self.jitter) if self.jitter else 0
        due = now + self.delay * stretch + jitter
        due = max(due, self.busy_until.get(key, 0)) + size * self.seconds_per_byte
        self.busy_until[key] = due
        return due


class Wire:
    """Moves frames: up a spoke to the hub, capture, down the other spokes."""

    def __init__(self, spec: dict, capture: pcap.Writer):
        self.rng = random.Random(spec["seed"])
        self.gateway = bytes.fromhex(spec["gateway_mac"].replace(":", ""))
        self.capture = capture
        self.spokes = [Spoke(s) for s in spec["hosts"]]
        self.by_fd = {s.fd: s for s in self.spokes}
        self.by_mac = {s.mac: s for s in self.spokes}
        self.by_ip = {}
        for spoke, host in zip(self.spokes, spec["hosts"]):
            for address in (host["ip4"], host["ip6"]):
                self.by_ip[rewrite.address(address)] = spoke
        self.queue: list = []
        self.order = itertools.count()

    def push(self, due: float, action, *args) -> None:
        if len(self.queue) < QUEUE_LIMIT:
            heapq.heappush(self.queue, (due, next(self.order), action, args))

    def receivers(self, sender: Spoke, frame: bytes) -> list:
        """Who gets the frame. Broadcast and multicast stay in the local network."""
        if frame[:6] == self.gateway:
            found = self.by_ip.get(rewrite.destination(frame))
            return [found] if found else []
        if frame[0] & 1:
            return [s for s in self.spokes if s.lan and s is not sender] if sender.lan else []
        found = self.by_mac.get(frame[:6])
        return [found] if found else []

    def enter(self, sender: Spoke, frame: bytes) -> None:
        targets = self.receivers(sender, frame)
        if not targets or self.rng.random() < sender.loss:
            return
        key = ("up", targets[0].mac if len(targets) == 1 else b"")
        due = sender.arrival(self.rng, time.time(), len(frame), key)
        self.push(due, self.at_hub, sender, targets, frame)

    def at_hub(self, sender: Spoke, targets: list, frame: bytes) -> None:
        frame = rewrite.age(frame, sender.hops)
        if not sender.lan:  # comes in through the local network's gateway
            frame = targets[0].mac + self.gateway + frame[12:]
        now = time.time()
        self.capture.write(pcap.Frame(int(now * 1e6), frame, len(frame)))
        for target in targets:
            if self.rng.random() < target.loss:
                continue
            out = frame if target.lan else target.mac + self.gateway + frame[12:]
            due = target.arrival(self.rng, now, len(frame), ("down", sender.mac))
            self.push(due, self.leave, target, out)

    def leave(self, target: Spoke, frame: bytes) -> None:
        try:
            os.write(target.fd, frame)
        except OSError:
            pass  # the host's queue is full or its device is gone: the frame is lost

    def run(self, running) -> None:
        while running():
            wait = min(0.2, max(0, self.queue[0][0] - time.time())) if self.queue else 0.2
            for fd in select.select(list(self.by_fd), [], [], wait)[0]:
                try:
                    self.enter(self.by_fd[fd], os.read(fd, 65536))
                except OSError:
                    continue  # nothing to read after all, or the device is down
            now = time.time()
            while self.queue and self.queue[0][0] <= now:
                _, _, action, args = heapq.heappop(self.queue)
                action(*args)


def main() -> None:
    with open(sys.argv[1]) as f:
        spec = json.load(f)
    stopped = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the lab decides when to stop
    with open(spec["capture"], "wb") as out:
        wire = Wire(spec, pcap.Writer(out, SNAPLEN))
        print("ready", flush=True)
        wire.run(lambda: not stopped)


if __name__ == "__main__":
    main()
