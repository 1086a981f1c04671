"""Tests of what needs no root: python3 -m unittest lab.test_lab, from testdata/."""

import csv
import io
import random
import struct
import subprocess
import unittest
from pathlib import Path

from . import label, pcap, rewrite
from .plan import Plan, Profile

ROOT = Path(__file__).resolve().parents[2]


def tcp_frame(src: str, dst: str, sport: int, dport: int, flags: int, ttl: int = 64, payload: int = 0) -> bytes:
    """An Ethernet frame with an IPv4 and a TCP header and zeros behind."""
    ip = bytearray(struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40 + payload, 1, 0, ttl, 6, 0,
                               rewrite.address(src), rewrite.address(dst)))
    ip[10:12] = struct.pack("!H", rewrite.checksum(bytes(ip)))
    tcp = struct.pack("!HHIIBBHHH", sport, dport, 0, 0, 0x50, flags, 1024, 0, 0)
    return bytes(12) + b"\x08\x00" + bytes(ip) + tcp + bytes(payload)


class Rewrite(unittest.TestCase):
    def test_age_lowers_ttl_and_keeps_the_checksum_valid(self):
        rng = random.Random(1)
        for _ in range(200):
            hops, ttl = rng.randrange(1, 30), rng.choice([1, 64, 128, 255])
            aged = rewrite.age(tcp_frame("192.0.2.1", "192.0.2.2", 1, 2, 2, ttl), hops)
            self.assertEqual(aged[22], max(1, ttl - hops))
            self.assertEqual(rewrite.checksum(aged[14:34]), 0)

    def test_age_leaves_multicast_alone(self):
        frame = b"\x01" + tcp_frame("192.0.2.1", "224.0.0.251", 1, 2, 2)[1:]
        self.assertEqual(rewrite.age(frame, 5), frame)


class Pcap(unittest.TestCase):
    def test_frames_come_back_cut_with_their_true_length(self):
        buffer = io.BytesIO()
        writer = pcap.Writer(buffer, 50)
        writer.write(pcap.Frame(1_700_000_000_123_456, b"a" * 90, 90))
        buffer.seek(0)
        self.assertEqual(list(pcap.read(buffer)), [pcap.Frame(1_700_000_000_123_456, b"a" * 50, 90)])


class Label(unittest.TestCase):
    def plan(self) -> Plan:
        plan = Plan(Profile("t", seed=1, seconds=1, clients=0, scale=1, size=1, net=9), Path("unused"))
        plan.serves("http", "192.0.2.80", "tcp", 80)
        plan.serves("remote_mail_db", "192.0.2.21", "tcp", range(20, 21))
        return plan

    def flow(self, *frames) -> label.Flow:
        found, other = label.flows(pcap.Frame(i, f, len(f)) for i, f in enumerate(frames))
        self.assertEqual((len(found), other), (1, []))
        return found[0]

    def test_both_directions_are_one_flow_without_payload(self):
        flow = self.flow(tcp_frame("10.0.0.1", "192.0.2.80", 999, 80, 2),
                         tcp_frame("192.0.2.80", "10.0.0.1", 80, 999, 18, payload=30))
        self.assertEqual(flow.key, (("10.0.0.1", 999), ("192.0.2.80", 80), "tcp"))
        self.assertEqual([len(f.data) for f, _ in flow.frames], [54, 54])
        self.assertEqual(label.label_of(flow, self.plan()), "http")

    def test_a_flow_from_a_server_has_its_class_and_a_strange_one_none(self):
        active_ftp = self.flow(tcp_frame("192.0.2.21", "10.0.0.1", 20, 999, 2))
        strange = self.flow(tcp_frame("192.0.2.21", "10.0.0.1", 22, 999, 2))
        self.assertEqual(label.label_of(active_ftp, self.plan()), "remote_mail_db")
        self.assertEqual(label.label_of(strange, self.plan()), "")

    def test_keep_holds_the_beginning_and_the_end(self):
        out = tcp_frame("10.0.0.1", "192.0.2.80", 999, 80, 16)
        flow = self.flow(*[out] * 9, tcp_frame("10.0.0.1", "192.0.2.80", 999, 80, 17))
        self.assertEqual([f.us for f in label.kept(flow, 3)], [0, 1, 2, 9])


class Captures(unittest.TestCase):
    def test_every_label_row_is_a_flow_of_its_capture(self):
        captures = [ROOT / "testdata/captures/lab.pcap.zst", *sorted((ROOT / "train/lab").glob("*.pcap.zst"))]
        for path in captures:
            data = subprocess.run(["zstd", "-dcq", path], capture_output=True, check=True).stdout
            found = {(*f.key[0], *f.key[1], f.key[2], f.first_us) for f in label.flows(pcap.read(io.BytesIO(data)))[0]}
            with open(str(path).replace(".pcap.zst", ".labels.csv")) as rows:
                for r in csv.DictReader(rows):
                    key = (r["orig_h"], int(r["orig_p"]), r["resp_h"], int(r["resp_p"]), r["proto"],
                           int(r["ts_first"].replace(".", "")))
                    self.assertIn(key, found, path.name)


if __name__ == "__main__":
    unittest.main()
