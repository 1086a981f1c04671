"""ics: Modbus (pymodbus), IEC 60870-5-104 (c104), BACnet (bacpypes3)."""

import sys
from pathlib import Path

from ..plan import Plan

PROGRAMS = Path(__file__).resolve().parents[1] / "programs"


def add(plan: Plan) -> None:
    serve(plan, "modbus", "tcp", 502, {"plc1": "lan", "plc2": "near"}, 14)
    serve(plan, "iec104", "tcp", 2404, {"rtu1": "near", "rtu2": "far"}, 12)
    serve(plan, "bacnet", "udp", 47808, {"bms1": "lan", "bms2": "lan"}, 12)


def serve(plan: Plan, protocol: str, transport: str, port: int, places: dict, count: int) -> None:
    """Each protocol's program is a server with one argument and a client with the server's address."""
    program = [sys.executable, PROGRAMS / f"{protocol}.py"]
    hosts = [plan.host(name, place) for name, place in places.items()]
    for host in hosts:
        plan.daemon(host, *program, "serve", host.ip4)
        plan.serves("ics", host, transport, port)
    plan.visit(protocol, count, lambda rng, c: program + [
        "ask", c.ip4, rng.choice(hosts).ip4, rng.randint(1, 6), f"{rng.uniform(0.05, 0.6):.2f}"])
