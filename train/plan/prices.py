"""What quality and computing count against each other, when bounds are chosen."""

from dataclasses import dataclass, field, replace

import numpy as np

from ..trial import Quality, Trial
from .cost import Cost

# Of quality, in flows that are answered soon, as in bounds.py; and what a flow's us of models count in them. Each gives other bounds.
PRICES = ((1.0, 0.0), (4.0, 0.0), (16.0, 0.0), (64.0, 0.0), (4.0, 0.004), (16.0, 0.004))


def said() -> list[str]:
    """The prices in words."""
    return [f"price {price:g}" + (f", {rate:g} a us" if rate else "") for price, rate in PRICES]


@dataclass
class Priced(Trial):
    """A trial in which computing counts: what a flow takes on average, at a rate, against flows that are answered soon."""

    costs: list[Cost] = field(default_factory=list)
    rate: float = 0.0

    def quality(self, finals: list[np.ndarray]) -> Quality:
        got = super().quality(finals)
        return replace(got, soon=got.soon - self.rate * self.compute(finals)) if self.rate else got

    def compute(self, finals: list[np.ndarray]) -> float:
        """us a flow, without the hazards, which take little."""
        open_, took = np.ones(len(self.y), dtype=bool), 0.0
        for look, final in zip(self.looks, finals):
            took += float((open_ & look.asked).mean()) * self.costs[look.stage].look
            open_ &= final == -1
        return took
