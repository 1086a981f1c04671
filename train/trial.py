"""What rules give, on flows whose looks and labels are known."""

from dataclasses import dataclass

import numpy as np

from .rule import UNKNOWN, Look, Rule, background_at, final_at, said
from .thresholds import quality

SOON = 16.0  # ms
FOUND = 0.3  # what a point of the background that is called unknown counts against a point of flows that are answered soon


@dataclass
class Quality:
    """What rules give: the share of all flows that is answered within SOON, accuracy and macro-F1 of those with a label,
    and the share of the background that is called unknown."""

    soon: float
    accuracy: float
    macro_f1: float
    found: float = 0.0

    def worth(self, price: float) -> float:
        """In shares of flows that are answered soon. price: of macro-F1 and accuracy."""
        return self.soon + price * (self.macro_f1 + self.accuracy) / 2 + FOUND * self.found


@dataclass
class Trial:
    """Flows whose looks and labels are known, to try rules on.

    y: class indices, -1 if not known. more: P(another packet) by a look's key. alone: what the last stage says if it is asked
    alone, class indices or UNKNOWN. fold: flows of a capture are in the same.
    """

    looks: list[Look]
    y: np.ndarray
    more: dict[tuple[int, int], np.ndarray]
    alone: np.ndarray
    fold: np.ndarray
    names: list[str]
    background: str = ""

    def rows(self, chosen: np.ndarray) -> "Trial":
        """The flows where this mask is true."""
        return Trial([look.rows(chosen) for look in self.looks], self.y[chosen], {key: p[chosen] for key, p in self.more.items()},
                     self.alone[chosen], self.fold[chosen], self.names, self.background)

    def finals(self, rules: list[Rule], stage: int) -> list[np.ndarray]:
        """For each look of a stage the answers that are final there: class indices, UNKNOWN, or -1 for none."""
        found = []
        for place, look in enumerate(self.looks):
            if look.stage == stage:
                why = final_at(look, rules[stage], self.more.get(look.key), self.names, self.background, place + 1 == len(self.looks))
                final = np.full(len(self.y), -1)
                for reason in reversed(why):  # the first holds
                    here = why[reason] & look.asked
                    final[here] = said(look, reason, self.names, self.background)[here]
                found.append(final)
        return found

    def quality(self, finals: list[np.ndarray]) -> Quality:
        """finals: of all looks, in their order."""
        answer, soon = np.full(len(self.y), -1), np.zeros(len(self.y), dtype=bool)
        for look, final in zip(reversed(self.looks), reversed(finals)):
            here = final != -1
            answer[here], soon[here] = final[here], look.wait[here] < SOON
        return self.scored(answer, soon)

    def of(self, rules: list[Rule]) -> Quality:
        """What the rules give."""
        return self.quality([f for i in range(len(rules)) for f in self.finals(rules, i)])

    def scored(self, answer: np.ndarray, soon: np.ndarray) -> Quality:
        strange = self.y == background_at(self.names, self.background)
        known = (self.y >= 0) & ~strange
        # Unknown is wrong for a labelled flow, and no class: a class more holds it.
        said = np.where(answer[known] == UNKNOWN, len(self.names), answer[known])
        found = float((answer[strange] == UNKNOWN).mean()) if strange.any() else 0.0
        return Quality(float(soon.mean()), *quality(said, self.y[known], len(self.names) + 1), found)

    def loss(self, rules: list[Rule]) -> np.ndarray:
        """Accuracy and macro-F1 that the rules lose against the last stage alone."""
        least, got = self.scored(self.alone, np.zeros(len(self.y), dtype=bool)), self.of(rules)
        return np.array([least.accuracy - got.accuracy, least.macro_f1 - got.macro_f1])
