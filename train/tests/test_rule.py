"""The cascade's rule, followed offline, on made-up flows."""

from dataclasses import replace

import numpy as np
import pandas as pd

from train import rule
from train.rule import IDLE, UNKNOWN, Hold, Rule
from train.timeline import Timeline

NAMES = ["a", "b"]


def flows(*at, over=(), y=(), capture=()) -> Timeline:
    """Flows whose packets come at these milliseconds, with one feature."""
    depth, n = 3, len(at)
    times = np.array([[*a, *[np.nan] * (depth - len(a))] for a in at], dtype=float)
    X = [pd.DataFrame({"proto": np.arange(n, dtype=np.float32)}) for _ in range(depth)]
    return Timeline(X, times, np.array([len(a) for a in at]), np.array([i in over for i in range(n)]),
                    np.array(list(y) or [""] * n, dtype=object), np.array(list(capture) or range(n), dtype=object), np.array([str(i) for i in range(n)], dtype=object))


def says(*of_b) -> np.ndarray:
    """Probabilities of a and b, by that of b."""
    return np.array([[1 - p, p] for p in of_b])


FIRST, LAST = Rule(1, "margin", 0.2), Rule(3, "margin", 1.0)


def decided(t: Timeline, rules, p, more=None, lateness=100.0):
    return rule.decide(rule.walk(t, rules, p, NAMES, lateness), rules, {} if more is None else {(0, 1): more}, NAMES)


def test_rule_waits_as_long_as_its_patience():
    t = flows([0], [0], [0, 50], [0, 50, 60], [0, 20, 30], over=[1])
    p = [[says(0.95, 0.6, 0.6, 0.6, 0.6)], [says(0, 0.1, 0.1, 0.1, 0.1), says(0, 0, 0.2, 0.2, 0.9), says(0, 0, 0, 0.9, 0.9)]]
    out = decided(t, [FIRST, LAST], p)
    assert list(out.reason) == ["confident", "flow_end", "timeout", "last_stage", "last_stage"]
    assert list(out.wait) == [0, 0, 50 + IDLE + 100, 60, 30] and list(out.answer) == [1, 0, 0, 1, 1]
    brief = replace(FIRST, patience=(Hold(40, ("b",), 1), Hold(16, ("a",))))
    out = decided(t, [brief, LAST], p)  # packet 2 of the flow at 3 comes too late: it is asked with one
    assert list(out.reason) == ["confident", "flow_end", "timeout", "timeout", "last_stage"]
    assert list(out.wait) == [0, 0, 140, 140, 30] and out.answer[3] == 0


def test_rule_answers_where_no_packet_is_expected():
    t = flows([0], [0, 5, 6], [0], over=[2])
    p = [[says(0.6, 0.6, 0.6)], [says(0.1, 0.1, 0.1), says(0, 0, 0), says(0, 0.9, 0)]]
    more = np.array([0.3, 0.7, 0.1])
    out = decided(t, [replace(FIRST, below=0.5), LAST], p, more)
    assert list(out.reason) == ["no_more", "last_stage", "flow_end"] and list(out.wait) == [0, 6, 0] and list(out.answer) == [1, 1, 0]
    assert list(decided(t, [FIRST, LAST], p, more).reason) == ["timeout", "last_stage", "flow_end"]


def test_rule_has_thresholds_by_class():
    t, p = flows([0, 1, 2], [0, 1, 2]), [[says(0.6, 0.4)], [says(0.9, 0.9)] * 3]
    out = decided(t, [replace(FIRST, thresholds={"b": 0.9}), LAST], p)
    assert list(out.reason) == ["confident", "last_stage"]


def test_first_rule_of_patience_that_matches():
    r = replace(FIRST, patience=(Hold(16, ("a",), 2), Hold(500, (), 2), Hold(32, ("b",))))
    assert list(r.hold(NAMES, 2)) == [16, 500] and list(r.hold(NAMES, 3)) == [IDLE, 32]
    assert list(replace(FIRST, patience=(Hold(16, (), 1),)).hold(NAMES, 2)) == [IDLE, IDLE]
    assert r.said() == "a with 2 packets 16 ms; others with 2 packets 500 ms; b 32 ms"


def test_rule_asks_a_stage_again():
    t = flows([0, 4, 8], [0, 4, 8], [0, 4], [0], over=[3])
    deep = Rule(1, "margin", 0.2, deepest=2)
    p = [[says(0.6, 0.6, 0.6, 0.6), says(0.95, 0.6, 0.6, 0.6)], [says(*[0.1] * 4)] * 3]
    looks = rule.walk(t, [deep, LAST], p, NAMES, 100)
    assert [look.key for look in looks] == [(0, 1), (0, 2), (1, 3)] and list(looks[1].asked) == [True, True, True, False]
    assert list(looks[1].waits[:3]) == [True, True, True] and not looks[0].waits[3]
    out = rule.decide(looks, [deep, LAST], {}, NAMES)
    assert list(out.reason) == ["confident", "last_stage", "timeout", "flow_end"] and list(out.look) == [1, 2, 2, 2]
    assert list(out.wait) == [4, 8, 4 + IDLE + 100, 0] and list(out.answer) == [1, 0, 0, 0]
    # No packet is expected after the second: that look's own probability counts.
    out = rule.decide(looks, [replace(deep, below=0.5), LAST], {(0, 1): np.full(4, 0.9), (0, 2): np.full(4, 0.1)}, NAMES)
    assert list(out.reason) == ["confident", "no_more", "no_more", "flow_end"]


def test_rule_knows_the_background():
    t = flows([0], [0, 4, 8], [0, 4, 8])
    p = [[says(0.99, 0.4, 0.2)], [says(0.1, 0.1, 0.9)] * 3]
    rules = [replace(FIRST, above=0.3), LAST]
    out = rule.decide(rule.walk(t, rules, p, NAMES, 100, "b"), rules, {}, NAMES, "b")
    assert list(out.reason) == ["novel", "novel", "novel"] and list(out.answer) == [UNKNOWN] * 3
    assert list(out.look) == [0, 0, 1] and list(out.wait) == [0, 0, 8]


def test_a_stage_unsure_of_the_background_asks_the_next():
    t = flows([0, 4, 8], [0, 4, 8], [0, 4, 8])
    p = [[says(0.6, 0.6, 0.99)], [says(0.1, 0.9, 0.1)] * 3]
    looks = rule.walk(t, [FIRST, LAST], p, NAMES, 100, "b")
    out = rule.decide(looks, [FIRST, LAST], {}, NAMES, "b")
    assert list(out.answer) == [0, UNKNOWN, UNKNOWN] and list(out.reason) == ["last_stage", "novel", "novel"] and list(out.look) == [1, 1, 0]
    # Where no packet is expected, its answer stands.
    waits = [replace(FIRST, below=0.5), LAST]
    out = rule.decide(looks, waits, {(0, 1): np.array([0.1, 0.9, 0.9])}, NAMES, "b")
    assert list(out.answer) == [UNKNOWN] * 3 and list(out.reason) == ["novel"] * 3 and list(out.look) == [0, 1, 0]


def test_flows_without_a_label_are_no_background():
    assert rule.background_at(["a", "b"], "b") == 1 and rule.background_at(["a", "b"], "") not in (-1, UNKNOWN, 0, 1)
