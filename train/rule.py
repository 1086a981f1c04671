"""The rule by which the cascade decides, for flows whose packets and answers are known.

It follows cascade/decider.go, so that thresholds, hazards and patience can be judged offline.
"""

from dataclasses import dataclass, field

import numpy as np

from .thresholds import uncertainty
from .timeline import Timeline

IDLE = 2000.0  # ms: SERVEFLOW_FLOW_IDLE, where no patience is given
UNKNOWN = -2  # in place of a class index: like no class


def background_at(names: list[str], background: str) -> int:
    """The background's class index; without one an index that no flow has, not even one without a label."""
    return names.index(background) if background else len(names)


@dataclass(frozen=True)
class Hold:
    """How long a flow waits for its next packet: one whose answer is in classes (none: any) and that has so many packets (0: any)."""

    ms: float
    classes: tuple[str, ...] = ()
    packets: int = 0


@dataclass(frozen=True)
class Rule:
    """When one stage is sure, and how long its answer stands while the flow waits for more.

    depth, deepest: packets that it is asked with first and at most. below: the answer goes out where P(another packet) is
    less. above: the flow is unknown where the background is more probable. thresholds: by the class that is ahead; where that
    is the background, the answer unknown is as final as any other.
    """

    depth: int
    measure: str
    threshold: float
    deepest: int = 0
    below: float = 0.0
    above: float = 1.0
    patience: tuple[Hold, ...] = ()
    thresholds: dict[str, float] = field(default_factory=dict)

    @property
    def most(self) -> int:
        return max(self.depth, self.deepest)

    def bound(self, names: list[str]) -> np.ndarray:
        """For each class the uncertainty up to which its answer goes out."""
        return np.array([self.thresholds.get(n, self.threshold) for n in names])

    def hold(self, names: list[str], packets: int) -> np.ndarray:
        """For each class the wait with so many packets, ms: that of the first rule that matches."""
        fits = [[h.ms for h in self.patience if (not h.classes or n in h.classes) and h.packets in (0, packets)] for n in names]
        return np.array([(f or [IDLE])[0] for f in fits])

    def said(self) -> str:
        """The patience in words."""
        return "; ".join(f"{', '.join(h.classes) or 'others'}{f' with {h.packets} packets' if h.packets else ''} {h.ms:.0f} ms" for h in self.patience) or "none"


@dataclass
class Look:
    """What a stage says of each flow when it is asked with so many packets, if nothing before was final.

    asked: whether it is. answer: class index. strange: probability of the background. wait: ms from the first packet. cut: why
    with fewer packets than it wants ("" if it has them). waits: whether the flow would then wait for a packet.
    """

    stage: int
    packets: int
    asked: np.ndarray
    answer: np.ndarray
    doubt: np.ndarray
    strange: np.ndarray
    wait: np.ndarray
    cut: np.ndarray
    waits: np.ndarray

    @property
    def key(self) -> tuple[int, int]:
        return self.stage, self.packets

    def rows(self, chosen: np.ndarray) -> "Look":
        """The same of the flows where this mask is true."""
        columns = (self.asked, self.answer, self.doubt, self.strange, self.wait, self.cut, self.waits)
        return Look(self.stage, self.packets, *(column[chosen] for column in columns))


@dataclass
class Outcome:
    """What became of each flow: class index or UNKNOWN, ms from its first packet to the answer, the look that gave it (its place), why."""

    answer: np.ndarray
    wait: np.ndarray
    look: np.ndarray
    reason: np.ndarray

    def rows(self, chosen: np.ndarray) -> "Outcome":
        return Outcome(self.answer[chosen], self.wait[chosen], self.look[chosen], self.reason[chosen])


