"""What ladders are worth: macro-F1, waits and computing, by answers of models that did not see the flow's capture."""

from dataclasses import dataclass, replace
from typing import Callable

import numpy as np

from .. import bounds, rule, waits
from ..rule import Look, Outcome, Rule
from .answers import Answers
from .cost import Cost
from .figures import Spent, figures, together
from .prices import PRICES, Priced, said

PATIENT = 16.0  # the price of quality in the bounds that patience is chosen with
LATENESS = 200.0  # ms: SERVEFLOW_LATENESS, that a silence takes longer

Choose = Callable[[Answers], list[list[Rule]]]


@dataclass(frozen=True)
class Point:
    """A ladder with rules, and what they give. ladder: places among the candidates. how: what chose the rules. spent: of each
    labelled flow, in no order. p50, p90: of the wait, ms. soon: the share that is answered within 16 ms. compute: us a flow."""

    ladder: tuple[int, ...]
    rules: tuple[Rule, ...]
    how: str
    spent: Spent
    macro_f1: float
    accuracy: float
    p50: float
    p90: float
    soon: float
    compute: float


def survey(whole: Answers, ladder: tuple[int, ...], costs: list[Cost], by_class: bool = False) -> list[Point]:
    """A point for each price; of one stage, the one that there is. by_class: whether classes have thresholds of their own, which takes longer."""
    a, mine = whole.of(ladder), [costs[i] for i in ladder]
    if len(ladder) == 1:
        return [alone(whole, ladder[0], costs)]
    return judged(a, ladder, mine, lambda b: priced(b, held(b), mine, by_class), [f"{'by class' if by_class else 'plain'}, {price}" for price in said()])


def by_hand(whole: Answers, ladder: tuple[int, ...], costs: list[Cost]) -> list[Point]:
    """A point for each price, by thresholds alone: one a stage, and each silence waited out."""
    a, mine = replace(whole.of(ladder), more={}), [costs[i] for i in ladder]
    return judged(a, ladder, mine, lambda b: priced(b, waits.unsure(b.recipe), mine, False), [f"thresholds alone, {price}" for price in said()])


def as_trained(whole: Answers, ladder: tuple[int, ...], slack: float, costs: list[Cost]) -> Point:
    """The ladder with the rules that training chooses."""
    a, mine = whole.of(ladder), [costs[i] for i in ladder]
    return judged(a, ladder, mine, lambda b: [waits.choose(b.recipe, b.data, b.p, b.more, b.names, slack)], [f"slack {slack:g}"])[0]


def alone(whole: Answers, place: int, costs: list[Cost]) -> Point:
    """A candidate that is asked about every flow."""
    a = whole.of((place,))
    rules = waits.unsure(a.recipe)
    return point((place,), rules, "alone", spent(a, rules, [costs[place]]), len(a.names))


def judged(a: Answers, ladder: tuple[int, ...], costs: list[Cost], choose: Choose, how: list[str]) -> list[Point]:
    """Points with rules that are chosen on all flows. Their figures are those of rules chosen on one half of the folds, for the flows of the other one."""
    parts = [(choose(a.rows(half)), a.rows(~half)) for half in (a.data.fold % 2 == 0, a.data.fold % 2 == 1)]
    return [point(ladder, rules, what, together([spent(away, chosen[i], costs) for chosen, away in parts]), len(a.names))
            for i, (rules, what) in enumerate(zip(choose(a), how))]


def held(a: Answers) -> list[Rule]:
    """The rules to begin with, with patience."""
    given = waits.unsure(a.recipe)
    return waits.patient(a.recipe, a.data, bounds.ascend(a.trial(given), given, PATIENT, False), a.p, a.more, a.names)


def priced(a: Answers, rules: list[Rule], costs: list[Cost], by_class: bool) -> list[list[Rule]]:
    """The rules with the bounds for each price. costs: of the ladder's stages."""
    t = a.trial(rules)
    return [bounds.ascend(Priced(t.looks, t.y, t.more, t.alone, t.fold, t.names, t.background, costs, rate), rules, price, by_class) for price, rate in PRICES]


def point(ladder: tuple[int, ...], rules: list[Rule], how: str, s: Spent, classes: int) -> Point:
    return Point(ladder, tuple(rules), how, s, *(float(v) for v in figures(s, classes)))


def spent(a: Answers, rules: list[Rule], costs: list[Cost]) -> Spent:
    looks = rule.walk(a.data.flows, rules, a.p, a.names, LATENESS, a.recipe.background)
    out = rule.decide(looks, rules, a.more, a.names, a.recipe.background)
    known = a.labelled()
    compute = computed(looks, out, rules, a, costs)
    return Spent(a.data.y[known].astype(np.int16), out.answer[known].astype(np.int16), out.wait[known], compute[known], a.data.flows.capture[known])


def computed(looks: list[Look], out: Outcome, rules: list[Rule], a: Answers, costs: list[Cost]) -> np.ndarray:
    """us that the models take for each flow: those of its looks, and of the hazard where a look leaves it waiting."""
    took = np.zeros(len(out.answer))
    for place, look in enumerate(looks):
        here = look.asked & (out.look >= place)
        took += here * costs[look.stage].look
        if look.key in a.more and rules[look.stage].below:
            sure = look.doubt <= rules[look.stage].bound(a.names)[look.answer]
            novel = (out.look == place) & (out.reason == "novel")
            took += (here & look.waits & ~sure & ~novel) * costs[look.stage].hazard
    return took
