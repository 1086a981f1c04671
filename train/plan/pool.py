"""Candidates: stages, and the ladders that they make."""

from dataclasses import replace
from itertools import combinations

from ..recipe import Member, Recipe, Stage
from ..stages import Trees

MOST = 3  # stages of a ladder; the recipe's own may have more

# background: against that of the recipe. A single tree hardly tells classes apart, and would call too much unknown.
TREE = Stage("tree", "leaves", 1, (Member(Trees(rounds=1, leaves=15)),), background=0.05)
WIDE = Stage("wide", "leaves", 1, (Member(Trees(rounds=100, leaves=31)),))
TEN = Stage("ten", "onnx", 10, (Member(Trees(rounds=100, leaves=31, feature_fraction=0.3)),))
PAPER = (TREE, WIDE, TEN)  # as in the ServeFlow paper: a tree at packet 1, then LightGBM there, then LightGBM at packet 10
STAGES = (
    *PAPER,
    Stage("small", "leaves", 1, (Member(Trees(rounds=20, leaves=15)),)),
    Stage("two", "leaves", 2, (Member(Trees(rounds=40, leaves=31)),)),
    Stage("any", "leaves", 2, (Member(Trees(rounds=40, leaves=31, feature_fraction=0.5), cuts=2),), deepest=5),
    Stage("both", "onnx", 10, (*TEN.members, Member(Trees(rounds=120, leaves=31, feature_fraction=0.3), cuts=1, weight=0.5))),
)


def pool(recipe: Recipe) -> Recipe:
    """The recipe with all candidates in place of its stages: its own, and these; one mean of models is enough. They are in the
    order in which a ladder may have them, and the last one is the recipe's, because soft labels are its.

    Of the background a candidate learns as the recipe's stage of its depth, or the next deeper one, does.
    """
    own, names = recipe.stages, {s.name for s in recipe.stages}
    mine = [replace(s, name=f"{s.name}_{s.depth}" if s.name in names else s.name, background=s.background * like(s, own).background)
            for s in STAGES if not any(same(s, o) for o in own) and not (len(s.members) > 1 and len(own[-1].members) > 1)]
    ordered = sorted([*mine, *own[:-1]], key=lambda s: (s.depth, s.most, size(s)))
    return replace(recipe, stages=(*ordered, own[-1]))


def like(stage: Stage, own: tuple[Stage, ...]) -> Stage:
    """The recipe's stage of that depth, or the next deeper one."""
    return next((o for o in own if o.depth >= stage.depth), own[-1])


def same(a: Stage, b: Stage) -> bool:
    """Whether two stages differ by no more than their names, and what the background counts."""
    return replace(a, name=b.name, background=b.background) == b


def places(stages: tuple[Stage, ...], of: tuple[Stage, ...]) -> tuple[int, ...]:
    """Where the stages of a ladder are among the candidates."""
    return tuple(next(i for i, s in enumerate(stages) if same(s, wanted)) for wanted in of)


def size(stage: Stage) -> int:
    """Leaves for each class."""
    return sum(m.trees.rounds * m.trees.leaves for m in stage.members)


def ladders(stages: tuple[Stage, ...]) -> list[tuple[int, ...]]:
    """The places of the stages that make a ladder, for each ladder."""
    return [found for n in range(1, MOST + 1) for found in combinations(range(len(stages)), n) if fits([stages[i] for i in found])]


def fits(ladder: list[Stage]) -> bool:
    """Whether each stage sees more than the one before, or has a larger model of the same.

    A stage that is asked again hands on, so it is not the last one.
    """
    steps = list(zip(ladder, ladder[1:]))
    larger = all(b.depth >= a.most and (b.depth > a.depth or size(b) > size(a)) for a, b in steps)
    return larger and not ladder[-1].deepest and all(a.engine == "leaves" for a in ladder[:-1])


def name(ladder: list[Stage]) -> str:
    """The ladder in short: its stages with the packets that they look at."""
    return " > ".join(f"{s.name}@{s.depth}{f'-{s.deepest}' if s.deepest else ''}" for s in ladder)


def words(stage: Stage) -> str:
    """What a stage is made of."""
    models = " and ".join(f"{m.trees.rounds} rounds x {m.trees.leaves} leaves" + (f" with {m.cuts} beginnings a flow" if m.cuts else "") for m in stage.members)
    return f"{stage.name}: packet{f's {stage.depth} to {stage.deepest}' if stage.deepest else f' {stage.depth}'}, {models}"
