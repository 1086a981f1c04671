"""What a look costs: each candidate is written as a bundle of its own, and asked by the serving code."""

import re
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from .. import bundle, evaluate, hazard, pipeline, waits
from ..bundle import Bundle, Part, Trained
from ..pipeline import Made
from ..recipe import Recipe, Stage
from ..rule import Rule
from ..tables import Binary, Source

RUNS = 3
FIELDS = ("dir", "log_gap", "ip_len", "ip_hl", "ip_tos", "ip_ttl", "ip_df", "ip_id0", "payload_len")


@dataclass(frozen=True)
class Cost:
    """µs for a flow: when the stage is asked, and when its hazard is, too; 0 without one."""

    look: float
    hazard: float = 0.0


def measure(made: Made, models: list, binary: Binary, source: Source, said=lambda text: None) -> list[Cost]:
    """The cost of each candidate with its hazard. made: its waits have the hazards; its rules do not matter. source: the flows to ask about."""
    found = []
    for place, (stage, model) in enumerate(zip(made.recipe.stages, models)):
        trained = pipeline.finish(made, place, model)
        look = asked(replace(trained, hazard=None, stage=replace(stage, depth=stage.most, deepest=0)), made.names, made, binary, source)
        hazard = asked(stand_in(trained), made.names[:2], made, binary, source) if trained.hazard else 0.0
        found.append(Cost(look, hazard))
        said(f"{stage.name}: {look:.1f} us a look" + (f", {hazard:.1f} us its hazard" if hazard else ""))
    return found


def asked(trained: Trained, names: list[str], made: Made, binary: Binary, source: Source) -> float:
    """µs for a flow, of a bundle of this stage alone."""
    only = replace(trained, rule=Rule(trained.stage.depth, waits.MEASURE, 1.0), temperature=1.0)
    with tempfile.TemporaryDirectory() as folder:
        bundle.write(Path(folder), Bundle("plan", "1", Recipe((only.stage,)), names, [only], pipeline.protocols(made.flows)), "to measure with\n", {})
        return min(evaluate.of(binary, Path(folder), source).figures["compute"]["p50_us"]["value"] for _ in range(RUNS))


def stand_in(trained: Trained) -> Trained:
    """The stage's hazard as a stage. What it reads of the answer goes by the names of one more packet's fields: the trees are the same."""
    depth, part = trained.stage.most + 1, trained.hazard
    spare = dict(zip(hazard.ANSWER, (f"p{depth}_{field}" for field in FIELDS)))
    columns = [spare.get(name, name) for name in part.features]
    text = re.sub(rb"feature_names=.*", b"feature_names=" + " ".join(columns).encode(), part.data)
    return replace(trained, part=Part(text, columns, part.x, part.scores), hazard=None, stage=Stage("hazard", "leaves", depth, ()))
