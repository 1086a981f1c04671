"""Carries a plan out: link, hosts, daemons, then visits at their times."""

import random
import subprocess
import time
from collections import Counter
from pathlib import Path

from . import hosts
from .plan import Plan

SETTLE = 6.0  # seconds for the daemons to be ready
DRAIN = 2.0  # seconds after the last visit's start window


def run(plan: Plan, capture: Path) -> tuple:
    """Runs the plan; returns when the visits began and ended, epoch microseconds."""
    link, boxes = None, {}
    with open(plan.home / f"{plan.profile.name}.log", "w") as log:
        try:
            link = hosts.start_link(plan, capture)
            boxes = hosts.make_hosts(plan)
            for daemon in plan.daemons:
                user = ["setpriv", f"--reuid={daemon.user}", f"--regid={daemon.user}", "--init-groups"]
                start(boxes[daemon.host.name], (user if daemon.user else []) + daemon.argv, log)
            wait_for_ports(plan, boxes)
            time.sleep(SETTLE)
            began = time.time()
            visit_all(plan, boxes, began, log)
            ended = time.time()
        finally:
            if link:
                link.terminate()  # first, so that nobody's farewell is captured
                link.wait(10)
            for box in boxes.values():
                box.close()
    return int(began * 1e6), int(ended * 1e6)


def start(box: hosts.Box, argv: list, log) -> subprocess.Popen:
    log.write(f"## {' '.join(argv)}\n")
    log.flush()
    return subprocess.Popen(box.inside(argv), stdin=subprocess.DEVNULL,
                            stdout=log, stderr=log, start_new_session=True)


def wait_for_ports(plan: Plan, boxes: dict, seconds: float = 30) -> None:
    """Waits until every declared fixed TCP port of a host is listened on."""
    by_ip = {h.ip4: h for h in plan.hosts}
    wanted = {(by_ip[e.address].name, e.ports.start) for e in plan.endpoints
              if e.proto == "tcp" and e.address in by_ip and e.listened}
    deadline = time.time() + seconds
    while wanted and time.time() < deadline:
        time.sleep(0.5)
        for name in {name for name, _ in wanted}:
            out = subprocess.run(boxes[name].inside(["ss", "-Hltn"]),
                                 capture_output=True, text=True).stdout
            ports = {line.split()[3].rsplit(":", 1)[1] for line in out.splitlines()}
            wanted -= {(name, int(p)) for p in ports}
    if wanted:
        raise RuntimeError(f"nobody listens on {sorted(wanted)}; see the log in LAB_HOME")


def schedule(plan: Plan) -> list:
    """(start, visit) pairs: each kind of visit spread evenly, with some randomness."""
    rng = random.Random(plan.profile.seed + 1)
    out = []
    for visit in plan.visits:
        step = plan.profile.seconds / visit.count
        out += [((i + rng.random()) * step, visit) for i in range(visit.count)]
    return sorted(out, key=lambda pair: pair[0])


def visit_all(plan: Plan, boxes: dict, began: float, log) -> None:
    rng, clients = plan.rng, plan.clients()
    running, failed, late = [], Counter(), 0.0
    for at, visit in schedule(plan):
        client = rng.choice(clients)
        made = visit.make(rng, client)
        argv = ["sh", "-c", made] if isinstance(made, str) else [str(a) for a in made]
        time.sleep(max(0, began + at - time.time()))
        late = max(late, time.time() - began - at)
        running.append((visit, start(boxes[client.name], ["timeout", f"{visit.timeout:g}", *argv], log)))
    time.sleep(max(0, began + plan.profile.seconds + DRAIN - time.time()))
    for visit, process in running:
        if process.poll() is None:
            failed[visit.name + " (unfinished)"] += 1
        elif process.returncode:
            failed[visit.name] += 1
    print(f"{len(running)} visits, latest start {late:.2f} s behind its time")
    print("failed:", dict(failed) or "none")
