"""What all candidates say of each flow, by models that did not see its capture."""

from dataclasses import dataclass, replace

import numpy as np

from .. import waits
from ..trial import Trial
from ..gather import Flows
from ..recipe import Recipe
from ..rule import Rule, background_at
from ..waits import More


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

    def rows(self, chosen: np.ndarray) -> "Answers":
        """Of the flows where this mask is true alone."""
        more = {key: said[chosen] for key, said in self.more.items()}
        return Answers(self.recipe, self.data.rows(chosen), self.names, [[q[chosen] for q in each] for each in self.p], more)

    def trial(self, rules: list[Rule]) -> Trial:
        return waits.trial(self.data, rules, self.p, self.more, self.names, self.recipe.background)

    def labelled(self) -> np.ndarray:
        """Which flows have a label that is a class; the background is none."""
        return (self.data.y >= 0) & (self.data.y != background_at(self.names, self.recipe.background))
