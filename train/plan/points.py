"""What ladders are worth: macro-F1, waits and computing, by answers of models that did not see the flow's capture."""

from dataclasses import dataclass, replace

import numpy as np

from .. import bounds, rule, waits
from ..bounds import Trial
from ..gather import Flows
from ..recipe import Recipe
from ..rule import Look, Outcome, Rule
from ..waits import More
from .cost import Cost
from .figures import Spent, figures
from .prices import Priced, PRICES

PATIENT = 16.0  # the price of quality in the bounds that patience is chosen with
LATENESS = 200.0  # ms: SERVEFLOW_LATENESS, that a silence takes longer


@dataclass(frozen=True)
class Answers:
    """Of all candidates. recipe: its stages are the candidates. data: flows that somebody was asked about. p: probabilities, by
    stage and packets less one. more: P(another packet) by stage and packets."""

    recipe: Recipe
    data: Flows
    names: list[str]
    p: list[list[np.ndarray]]
    more: More

    def of(self, ladder: tuple[int, ...]) -> "Answers":
        """Of the candidates at these places alone."""
        more = {(place, m): said for place, i in enumerate(ladder) for (j, m), said in self.more.items() if j == i and place + 1 < len(ladder)}
        stages = tuple(self.recipe.stages[i] for i in ladder)
        return Answers(replace(self.recipe, stages=stages), self.data, self.names, [self.p[i] for i in ladder], more)

    def trial(self, rules: list[Rule]) -> Trial:
        return waits.trial(self.data, rules, self.p, self.more, self.names, self.recipe.background)

    def labelled(self) -> np.ndarray:
        """Which flows have a label that is a class; the background is none."""
        return (self.data.y >= 0) & (self.data.y != (self.names.index(self.recipe.background) if self.recipe.background else -1))


@dataclass(frozen=True)
class Point:
    """A ladder with rules, and what they give. ladder: places among the candidates. waits p50, p90: ms. compute: us a flow.
    soon: the share that is answered within 16 ms. how: what chose the rules."""

    ladder: tuple[int, ...]
    rules: tuple[Rule, ...]
    how: str
    macro_f1: float
    accuracy: float
    p50: float
    p90: float
    soon: float
    compute: float


def survey(whole: Answers, ladder: tuple[int, ...], costs: list[Cost], by_class: bool = False) -> list[Point]:
    """A point for each price; of one stage, the one that there is. by_class: whether classes have thresholds of their own, which takes longer."""
    a, mine = whole.of(ladder), [costs[i] for i in ladder]
    given = waits.unsure(a.recipe)
    if len(ladder) == 1:
        return [point(a, ladder, given, mine, "alone")]
    free = bounds.ascend(a.trial(given), given, PATIENT, False)
    return priced(a, ladder, waits.patient(a.recipe, a.data, free, a.p, a.more, a.names), mine, by_class, "by class" if by_class else "plain")


def by_hand(whole: Answers, ladder: tuple[int, ...], costs: list[Cost]) -> list[Point]:
    """A point for each price, by thresholds alone: one a stage, and each silence waited out."""
    a = replace(whole.of(ladder), more={})
    return priced(a, ladder, waits.unsure(a.recipe), [costs[i] for i in ladder], False, "thresholds alone")


def priced(a: Answers, ladder: tuple[int, ...], rules: list[Rule], costs: list[Cost], by_class: bool, how: str) -> list[Point]:
    """The rules with the bounds for each price. costs: of the ladder's stages."""
    trial = a.trial(rules)
    return [point(a, ladder, bounds.ascend(Priced(trial.looks, trial.y, trial.more, trial.names, trial.background, costs, rate), rules, price, by_class), costs,
                  f"{how}, price {price:g}" + (f", {rate:g} a us" if rate else "")) for price, rate in PRICES]


def as_trained(whole: Answers, ladder: tuple[int, ...], slack: float, costs: list[Cost]) -> Point:
    """The ladder with the rules that training chooses. Raises Problem if there are none for the slack."""
    a = whole.of(ladder)
    rules = waits.choose(a.recipe, a.data, a.p, a.more, a.names, slack) if len(ladder) > 1 else waits.unsure(a.recipe)
    return point(a, ladder, rules, [costs[i] for i in ladder], f"slack {slack:g}")


def point(a: Answers, ladder: tuple[int, ...], rules: list[Rule], costs: list[Cost], how: str) -> Point:
    return Point(ladder, tuple(rules), how, *(float(v) for v in figures(spent(a, rules, costs), len(a.names))))


def spent(a: Answers, rules: list[Rule], costs: list[Cost]) -> Spent:
    looks = rule.walk(a.data.flows, rules, a.p, a.names, LATENESS, a.recipe.background)
    out = rule.decide(looks, rules, a.more, a.names, a.recipe.background)
    known = a.labelled()
    compute = computed(looks, out, rules, a, costs)
    return Spent(a.data.y[known], out.answer[known], out.wait[known], compute[known], a.data.flows.capture[known].astype(str))


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
