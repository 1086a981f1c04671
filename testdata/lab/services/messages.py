"""MQTT (mosquitto), QUIC (aioquic) and pings.

MQTT over TLS and QUIC are tls_other. Plain MQTT and pings belong to none of the
classes that the service task has, so they stay without a label.
"""

import sys
from pathlib import Path

from .. import certs
from ..plan import Plan

PROGRAMS = Path(__file__).resolve().parents[1] / "programs"
MOSQUITTO = """
allow_anonymous true
user root
listener 1883
listener 8883
certfile {cert}
keyfile {key}
"""


def add(plan: Plan) -> None:
    mqtt(plan)
    quic(plan)
    plan.visit("ping", 8, lambda rng, c: ["ping", "-n", "-c", rng.randint(1, 4), "-i", "0.3", "-s",
                                          rng.choice([8, 56, 56, 400]), rng.choice([(h := rng.choice(plan.hosts)).ip4, h.ip6])])


def mqtt(plan: Plan) -> None:
    host, folder = plan.host("mqtt1", "near"), plan.folder("mqtt1")
    cert, key = certs.make(folder, "mqtt1.example")
    (folder / "mosquitto.conf").write_text(MOSQUITTO.format(cert=cert, key=key))
    plan.daemon(host, "mosquitto", "-c", folder / "mosquitto.conf")
    plan.serves("tls_other", host, "tcp", 8883)
    plan.serves("", host, "tcp", 1883)

    def talk(rng, client) -> list:
        tls = rng.choice([[], ["-p", 8883, "--cafile", cert, "--insecure"]])
        to = ["-h", host.ip4, "-V", rng.choice(["mqttv311", "mqttv5"]), *tls]
        return rng.choice([
            ["mosquitto_pub", *to, "-q", rng.choice([0, 1, 2]), "-t", "lab/t", "-m", "21.5" * rng.randint(1, 40)],
            ["mosquitto_pub", *to, "-t", "lab/t", "-m", "on", "--repeat", 4, "--repeat-delay", "0.4"],
            ["mosquitto_sub", *to, "-t", "lab/#", "-C", 3, "-W", 5]])
    plan.visit("mqtt", 12, talk)


def quic(plan: Plan) -> None:
    program = [sys.executable, PROGRAMS / "quic.py"]
    servers = []
    for name, place in (("quic1", "near"), ("quic2", "far")):
        host, folder = plan.host(name, place), plan.folder(name)
        cert, key = certs.make(folder, f"{name}.example")
        plan.daemon(host, *program, "serve", cert, key)
        plan.serves("tls_other", host, "udp", 443)
        servers.append(host)
    plan.visit("quic", 12, lambda rng, c: program + [
        "ask", rng.choice([(h := rng.choice(servers)).ip4, h.ip6]), f"{h.name}.example", rng.randint(1, 4),
        int(rng.choice([200, 1500, 6000, 20000]) * plan.profile.size)])
