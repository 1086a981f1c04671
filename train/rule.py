"""The rule by which the cascade decides, for flows whose packets and answers are known.

It follows cascade/decider.go, so that thresholds, hazards and patience can be judged offline.
"""

from dataclasses import dataclass, field

import numpy as np

from .thresholds import uncertainty
from .timeline import Timeline

IDLE = 2000.0  # ms: SERVEFLOW_FLOW_IDLE, where no patience is given


@dataclass(frozen=True)
class Hold:
    """How long a flow waits for its next packet: one whose answer is in classes (none: any) and that has so many packets (0: any)."""

    ms: float
    classes: tuple[str, ...] = ()
    packets: int = 0


@dataclass(frozen=True)
class Rule:
    """When one stage is sure, and how long its answer stands while the flow waits for the next stage."""

    depth: int
    measure: str
    threshold: float
    below: float = 0.0  # answer at once where P(another packet) is less
    patience: tuple[Hold, ...] = ()
    thresholds: dict[str, float] = field(default_factory=dict)  # by the class that is ahead

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
class Step:
    """What a stage says of each flow, if no earlier one is sure: class index, uncertainty, when (ms from the
    first packet), why that early ("" if it has its packets), and whether the flow would then wait for the next stage."""

    answer: np.ndarray
    doubt: np.ndarray
    wait: np.ndarray
    cut: np.ndarray
    waits: np.ndarray


@dataclass
class Outcome:
    """What became of each flow: class index, ms from its first packet to the answer, stage that gave it, why."""

    answer: np.ndarray
    wait: np.ndarray
    stage: np.ndarray
    reason: np.ndarray

    def rows(self, chosen: np.ndarray) -> "Outcome":
        return Outcome(self.answer[chosen], self.wait[chosen], self.stage[chosen], self.reason[chosen])


def walk(flows: Timeline, rules: list[Rule], p: list[list[np.ndarray]], names: list[str], lateness: float) -> list[Step]:
    """Takes every flow through all stages. Only the rules' depths, measures and patience matter.

    p[stage][m-1]: calibrated probabilities with m packets. lateness: ms that a timeout
    takes beyond the patience, because records may be out of order.
    """
    n = len(flows)
    m, wait, answer = np.ones(n, dtype=int), np.zeros(n), np.zeros(n, dtype=int)
    cut = np.where(flows.over & (flows.packets == 1), "flow_end", "").astype(object)
    steps = []
    for i, rule in enumerate(rules):
        for k in range(1, rule.depth):
            here = (cut == "") & (m == k)
            hold = rules[i - 1].hold(names, k)[answer] if i else np.full(n, IDLE)
            comes = here & (flows.gap(k) <= hold)
            late = here & ~comes
            wait[late], cut[late] = flows.at[late, k - 1] + hold[late] + lateness, "timeout"
            m[comes], wait[comes] = k + 1, flows.at[comes, k]
            cut[comes & flows.over & (flows.packets == k + 1)] = "flow_end"
        q = np.stack(p[i])[np.minimum(m, rule.depth) - 1, np.arange(n)]
        answer = q.argmax(axis=1)
        waits = (cut == "") & (m < rules[i + 1].depth) if i + 1 < len(rules) else np.zeros(n, dtype=bool)
        steps.append(Step(answer, uncertainty(q, rule.measure), wait.copy(), np.where(m < rule.depth, cut, ""), waits))
    return steps


def decide(steps: list[Step], rules: list[Rule], more: list[np.ndarray | None], names: list[str]) -> Outcome:
    """The first answer that is sure, or that stands where no packet is expected; else the last stage's.

    more[stage]: P(another packet) at the stage's depth, or None.
    """
    last = len(rules) - 1
    out = Outcome(steps[last].answer.copy(), steps[last].wait.copy(), np.full(len(steps[last].answer), last), np.full(len(steps[last].answer), "last_stage", dtype=object))
    for i in reversed(range(last)):
        sure = steps[i].doubt <= rules[i].bound(names)[steps[i].answer]
        no_more = ~sure & steps[i].waits & (more[i] < rules[i].below) if more[i] is not None else np.zeros_like(sure)
        here = sure | no_more
        out.answer[here], out.wait[here], out.stage[here] = steps[i].answer[here], steps[i].wait[here], i
        out.reason[sure], out.reason[no_more] = "confident", "no_more"
    cut = np.stack([s.cut for s in steps])[out.stage, np.arange(len(out.stage))]
    out.reason = np.where(cut != "", cut, out.reason)
    return out
