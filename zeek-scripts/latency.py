#!/usr/bin/env python3
"""How long after a packet its record is in serveflow.log, on a live interface.

    sudo zeek-scripts/latency.py [--zeek zeek] [--seconds 20] [--rate 100] [--cluster] [--form NAME='ARGUMENTS']...

Lays a cable between two network namespaces of its own, sends datagrams of new
flows at random moments through it, and lets Zeek watch one end. The delay is from
the packet's time (the record's ts) to the moment when the line can be read.
Traffic stays in the namespaces. Needs root and iproute2.
"""

import argparse
import json
import os
import random
import shlex
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent / "scripts"
HERE, THERE = "serveflow-a", "serveflow-b"
# A manager, a logger, a proxy and a worker on the watched end.
CLUSTER = """
@load policy/frameworks/cluster/backend/broker
event zeek_init()
	{
	if ( ! Supervisor::is_supervisor() )
		return;
	local nodes: table[string] of Supervisor::ClusterEndpoint;
	nodes["manager"] = [$role=Supervisor::MANAGER, $host=127.0.0.1, $p=10000/tcp];
	nodes["logger-1"] = [$role=Supervisor::LOGGER, $host=127.0.0.1, $p=10001/tcp];
	nodes["proxy-1"] = [$role=Supervisor::PROXY, $host=127.0.0.1, $p=10002/tcp];
	nodes["worker-1"] = [$role=Supervisor::WORKER, $host=127.0.0.1, $p=0/unknown, $interface="sfb"];
	for ( name, node in nodes )
		{
		local config = Supervisor::NodeConfig($name=name, $cluster=nodes, $directory=name);
		if ( node?$interface )
			config$interface = node$interface;
		Supervisor::create(config);
		}
	}
"""
SETTLED = 20.0  # seconds until the nodes have found each other


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def lay_cable() -> None:
    for name in (HERE, THERE):
        ip("netns", "add", name)
    ip("link", "add", "sfa", "netns", HERE, "type", "veth", "peer", "name", "sfb", "netns", THERE)
    for name, link, address in ((HERE, "sfa", "10.9.0.1/24"), (THERE, "sfb", "10.9.0.2/24")):
        ip("-n", name, "addr", "add", address, "dev", link)
        ip("-n", name, "link", "set", link, "up")
        ip("-n", name, "link", "set", "lo", "up")


def take_cable() -> None:
    for name in (HERE, THERE):
        subprocess.run(["ip", "netns", "del", name], stderr=subprocess.DEVNULL)


def send(seconds: float, rate: float) -> None:
    """Datagrams of new flows, at exponential gaps: what the sending namespace runs."""
    end, at = time.monotonic() + seconds, time.monotonic()
    while at < end:
        at += random.expovariate(rate)
        time.sleep(max(0.0, at - time.monotonic()))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            out.sendto(b"x", ("10.9.0.2", 9))


def follow(log: Path, until: float, since: float = 0) -> list:
    """Delays of packet records since a time, milliseconds, as they come to be readable."""
    delays, rest = [], b""
    while not log.exists() and time.monotonic() < until:
        time.sleep(0.001)
    with log.open("rb") as lines:
        while time.monotonic() < until:
            if not (data := lines.read()):
                time.sleep(0.001)
                continue
            now = time.time()
            *whole, rest = (rest + data).split(b"\n")
            delays += [1000 * (now - r["ts"]) for r in map(json.loads, whole) if r["ev"] == "pkt" and r["ts"] >= since]
    return delays


def cpu(pid: int) -> float:
    """CPU seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(zeek: str, arguments: list, seconds: float, rate: float) -> tuple:
    with tempfile.TemporaryDirectory() as folder:
        command = [zeek, "-C", "-i", "sfb", str(PACKAGE), "LogAscii::use_json=T", *arguments]
        watcher = subprocess.Popen(["ip", "netns", "exec", THERE, *command], cwd=folder,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        while b"listening on" not in (line := watcher.stderr.readline()):
            if not line:
                raise SystemExit(f"{shlex.join(command)} did not start")
        before = cpu(watcher.pid)
        sender = subprocess.Popen(["ip", "netns", "exec", HERE, sys.executable, __file__, "--send",
                                   "--seconds", str(seconds), "--rate", str(rate)])
        delays = follow(Path(folder, "serveflow.log"), time.monotonic() + seconds + 2)
        used = cpu(watcher.pid) - before
        sender.wait()
        watcher.terminate()
        watcher.communicate()
    return sorted(delays), used / (seconds + 2)


def measure_cluster(zeek: str, arguments: list, seconds: float, rate: float) -> tuple:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "cluster.zeek").write_text(CLUSTER)
        command = [zeek, "-j", "-C", "cluster.zeek", str(PACKAGE), "LogAscii::use_json=T", *arguments]
        supervisor = subprocess.Popen(["ip", "netns", "exec", THERE, *command], cwd=folder,
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(SETTLED)
        began = time.time()
        sender = subprocess.Popen(["ip", "netns", "exec", HERE, sys.executable, __file__, "--send",
                                   "--seconds", str(seconds), "--rate", str(rate)])
        delays = follow(Path(folder, "logger-1", "serveflow.log"), time.monotonic() + seconds + 2, began)
        sender.wait()
        supervisor.terminate()
        supervisor.wait()
    return sorted(delays), float("nan")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--zeek", default="zeek")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rate", type=float, default=100, help="datagrams a second, each a new flow")
    parser.add_argument("--form", action="append", default=[], metavar="NAME=ARGUMENTS")
    parser.add_argument("--cluster", action="store_true", help="four nodes instead of one process")
    parser.add_argument("--send", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.send:
        return send(args.seconds, args.rate)
    forms = dict(form.partition("=")[::2] for form in args.form)
    forms = forms or {"Zeek's own pace": "ServeFlow::flush_interval=0secs", "as installed": ""}
    take_cable()
    lay_cable()
    try:
        print("| form | records | p50 ms | p90 | p99 | Zeek's CPU |\n| --- | --- | --- | --- | --- | --- |")
        for name, arguments in forms.items():
            delays, used = (measure_cluster if args.cluster else measure)(args.zeek, shlex.split(arguments), args.seconds, args.rate)
            p50, p90, p99 = (delays[int(len(delays) * q)] for q in (0.5, 0.9, 0.99))
            print(f"| {name} | {len(delays)} | {p50:.1f} | {p90:.1f} | {p99:.1f} | {100 * used:.1f}% |", flush=True)
    finally:
        take_cable()


if __name__ == "__main__":
    main()
