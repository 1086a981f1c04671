"""When a stage is sure, and when it expects no packet: the bounds of all stages, chosen together."""

import sys
from dataclasses import dataclass, replace

import numpy as np

from .rule import Rule
from .trial import Trial

BELOW = (0.0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)  # bounds of P(another packet) that are tried
SHARES = np.arange(0.025, 0.99, 0.025)  # thresholds tried: at these shares of the flows that a stage is asked about
PRICES = 2.0 ** np.arange(1, 9)  # of a point of macro-F1, in points of flows that are answered soon
FEW = 100  # flows of which a class is ahead; with fewer it has no threshold of its own
PASSES = 2


def choose(trial: Trial, rules: list[Rule], slack: float) -> list[Rule]:
    """The rules with which most flows, labelled or not, are answered within SOON, while accuracy and
    macro-F1 of the labelled stay within slack of the last stage's alone.

    trial: flows that none of the models was fitted on. The price of quality goes up until that is kept where the rules
    were not chosen: those of some captures on the others; and so with thresholds by class, which are taken
    if more is answered within SOON there. Where it never is, the rules are those that lose least, if that is within a standard
    error of the slack: few flows of a class make the error as large. Otherwise no answer that is
    not certain goes out early, unless that loses more too, because unknown can be certain and wrong.
    """
    parts, prices, tried = apart(trial.fold), [float(price) for price in PRICES], []
    for by_class in (False, True):
        for price in prices:
            tried.append(elsewhere(trial, parts, rules, price, by_class))
            if tried[-1].loss <= slack:
                prices = prices[prices.index(price):]  # with more to choose, rules hold at no lower price
                break
    if kept := [t for t in tried if t.loss <= slack]:
        best = max(kept, key=lambda t: t.soon)
        return ascend(trial, rules, best.price, best.by_class)
    least = min(tried, key=lambda t: t.loss)
    careful = [*(replace(r, threshold=0.0, thresholds={}, below=0.0) for r in rules[:-1]), rules[-1]]
    if least.loss - least.error > slack and trial.loss(careful).max() <= slack:
        return careful
    print(f"no bounds lose at most {slack:g} of accuracy and macro-F1 where they were not chosen; those that lose least there, "
          f"{least.loss:.4f}, give or take {least.error:.4f}, are taken", file=sys.stderr, flush=True)
    return ascend(trial, rules, least.price, least.by_class)


@dataclass(frozen=True)
class Tried:
    """What rules gave that a price chose, where they were not chosen: accuracy or macro-F1 that is lost, whichever is more, and its
    standard error over the folds; the share that is answered within SOON."""

    loss: float
    error: float
    soon: float
    price: float
    by_class: bool


def apart(fold: np.ndarray) -> list[np.ndarray]:
    """Which flows rules are tried on, by turns, when they are chosen on the others: two folds of five, or one of fewer."""
    of = np.unique(fold)
    if len(of) < 2:
        return []
    return [np.isin(fold, np.roll(of, -i)[:2 if len(of) > 3 else 1]) for i in range(len(of))]


def elsewhere(trial: Trial, parts: list[np.ndarray], rules: list[Rule], price: float, by_class: bool) -> Tried:
    """Rules that are chosen without each of the parts, tried on it."""
    got = []
    for here, there in [(trial.rows(~p), trial.rows(p)) for p in parts] or [(trial, trial)]:
        chosen = ascend(here, rules, price, by_class)
        got.append([*there.loss(chosen), there.of(chosen).soon])
    mean, error = np.mean(got, axis=0), np.std(got, axis=0) / np.sqrt(len(got))
    worse = int(np.argmax(mean[:2]))
    return Tried(float(mean[worse]), float(error[worse]), float(mean[2]), price, by_class)


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
