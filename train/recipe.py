"""What a task's bundle is made of: which models, what they learn from, which classes are close to each other."""

from dataclasses import dataclass

from .stages import Trees


@dataclass(frozen=True)
class Member:
    """One of the models whose scores a stage averages.

    cuts: of each flow it learns besides the whole so many random beginnings of 1 packet or more, so
    that it can be asked with any number of packets. weight: what a beginning counts against the whole.
    """

    trees: Trees
    cuts: int = 0
    weight: float = 1.0


@dataclass(frozen=True)
class Stage:
    """One stage of the cascade as it is trained. The file's kind follows from the engine.

    depth, deepest: packets that it looks at first and at most. soft: it also learns from what the last
    stage says of flows without a label. background: what a flow of the background counts against a labelled
    one: with less, fewer known flows are called unknown, and that is final at any stage.
    """

    name: str
    engine: str  # "leaves", which takes one member, or "onnx"
    depth: int
    members: tuple[Member, ...]
    deepest: int = 0
    soft: bool = False
    background: float = 1.0

    @property
    def file(self) -> str:
        return self.name + (".onnx" if self.engine == "onnx" else ".txt")

    @property
    def most(self) -> int:
        """Packets that it looks at, at most."""
        return max(self.depth, self.deepest)


@dataclass(frozen=True)
class Recipe:
    """stages: from first to last. column: of the file of labels. background: the class of flows that are of
    none of the others, which are labelled unknown; "" for none. families: groups of classes."""

    stages: tuple[Stage, ...]
    column: str = "label"
    background: str = ""
    families: tuple[tuple[str, tuple[str, ...]], ...] = ()


# Chosen by measurement: notes/service.md.
FIRST = Stage("first", "leaves", 1, (Member(Trees(rounds=20, leaves=15)),))
EARLY = Stage("early", "leaves", 2, (Member(Trees(rounds=40, leaves=31)),))
SLOW = Stage("slow", "onnx", 10, (Member(Trees(rounds=100, leaves=31, feature_fraction=0.3)),))

# For a task that is not listed: a user's own.
LADDER = Recipe((FIRST, EARLY, SLOW))

RECIPES = {
    "service": Recipe(
        (
            Stage("first", "leaves", 1, (Member(Trees(rounds=20, leaves=15)),), soft=True, background=0.015),
            Stage("deep", "leaves", 2, (Member(Trees(rounds=40, leaves=31, feature_fraction=0.5), cuts=2),), deepest=5, background=0.03),
            Stage("slow", "onnx", 10, (
                Member(Trees(rounds=100, leaves=31, feature_fraction=0.3)),
                Member(Trees(rounds=120, leaves=31, feature_fraction=0.3), cuts=1, weight=0.5),
            ), background=0.03),
        ),
        background="other",
        families=(("google", ("google", "youtube_web", "youtube_video", "ads")),),
    ),
}
