#!/usr/bin/env python3
"""The whole way on a live interface: traffic, Zeek, ship, a real Kafka, run, labels.

    sudo zeek-scripts/live.py [--zeek zeek] [--seconds 20] [--rate 20] [--form NAME='ARGUMENTS']... [--picture SVG]

Lays a cable between two network namespaces of its own and lets real clients talk to
real servers over it: web (plain and TLS), names and bare datagrams. Zeek watches one
end with the package; serveflow ship and run stand behind it. Prints what was
labelled, and how long records took from the wire to Kafka and flows to their label.
Needs root, iproute2, curl, openssl, Java, and what `make build onnxruntime kafka` makes.
"""

import argparse
import collections
import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from latency import HERE, PACKAGE, THERE, lay_cable, take_cable
from picture import picture

ROOT = PACKAGE.parent.parent
KAFKA = "127.0.0.1:19392"
TOPICS = ("serveflow.packets", "serveflow.packets.dlq", "serveflow.labels.service")
PROPERTIES = f"""
process.roles=broker,controller
node.id=1
listeners=BROKER://{KAFKA},CONTROLLER://127.0.0.1:19393
inter.broker.listener.name=BROKER
controller.listener.names=CONTROLLER
listener.security.protocol.map=BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.quorum.voters=1@127.0.0.1:19393
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
"""
# Answers each name query with one address, over and over.
NAMES = """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("10.9.0.2", 53))
while True:
    q, who = s.recvfrom(512)
    s.sendto(q[:2] + b"\\x81\\x80\\0\\1\\0\\1\\0\\0\\0\\0" + q[12:] + b"\\xc0\\x0c\\0\\1\\0\\1\\0\\0\\0\\x3c\\0\\4\\x0a\\x09\\0\\2", who)
"""
ASK = """
import os, socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(1); s.connect(("10.9.0.2", 53))
s.send(os.urandom(2) + b"\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\3www\\7example\\0\\0\\1\\0\\1"); s.recv(512)
"""


def java(*words: str, **more) -> subprocess.CompletedProcess:
    return subprocess.run(["java", "-XX:TieredStopAtLevel=1", "-cp", f"{ROOT}/.kafka/jars/*", *words], check=True, **more)


def inside(namespace: str, *command: str) -> list:
    return ["ip", "netns", "exec", namespace, *command]


class Stage(contextlib.ExitStack):
    """Processes that end with it, in reverse order of their start."""

    def start(self, name: str, command: list, folder: str, **env: str) -> subprocess.Popen:
        log = self.enter_context(open(Path(folder, name + ".out"), "wb"))
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env={**os.environ, **env})
        self.callback(self.end, process)
        return process

    def end(self, process: subprocess.Popen) -> None:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(30)
        process.kill()


def start_kafka(stage: Stage, folder: str) -> None:
    Path(folder, "server.properties").write_text(f"{PROPERTIES}log.dirs={folder}/data\n")
    java("kafka.tools.StorageTool", "format", "-t", "c2VydmVmbG93LWthZmthMQ", "-c", "server.properties",
         cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    stage.start("kafka", ["java", "-XX:TieredStopAtLevel=1", "-Xmx256m", "-cp", f"{ROOT}/.kafka/jars/*",
                          "kafka.Kafka", "server.properties"], folder)
    for topic in TOPICS:
        java("org.apache.kafka.tools.TopicCommand", "--bootstrap-server", KAFKA, "--create", "--topic", topic,
             "--partitions", "6", "--replication-factor", "1", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def start_servers(stage: Stage, folder: str) -> None:
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=lab", "-keyout", "key.pem",
                    "-out", "cert.pem"], cwd=folder, check=True, stderr=subprocess.DEVNULL)
    python = sys.executable
    stage.start("web", inside(THERE, python, "-m", "http.server", "80", "--bind", "10.9.0.2"), folder)
    stage.start("tls", inside(THERE, "openssl", "s_server", "-accept", "443", "-www", "-quiet", "-key", "key.pem", "-cert", "cert.pem"), folder)
    stage.start("names", inside(THERE, python, "-c", NAMES), folder)


