"""realtime_p2p: SIP calls with RTP (sipp), STUN and TURN (coturn)."""

from pathlib import Path

from ..plan import Plan

SCENARIOS = Path(__file__).resolve().parents[1] / "sip"
RTP = range(16000, 19000)


def add(plan: Plan) -> None:
    sip(plan)
    turn(plan)


def sip(plan: Plan) -> None:
    """Calls: the caller plays a short piece of G.711, the called side echoes RTP."""
    servers = []
    for name, place in (("sip1", "near"), ("sip2", "lan")):
        host = plan.host(name, place)
        common = ["-i", host.ip4, "-nostdin", "-trace_err", "-error_file", f"/tmp/{name}.err"]
        plan.daemon(host, "sipp", "-sn", "uas", "-p", 5060, "-mp", RTP[0], "-rtp_echo", *common)
        plan.daemon(host, "sipp", "-sf", SCENARIOS / "answer.xml", "-p", 5070, *common)
        plan.serves("realtime_p2p", host, "udp", 5060, 5070, RTP)
        servers.append(host)

    def caller(rng, client) -> list:
        return ["-i", client.ip4, "-p", rng.choice([5060, *range(20000, 20009)]), "-nostdin", "-timeout", 8]
    plan.visit("sip call", 7, lambda rng, c: [
        "sipp", "-sf", SCENARIOS / "call.xml", "-m", 1, *caller(rng, c), "-mp", rng.randrange(20010, 30000, 2),
        "-s", f"1{rng.randrange(999)}", "-d", rng.randint(300, 1500), f"{rng.choice(servers).ip4}:5060"])
    # A ping by OPTIONS, as phones and trunks send it to keep a path open.
    plan.visit("sip options", 5, lambda rng, c: [
        "sipp", "-sf", SCENARIOS / "options.xml", "-m", rng.randint(1, 3), *caller(rng, c),
        f"{rng.choice(servers).ip4}:5070"])


def turn(plan: Plan) -> None:
    host, folder = plan.host("stun1", "far"), plan.folder("stun1")
    peer = plan.host("peer1", "near")
    plan.daemon(host, "turnserver", "-n", "-L", host.ip4, "-p", 3478, "--user", "bob:hello", "--realm", "lab.test",
                "--lt-cred-mech", "--no-tls", "--no-dtls", "--no-cli", "--min-port", 49200, "--max-port", 49900,
                "--allow-loopback-peers", "--log-file", "stdout", "--pidfile", "/run/turn.pid", "--db", "/tmp/turn.db")
    plan.daemon(peer, "turnutils_peer", "-L", peer.ip4, "-p", 3480)
    plan.serves("realtime_p2p", host, "udp", 3478, range(49200, 49901))
    plan.serves("realtime_p2p", host, "tcp", 3478)
    plan.serves("realtime_p2p", peer, "udp", 3480)
    plan.visit("stun", 8, lambda rng, c: ["turnutils_stunclient", host.ip4])
    # It waits for long when a datagram is lost, so it is ended.
    plan.visit("turn", 3, lambda rng, c: [
        "timeout", "--preserve-status", "-s", "INT", 6, "turnutils_uclient", "-u", "bob", "-w", "hello",
        "-e", peer.ip4, "-n", rng.randint(2, 12),
        "-m", 1, "-l", rng.randint(60, 400), "-z", rng.choice([20, 40]), "-c", *rng.choice([[], ["-t"]]),
        host.ip4])
