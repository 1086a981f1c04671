"""docs/qos: a label becomes a DSCP on the packets of its flow, through a router of network namespaces."""

import ctypes
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

QOS = Path(__file__).resolve().parents[2] / "docs" / "qos"
FLOW = {"uid": "C1", "task": "qos", "proto": "udp", "label": "real-time", "confidence": 0.9, "final": True}
EF, AF11 = 46, 10


def run(*command, **more):
    return subprocess.run(command, check=True, capture_output=True, text=True, **more).stdout


def marks(*options, labels, inside=()):
    text = "".join((label if isinstance(label, str) else json.dumps(label)) + "\n" for label in labels)
    return subprocess.run([*inside, sys.executable, QOS / "marks.py", *options], input=text, text=True, capture_output=True)


class Net:
    """client - router - server, with IPv4 and IPv6; the router has rules.nft."""

    def __init__(self):
        self.client, self.router, self.server = (f"sf{os.getpid()}{part}" for part in "crs")

    def up(self):
        for name in (self.client, self.router, self.server):
            run("ip", "netns", "add", name)
            run("ip", "-n", name, "link", "set", "lo", "up")
        for i, name in enumerate((self.client, self.server)):
            run("ip", "-n", name, "link", "add", "eth0", "type", "veth", "peer", "name", f"eth{i}", "netns", self.router)
            for at, device, host in ((name, "eth0", 2), (self.router, f"eth{i}", 1)):
                run("ip", "-n", at, "addr", "add", f"10.9.{i}.{host}/24", "dev", device)
                run("ip", "-n", at, "addr", "add", f"fd09:{i}::{host}/64", "dev", device, "nodad")
                run("ip", "-n", at, "link", "set", device, "up")
            run("ip", "-n", name, "route", "add", "default", "via", f"10.9.{i}.1")
            run("ip", "-n", name, "-6", "route", "add", "default", "via", f"fd09:{i}::1")
        run(*self.inside(self.router), "sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding")
        run(*self.inside(self.router), "nft", "-f", str(QOS / "rules.nft"))

    def down(self):
        for name in (self.client, self.router, self.server):
            subprocess.run(["ip", "netns", "del", name], capture_output=True)

    def inside(self, name):
        return ["ip", "netns", "exec", name]

    def counters(self):
        said = json.loads(run(*self.inside(self.router), "nft", "-j", "list", "counters"))
        return {c["counter"]["name"]: c["counter"]["packets"] for c in said["nftables"] if "counter" in c}


@pytest.fixture
def net():
    if os.geteuid() != 0 or not shutil.which("nft") or not shutil.which("ip"):
        pytest.skip("no root, nft or ip: packets are not marked here")
    net = Net()
    try:
        net.up()
    except subprocess.CalledProcessError as error:
        net.down()
        pytest.skip(f"no network namespaces with nftables here: {error.stderr.strip()}")
    yield net
    net.down()


def in_namespace(name, make):
    """What make() gives in a thread that has joined a network namespace; its sockets stay there."""
    found = []

    def work():
        with open(f"/run/netns/{name}") as there:
            assert ctypes.CDLL(None).setns(there.fileno(), 0) == 0  # os.setns came with Python 3.12
        found.append(make())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return found[0]


def udp(host, port):
    six = ":" in host
    s = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(*((socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS, 1) if six else (socket.IPPROTO_IP, socket.IP_RECVTOS, 1)))
    s.settimeout(10)
    s.bind((host, port))
    return s


def dscp(sender, receiver):
    """The DSCP with which a packet arrives."""
    sender.sendto(b"x", receiver.getsockname()[:2])
    _, extra, _, _ = receiver.recvmsg(100, socket.CMSG_SPACE(4))
    return extra[0][2][0] >> 2


@pytest.mark.parametrize("near, far", [("10.9.0.2", "10.9.1.2"), ("fd09:0::2", "fd09:1::2")])
def test_marks_arrive(net, near, far):
    call, other = (in_namespace(net.client, lambda p=p: udp(near, p)) for p in (40000, 40001))
    server = in_namespace(net.server, lambda: udp(far, 5004))
    assert dscp(call, server) == 0
    flow = FLOW | {"orig_h": near, "orig_p": 40000, "resp_h": far, "resp_p": 5004}
    done = marks(labels=[flow], inside=net.inside(net.router))
    assert (done.returncode, done.stderr) == (0, "marks.py: 1 marked\n")
    assert [dscp(call, server), dscp(server, call), dscp(other, server)] == [EF, EF, 0]
    assert net.counters()["real_time"] == 2
    six = "6" if ":" in near else "4"
    run(*net.inside(net.router), "nft", "flush", "map", "inet", "flow_qos", "flows" + six)
    assert [dscp(call, server), dscp(server, call)] == [EF, EF]  # the connection remembers
    assert marks(labels=[flow | {"label": "bulk"}], inside=net.inside(net.router)).returncode == 0
    assert [dscp(server, call), net.counters()["bulk"]] == [AF11, 1]  # a newer label counts


def test_what_is_refused(net):
    flow = FLOW | {"orig_h": "10.9.0.2", "orig_p": 40000, "resp_h": "10.9.1.2", "resp_p": 5004}
    labels = [flow, flow | {"label": "bulk"}, flow | {"orig_p": 40001}]
    done = marks(labels=labels, inside=net.inside(net.router))
    assert done.returncode == 0 and "2 marked, 1 refused by nft" in done.stderr
    run(*net.inside(net.router), "nft", "delete", "table", "inet", "flow_qos")
    done = marks(labels=labels, inside=net.inside(net.router))
    assert done.returncode == 1 and "is rules.nft loaded?" in done.stderr and "0 marked, 3 refused" in done.stderr


def test_what_is_printed():
    flow = FLOW | {"orig_h": "10.9.0.2", "orig_p": 40000, "resp_h": "10.9.1.2", "resp_p": 5004}
    labels = [flow, flow | {"final": False}, flow | {"label": "unknown"}, flow | {"confidence": 0.59}, flow | {"confidence": float("nan")},
              flow | {"proto": "icmp"}, flow | {"orig_p": 70000}, flow | {"orig_h": "10.9.0.2; flush ruleset"}, "no json", "[]"]
    done = marks("--print", labels=labels)
    assert done.returncode == 0
    assert done.stdout == ("add element inet flow_qos flows4 { 10.9.0.2 . 10.9.1.2 . udp . 40000 . 5004 : goto to_real_time, "
                           "10.9.1.2 . 10.9.0.2 . udp . 5004 . 40000 : goto to_real_time }\n")
    assert done.stderr == "marks.py: 1 marked, 2 neither TCP nor UDP, 3 no label record, 2 not sure enough, 1 of no class, 1 provisional\n"


def test_rules_know_each_class():
    rules = (QOS / "rules.nft").read_text()
    for name in ("background", "bulk", "interactive", "real-time", "signalling", "streaming"):
        assert f"chain to_{name.replace('-', '_')} " in rules


def test_no_nft():
    done = marks("--nft", "/nowhere/nft", labels=[FLOW | {"orig_h": "10.9.0.2", "orig_p": 1, "resp_h": "10.9.1.2", "resp_p": 2}])
    assert (done.returncode, done.stderr) == (1, "marks.py: /nowhere/nft is not there: install nftables, or name it with --nft\n")
