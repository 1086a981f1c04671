"""What a data engineer would write in Python: a bundle's cascade from Kafka to Kafka, with confluent-kafka, orjson, LightGBM and ONNX Runtime.

The flows that became ready in a poll are asked about together, stage by stage. It labels as serveflow does, and leaves out what a
service has to have besides: a low watermark, dead letters, restarts, memory limits, metrics. It ends when nothing has come for a while.
"""

import base64
import heapq
import json
import resource
import sys
import time
from pathlib import Path

import lightgbm as lgb
import numpy as np
import onnxruntime
import orjson
from confluent_kafka import Consumer, Producer

from features import Extractor, parse

IDLE, LATENESS, POLL = 2_000_000, 200_000, 10_000  # microseconds; records
PROTO = {"tcp": 6, "udp": 17}


class Flow:
    """A flow and how far it is. packets: parsed, those that count. cause: why there will be no more, None while there may be."""

    __slots__ = ("uid", "sensor", "record", "proto", "port", "packets", "over", "fin", "stage", "seen", "asked", "cause", "limit", "answer", "best", "doubt", "by", "patience", "done")

    def __init__(self, uid, sensor, record):
        self.uid, self.sensor, self.record = uid, sensor, record
        self.proto, self.port = PROTO.get(record["proto"], 0), record["id.resp_p"]
        self.packets, self.over, self.fin = [], None, 0
        self.stage = self.seen = self.asked = self.limit = self.patience = 0
        self.cause = self.answer = None
        self.best, self.doubt, self.by, self.done = -1, 1.0, -1, False


class Stage:
    def __init__(self, folder: Path, spec: dict, classes: list[str]):
        self.name, self.depth, self.deepest = spec["name"], spec["depth"], max(spec["depth"], spec.get("max_depth", 0))
        self.temperature, self.extract = spec["temperature"], Extractor(spec["features"])
        own = spec.get("thresholds", {})
        self.threshold = np.array([own.get(c, spec["threshold"]) for c in classes])
        self.holds = [(h.get("packets", 0), {classes.index(c) for c in h.get("classes", [])}, int(h["ms"] * 1000)) for h in spec.get("patience", [])]
        self.score = trees(folder / spec["file"]) if spec["engine"] == "leaves" else graph(folder / spec["file"], spec)
        self.below = 0
        if hazard := spec.get("hazard"):
            self.below, self.more = hazard["below"], trees(folder / hazard["file"])
            names = hazard["features"]
            self.flow_columns = [i for i, n in enumerate(names) if not n.startswith("answer_")]
            self.hazard_extract = Extractor([names[i] for i in self.flow_columns])
            self.answer_columns, self.answer_names = [i for i, n in enumerate(names) if n.startswith("answer_")], [n for n in names if n.startswith("answer_")]

    def predict(self, rows: list) -> np.ndarray:
        z = self.score(np.array(rows, dtype=np.float32)) / self.temperature
        z = np.exp(z - z.max(axis=1, keepdims=True))
        return z / z.sum(axis=1, keepdims=True)

    def another(self, flows: list, counts: list, p: np.ndarray) -> np.ndarray:
        """P(another packet) of each flow."""
        top = -np.sort(-p, axis=1)
        order = np.argsort(-p, axis=1, kind="stable")
        answer = {"answer_margin": top[:, 0] - top[:, 1], "answer_first": order[:, 0], "answer_second": order[:, 1],
                  "answer_entropy": np.minimum(1, -(p * np.log(np.maximum(p, 1e-300))).sum(axis=1) / np.log(p.shape[1])),
                  **{f"answer_p{i + 1}": top[:, i] for i in range(5)}}
        rows = np.empty((len(flows), len(self.flow_columns) + len(self.answer_columns)), dtype=np.float32)
        rows[:, self.flow_columns] = np.array([self.hazard_extract(f, n) for f, n in zip(flows, counts)], dtype=np.float32)
        for column, name in zip(self.answer_columns, self.answer_names):
            rows[:, column] = answer[name]
        return 1 / (1 + np.exp(-self.more(rows)))

    def hold(self, best: int, packets: int) -> int:
        for wanted, classes, wait in self.holds:
            if wanted in (0, packets) and (not classes or best in classes):
                return wait
        return 0


def trees(file: Path):
    model = lgb.Booster(model_file=str(file))
    return lambda X: model.predict(X, raw_score=True, num_threads=1)


def graph(file: Path, spec: dict):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    return lambda X: session.run([spec["output_name"]], {spec["input"]: X})[0].astype(np.float64)