@dataclass
class Progress:
    """Where each flow is: its packets so far, when the last came or was given up, and why it is over."""

    flows: Timeline
    packets: np.ndarray
    wait: np.ndarray
    cut: np.ndarray

    def wait_for(self, packets: int, rule: Rule | None, answer: np.ndarray, names: list[str], lateness: float) -> None:
        """Takes the flows that are not over on to so many packets, each step within the patience of the answer that stands."""
        for k in range(1, packets):
            here = (self.cut == "") & (self.packets == k)
            hold = rule.hold(names, k)[answer] if rule else np.full(len(here), IDLE)
            comes = here & (self.flows.gap(k) <= hold)
            late = here & ~comes
            self.wait[late], self.cut[late] = self.flows.at[late, k - 1] + hold[late] + lateness, "timeout"
            self.packets[comes], self.wait[comes] = k + 1, self.flows.at[comes, k]
            self.cut[comes & self.flows.over & (self.flows.packets == k + 1)] = "flow_end"


def walk(flows: Timeline, rules: list[Rule], p: list[list[np.ndarray]], names: list[str], lateness: float, background: str = "") -> list[Look]:
    """Takes every flow through all looks. Only the rules' depths, measures and patience matter.

    p[stage][m-1]: calibrated probabilities with m packets. lateness: ms that a timeout
    takes beyond the patience, because records may be out of order.
    """
    n = len(flows)
    at = Progress(flows, np.ones(n, dtype=int), np.zeros(n), np.where(flows.over & (flows.packets == 1), "flow_end", "").astype(object))
    answer, looks, before = np.zeros(n, dtype=int), [], None
    for i, rule in enumerate(rules):
        last, stacked = i + 1 == len(rules), np.stack(p[i])
        for packets in range(rule.depth, rule.most + 1):
            at.wait_for(packets, before, answer, names, lateness)
            asked = np.ones(n, dtype=bool) if packets == rule.depth else at.packets == packets
            q = stacked[np.minimum(at.packets, packets) - 1, np.arange(n)]
            answer = np.where(asked, q.argmax(axis=1), answer)
            nexts = at.packets if last else rules[i + 1].depth
            more = (packets < rule.most) & (last | (nexts > packets)) | (nexts > at.packets)
            looks.append(Look(i, packets, asked, q.argmax(axis=1), uncertainty(q, rule.measure), q[:, names.index(background)] if background else np.zeros(n),
                              at.wait.copy(), np.where(at.packets < packets, at.cut, ""), (at.cut == "") & more))
            before = rule
    return looks


def decide(looks: list[Look], rules: list[Rule], more: dict[tuple[int, int], np.ndarray], names: list[str], background: str = "") -> Outcome:
    """The first answer that is final: unknown, sure, or standing where no packet is expected; else the last stage's.

    more: P(another packet) at a look, by its key.
    """
    n = len(looks[0].asked)
    out = Outcome(np.zeros(n, dtype=int), np.zeros(n), np.zeros(n, dtype=int), np.full(n, "", dtype=object))
    open_ = np.ones(n, dtype=bool)
    for place, look in enumerate(looks):
        final = final_at(look, rules[look.stage], more.get(look.key), names, background, place + 1 == len(looks))
        for reason, here in final.items():
            here = here & open_ & look.asked
            out.answer[here] = said(look, reason, names, background)[here]
            out.wait[here], out.look[here], out.reason[here] = look.wait[here], place, np.where(out.answer[here] == UNKNOWN, "novel", reason)
            open_ &= ~here
    cut = np.stack([look.cut for look in looks])[out.look, np.arange(n)]
    plain = (cut != "") & ((out.reason == "confident") | (out.reason == "last_stage"))
    out.reason = np.where(plain, cut, out.reason)
    return out


def final_at(look: Look, rule: Rule, more: np.ndarray | None, names: list[str], background: str, last: bool) -> dict[str, np.ndarray]:
    """Which flows' answers would be final at a look, by reason; the first reason holds."""
    found = {"novel": look.strange > rule.above} if background else {}
    if last:
        return found | {"last_stage": np.ones(len(look.answer), dtype=bool)}
    found["confident"] = look.doubt <= rule.bound(names)[look.answer]
    if more is not None and rule.below:
        found["no_more"] = look.waits & (more < rule.below)
    return found


def said(look: Look, reason: str, names: list[str], background: str) -> np.ndarray:
    """The answers that a look gives for a reason: class indices, or UNKNOWN."""
    return np.where((look.answer == background_at(names, background)) | (reason == "novel"), UNKNOWN, look.answer)
