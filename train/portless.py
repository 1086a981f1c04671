"""What the last stage says of the same flows if it knows no port, for the model card: ports are where networks differ."""

from dataclasses import replace
from typing import Callable

from . import bundle, evaluate, unseen
from .bundle import Bundle, Part
from .evaluate import Figures
from .gather import Flows
from .learn import Model
from .tables import Binary, Source

PORTS = ("resp_port", "orig_port")


def figures(of: Bundle, flows: Flows, export: Callable[[Model], Part], binary: Binary, source: Source) -> Figures | None:
    """Figures of the bundle's last stage alone, fitted without ports; None if it has none. They are of a bundle that is written beside
    the tables in between. export: a model to its Part."""
    last = of.stages[-1]
    features = [f for f in last.part.features if f not in PORTS]
    if features == last.part.features or not features:
        return None
    alone = replace(of, recipe=replace(of.recipe, stages=(last.stage,)), reference=None)
    model, = unseen.models_of(alone.recipe, flows, [features], of.classes)
    out = binary.cache / "without-ports"
    bundle.write(out, replace(alone, stages=[replace(last, part=export(model), hazard=None)]), "Not to be shipped.\n", {})
    return evaluate.of(binary, out, source)