class Cascade:
    def __init__(self, folder: Path, emit):
        manifest = json.loads((folder / "manifest.json").read_text())
        self.task, self.classes, self.emit = manifest["task"], manifest["classes"], emit
        self.stages = [Stage(folder, s, self.classes) for s in manifest["stages"]]
        self.depth = max(s.deepest for s in self.stages)
        novelty = manifest["stages"][0].get("novelty")
        self.other = self.classes.index(novelty["class"]) if novelty else -1

    def decide(self, flows: list) -> list:
        """Takes flows as far as their packets go. Those that wait for more are given back."""
        waiting, ready = [], [f for f in flows if not f.done]
        while ready:
            asks, nexts = [[] for _ in self.stages], []
            for f in ready:
                if f.proto == 0:
                    self.final(f, self.stages[0], "unsupported")
                elif (what := self.look(f)) == "wait":
                    waiting.append(f)
                elif what == "ask":
                    asks[f.stage].append(f)
                elif f.stage + 1 == len(self.stages):
                    self.final(f, self.stages[f.stage], "last_stage")
                else:
                    f.stage += 1
                    nexts.append(f)
            for place, asked in enumerate(asks):
                if asked:
                    nexts += self.ask(place, asked)
            ready = nexts
        return waiting

    def look(self, f: Flow) -> str:
        s = self.stages[f.stage]
        again = f.by == f.stage
        wants = f.seen + 1 if again else s.depth
        reach = len(f.packets)
        while f.cause is None and f.seen < min(wants, reach):
            if f.by >= 0 and f.seen > 0:
                hold = self.stages[f.by].hold(f.best, f.seen)
                if hold and f.packets[f.seen].ts - f.packets[f.seen - 1].ts > hold:
                    f.cause, f.limit = "timeout", f.seen
                    break
            f.seen += 1
        if f.cause is None and f.seen < wants:
            f.patience = self.stages[f.by].hold(f.best, f.seen) if f.by >= 0 else 0
            if f.over is None:
                return "wait"
            f.cause, f.limit = f.over, reach
        if f.cause is not None:
            f.limit = min(f.limit, reach, self.depth)
        n = min(s.deepest, f.limit) if f.cause is not None else min(s.deepest, max(s.depth, f.seen))
        if again and n <= f.asked:
            return "pass"
        f.asked = n
        return "ask"

    def ask(self, place: int, flows: list) -> list:
        """The stage's answers; flows that go on are given back."""
        s, last = self.stages[place], place + 1 == len(self.stages)
        p = s.predict([s.extract(f, f.asked) for f in flows])
        best = p.argmax(axis=1)
        two = -np.partition(-p, 1, axis=1)
        doubt = np.clip(1 - (two[:, 0] - two[:, 1]), 0, 1)
        sure = doubt <= s.threshold[best]
        on, unsure = [], []
        for i, f in enumerate(flows):
            f.answer, f.best, f.doubt, f.by = p[i], int(best[i]), float(doubt[i]), place
            again = f.cause is None and f.asked < s.deepest and (last or self.stages[place + 1].depth > f.asked)
            if last and not again:
                self.final(f, s, "last_stage")
            elif sure[i]:
                self.final(f, s, "confident")
            else:
                waits = f.cause is None and (again or not last and self.stages[place + 1].depth > f.asked)
                torn = f.over == "flow_end" and len(f.packets) <= f.asked
                if s.below and waits and not torn:
                    unsure.append((f, again, i))
                else:
                    on.append((f, again))
        if unsure:
            more = s.another([f for f, _, _ in unsure], [f.asked for f, _, _ in unsure], p[[i for _, _, i in unsure]])
            for (f, again, _), q in zip(unsure, more):
                if q < s.below:
                    self.final(f, s, "no_more")
                else:
                    on.append((f, again))
        for f, again in on:
            if not again:
                f.stage += 1
        return [f for f, _ in on]

    def final(self, f: Flow, s: Stage, reason: str) -> None:
        f.done = True
        if reason in ("confident", "last_stage") and f.cause is not None:
            reason = f.cause
        unknown = reason == "unsupported" or f.best == self.other
        if unknown and reason != "unsupported":
            reason = "novel"
        seen = f.packets[:f.asked]
        r = f.record
        top = [] if f.answer is None else [{"label": self.classes[c], "p": round(float(f.answer[c]), 6)} for c in np.argsort(-f.answer, kind="stable")[:4] if c != self.other][:3]
        confidence = 0 if f.answer is None else round(float(f.answer[f.best]), 6)
        self.emit(f.uid, {
            "schema": "serveflow.label/1", "uid": f.uid, "orig_h": r["id.orig_h"], "orig_p": r["id.orig_p"], "resp_h": r["id.resp_h"], "resp_p": r["id.resp_p"],
            "proto": r["proto"], "sensor": f.sensor, "task": self.task, "label": "unknown" if unknown else self.classes[f.best], "confidence": confidence, "top": top,
            "final": True, "seq": len(self.stages), "stage": "" if f.answer is None else s.name, "uncertainty": round(f.doubt, 6), "packets": len(seen), "reason": reason,
            "ts_first": f.packets[0].ts / 1e6, "ts_packet": (seen or f.packets)[-1].ts / 1e6, "ts_label": time.time(),
        })


