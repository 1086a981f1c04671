"""When a stage is sure, and when it expects no packet: the bounds of all stages, chosen together."""

import sys
from dataclasses import dataclass, replace

import numpy as np

from .rule import UNKNOWN, Look, Rule, background_at, final_at, said
from .thresholds import quality

SOON = 16.0  # ms
BELOW = (0.0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)  # bounds of P(another packet) that are tried
SHARES = np.arange(0.025, 0.99, 0.025)  # thresholds tried: at these shares of the flows that a stage is asked about
PRICES = 2.0 ** np.arange(1, 9)  # of a point of macro-F1, in points of flows that are answered soon
FOUND = 0.3  # what a point of the background that is called unknown counts against a point of flows that are answered soon
FEW = 100  # flows of which a class is ahead; with fewer it has no threshold of its own
PASSES = 2


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


def choose(trial: Trial, rules: list[Rule], slack: float) -> list[Rule]:
    """The rules with which most flows, labelled or not, are answered within SOON, while accuracy and
    macro-F1 of the labelled stay within slack of the last stage's alone.

    trial: flows that none of the models was fitted on. The price of quality goes up until that is kept where the rules
    were not chosen: those of some captures on the others; and so with thresholds by class, which are taken
    if more is answered within SOON there. Where it never is, no answer that is
    not certain goes out early; and where that loses more too, because hardly any flow is certain, the rules are those that lose least.
    """
    parts, prices, kept, lost = apart(trial.fold), [float(price) for price in PRICES], [], []
    for by_class in (False, True):
        for price in prices:
            loss, soon = elsewhere(trial, parts, rules, price, by_class)
            lost.append((loss, price, by_class))
            if loss <= slack:
                kept.append((soon, price, by_class))
                prices = prices[prices.index(price):]  # with more to choose, rules hold at no lower price
                break
    if kept:
        return ascend(trial, rules, *max(kept)[1:])
    careful = [*(replace(r, threshold=0.0, thresholds={}, below=0.0) for r in rules[:-1]), rules[-1]]
    if trial.loss(careful).max() <= slack:
        return careful
    least = min(lost)
    print(f"no bounds lose at most {slack:g} of accuracy and macro-F1 where they were not chosen; those that lose least there, {least[0]:.4f}, are taken",
          file=sys.stderr, flush=True)
    return ascend(trial, rules, *least[1:])


def apart(fold: np.ndarray) -> list[np.ndarray]:
    """Which flows rules are tried on, by turns, when they are chosen on the others: two folds of five, or one of fewer."""
    of = np.unique(fold)
    if len(of) < 2:
        return []
    return [np.isin(fold, np.roll(of, -i)[:2 if len(of) > 3 else 1]) for i in range(len(of))]


def elsewhere(trial: Trial, parts: list[np.ndarray], rules: list[Rule], price: float, by_class: bool) -> tuple[float, float]:
    """What is lost, accuracy or macro-F1, and the share that is answered within SOON, where the rules were not chosen."""
    got = []
    for here, there in [(trial.rows(~p), trial.rows(p)) for p in parts] or [(trial, trial)]:
        chosen = ascend(here, rules, price, by_class)
        got.append([*there.loss(chosen), there.of(chosen).soon])
    accuracy, macro_f1, soon = np.mean(got, axis=0)
    return float(max(accuracy, macro_f1)), float(soon)


def ascend(trial: Trial, rules: list[Rule], price: float, by_class: bool) -> list[Rule]:
    """Changes one bound after the other, as long as that is worth it."""
    finals = [trial.finals(rules, i) for i in range(len(rules))]

    def worth(stage: int, tried: Rule) -> tuple[float, list[np.ndarray]]:
        mine = trial.finals([*rules[:stage], tried, *rules[stage + 1:]], stage)
        got = trial.quality([f for i, each in enumerate(finals) for f in (mine if i == stage else each)])
        return got.worth(price), mine

    for _ in range(PASSES):
        for stage in range(len(rules) - 1):
            best, finals[stage] = worth(stage, rules[stage])
            for tried in candidates(trial, rules, stage, by_class):
                rule = replace(rules[stage], **tried(rules[stage]))
                value, mine = worth(stage, rule)
                if value > best + 1e-9:
                    best, finals[stage], rules = value, mine, [*rules[:stage], rule, *rules[stage + 1:]]
    return rules


def candidates(trial: Trial, rules: list[Rule], stage: int, by_class: bool):
    """Changes of a stage's rule: its threshold, its bound of P(another packet), and then the thresholds of classes."""
    looks = [look for look in trial.looks if look.stage == stage]
    doubt = np.concatenate([look.doubt[look.asked] for look in looks])
    ahead = np.concatenate([look.answer[look.asked] for look in looks])
    for t in [0.0, *np.quantile(doubt, SHARES)]:
        yield lambda r, t=float(t): {"threshold": t, "thresholds": {}}
    for below in BELOW if any(look.key in trial.more for look in looks) else ():
        yield lambda r, b=below: {"below": b}
    for c, name in enumerate(trial.names if by_class else ()):
        if (ahead == c).sum() >= FEW:
            for t in [0.0, *np.quantile(doubt[ahead == c], SHARES[3::4]), 1.0]:
                yield lambda r, n=name, t=float(t): {"thresholds": {**r.thresholds, n: t}}