def talk(seconds: float, rate: float) -> None:
    """Clients in turn, none waited for."""
    asks = [["curl", "-s", "http://10.9.0.2/"], ["curl", "-sk", "https://10.9.0.2/"], [sys.executable, "-c", ASK]]
    end, running = time.monotonic() + seconds, []
    for n in range(int(seconds * rate)):
        running.append(subprocess.Popen(inside(HERE, *asks[n % len(asks)]), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        time.sleep(max(0.0, end - seconds + (n + 1) / rate - time.monotonic()))
    for client in running:
        client.wait()


def read(topic: str) -> list:
    """Records of a topic: Kafka's own time in milliseconds, key and value."""
    out = java("org.apache.kafka.tools.consumer.ConsoleConsumer", "--bootstrap-server", KAFKA, "--topic", topic, "--from-beginning",
               "--timeout-ms", "8000", "--formatter-property", "print.timestamp=true", "--formatter-property", "print.key=true",
               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    rows = (line.split("\t", 2) for line in out.splitlines() if line.startswith("CreateTime:"))
    return [(int(when.partition(":")[2]), key, json.loads(value)) for when, key, value in rows]


def quantiles(what: str, delays: list) -> str:
    delays = sorted(delays) or [float("nan")]
    return "| {} | {} | {:.1f} | {:.1f} | {:.1f} |".format(what, len(delays), *(delays[int(len(delays) * q)] for q in (0.5, 0.9, 0.99)))


def show(records: list, labels: list) -> list:
    """Prints what came; gives the delays of packet records, milliseconds."""
    to_kafka = [when - 1000 * r["ts"] for when, _, r in records if r["ev"] == "pkt"]
    print(f"\n{len(records)} records of {len({key for _, key, _ in records})} flows in Kafka, each keyed by its uid: "
          f"{all(key == r['uid'] for _, key, r in records)}; {len(labels)} labels")
    print("\n| ms | number | p50 | p90 | p99 |\n| --- | --- | --- | --- | --- |")
    print(quantiles("packet on the wire to its record in Kafka", to_kafka))
    print(quantiles("last packet looked at to its label", [1000 * (r["ts_label"] - r["ts_packet"]) for _, _, r in labels if r["reason"] in ("confident", "last_stage")]))
    print(quantiles("first packet to its label, all flows", [1000 * (r["ts_label"] - r["ts_first"]) for _, _, r in labels]))
    print("\n| port | label | stage | reason | flows |\n| --- | --- | --- | --- | --- |")
    counts = collections.Counter((r["resp_p"], r["label"], r["stage"], r["reason"]) for _, _, r in labels)
    for row, n in sorted(counts.items()):
        print("| {} | {} | {} | {} | {} |".format(*row, n))
    print("\none label:", json.dumps(labels[0][2]) if labels else "none")
    return to_kafka


def once(args: argparse.Namespace, name: str, arguments: str) -> list:
    print(f"\n## {name}", flush=True)
    take_cable()
    lay_cable()
    serveflow, env = str(ROOT / "bin" / "serveflow"), {"SERVEFLOW_BROKERS": KAFKA, "SERVEFLOW_ONNXRUNTIME": str(ROOT / ".onnxruntime" / "libonnxruntime.so")}
    with tempfile.TemporaryDirectory() as folder, Stage() as stage:
        start_kafka(stage, folder)
        start_servers(stage, folder)
        stage.start("run", [serveflow, "run"], folder, **env)
        stage.start("ship", [serveflow, "ship", "serveflow.log"], folder, SERVEFLOW_SHIP_STATE=f"{folder}/ship.json", **env)
        command = [args.zeek, "-C", "-i", "sfb", str(PACKAGE), *shlex.split(arguments)]
        print("$", shlex.join(command), flush=True)
        zeek = stage.start("zeek", inside(THERE, *command), folder)
        while b"listening on" not in (said := Path(folder, "zeek.out").read_bytes()):
            if zeek.poll() is not None:
                raise SystemExit(f"Zeek did not start: {said.decode()}")
            time.sleep(0.1)
        time.sleep(5)  # the members join their groups
        talk(args.seconds, args.rate)
        time.sleep(12)  # ends, and the flows that wait for a timeout
        doctor = subprocess.run([serveflow, "doctor"], env={**os.environ, **env}, capture_output=True, text=True)
        print(f"$ serveflow doctor   (exit code {doctor.returncode})\n{doctor.stdout}", flush=True)
        delays = show(read("serveflow.packets"), read("serveflow.labels.service"))
    take_cable()
    return delays


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--zeek", default="zeek")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rate", type=float, default=20, help="new flows a second")
    parser.add_argument("--form", action="append", default=[], metavar="NAME=ARGUMENTS")
    parser.add_argument("--picture", metavar="SVG", help="draw the delays of all forms into this file")
    args = parser.parse_args()
    forms = dict(form.partition("=")[::2] for form in args.form)
    forms = forms or {"as installed": "", "as tuned": "packet_source_inactivity_timeout=10msec ServeFlow::flush_interval=10msec"}
    ways = {name: once(args, name, arguments) for name, arguments in forms.items()}
    if args.picture:
        Path(args.picture).write_text(picture("milliseconds from the packet on the wire to its record in Kafka", ways))


if __name__ == "__main__":
    main()