class Service:
    def __init__(self, servers: str, records: str, labels: str, bundle: Path):
        self.consumer = Consumer({"bootstrap.servers": servers, "group.id": "python", "auto.offset.reset": "earliest", "enable.auto.commit": False, "fetch.min.bytes": 1 << 16,
                                  "queued.max.messages.kbytes": 1 << 16})
        self.producer = Producer({"bootstrap.servers": servers, "partitioner": "murmur2_random", "acks": "all", "compression.type": "lz4", "linger.ms": 5,
                                  "queue.buffering.max.messages": 1_000_000})
        self.consumer.subscribe([records])
        self.topic, self.labels, self.records = labels, 0, 0
        self.cascade = Cascade(bundle, self.emit)
        self.flows, self.finished, self.clocks, self.timers, self.count = {}, set(), {}, {}, 0

    def emit(self, uid: str, label: dict) -> None:
        while True:
            try:
                self.producer.produce(self.topic, orjson.dumps(label), uid)
                break
            except BufferError:
                self.producer.poll(0.1)
        self.labels += 1
        self.flows.pop(uid, None)
        self.finished.add(uid)

    def run(self, quiet: float) -> None:
        last = committed = time.monotonic()
        while time.monotonic() - last < quiet or not self.records:
            batch = self.consumer.consume(POLL, 0.5)
            if batch:
                self.take(batch)
                last = time.monotonic()
            self.producer.poll(0)
            if time.monotonic() - committed > 0.5 and self.records:
                self.consumer.commit(asynchronous=True)
                committed = time.monotonic()
        self.close([f for f in self.flows.values()])
        self.producer.flush()
        self.consumer.close()

    def take(self, batch: list) -> None:
        touched = {}
        for message in batch:
            if message.error() or message.value() is None:
                continue
            r = orjson.loads(message.value())
            self.records += 1
            if r["ev"] != "pkt":
                continue
            uid = r["uid"]
            if uid in self.finished:
                continue
            ts, sensor = round(r["ts"] * 1e6), r.get("sensor", "")
            key = (message.partition(), sensor)
            self.clocks[key] = max(self.clocks.get(key, 0), ts)
            f = self.flows.get(uid)
            if f is None:
                f = self.flows[uid] = Flow(uid, sensor, r)
            if f.over is None:
                self.add(f, r, ts)
                touched[uid] = (f, key)
        keys = {f.uid: key for f, key in touched.values()}
        for f in self.cascade.decide([f for f, _ in touched.values()]):
            self.wait(f, keys[f.uid])
        self.expire()

    def add(self, f: Flow, r: dict, ts: int) -> None:
        if f.packets and ts > f.packets[-1].ts + IDLE:
            f.over = "timeout"
            return
        if len(f.packets) == self.cascade.depth:
            return
        orig, resp = (r["id.orig_h"], r["id.orig_p"]), (r["id.resp_h"], r["id.resp_p"])
        turned = orig != resp and orig == (f.record["id.resp_h"], f.record["id.resp_p"])
        packet = parse(base64.b64decode(r.get("hdr", "")), r, ts, r["is_orig"] != turned)
        f.packets.append(packet)
        if f.proto == 6 and packet.tcp_flags >= 0:
            if packet.tcp_flags & 1:
                f.fin |= 1 if packet.dir else 2
            if packet.tcp_flags & 4 or f.fin == 3:
                f.over = "flow_end"

    def wait(self, f: Flow, key: tuple) -> None:
        self.count += 1
        until = f.packets[-1].ts + (f.patience or IDLE)
        heapq.heappush(self.timers.setdefault(key, []), (until, self.count, f, len(f.packets)))

    def expire(self) -> None:
        due = []
        for key, heap in self.timers.items():
            now = self.clocks[key] - LATENESS
            while heap and heap[0][0] < now:
                _, _, f, packets = heapq.heappop(heap)
                if not f.done and len(f.packets) == packets:
                    due.append(f)
        self.close(due)

    def close(self, flows: list) -> None:
        for f in flows:
            if f.cause is None:
                f.cause, f.limit = "timeout", len(f.packets)
        self.cascade.decide(flows)


def main() -> None:
    servers, records, labels, bundle, quiet = sys.argv[1:]
    service = Service(servers, records, labels, Path(bundle))
    service.run(float(quiet))
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({"records": service.records, "labels": service.labels, "cpu_s": used.ru_utime + used.ru_stime, "memory_kib": used.ru_maxrss}))


if __name__ == "__main__":
    main()
