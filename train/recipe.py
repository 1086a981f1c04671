"""What a task's bundle is made of: which models, what they learn from, which classes are close to each other."""

from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from . import qos
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
    stage says of flows without a label. background: what a flow of the background counts against a
    labelled one: with less, fewer known flows are called unknown, which is final at any stage.
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
    """stages: from first to last.

    folder: of DATA with the captures, if it is not the task's own. relabel: what makes the task's file of labels out of the
    folder's. column: of the file of labels. without: a pattern of features that are left out. weights: what flows of some
    classes count; others count 1. balance: a class of n flows counts as n to the power 1 - balance. families: groups of classes.

    background: the class of flows that are of none of the others, which are labelled unknown; "" for none. It is learned from
    flows of other questions' captures: with strange_ports those on ports that no labelled flow uses, and else all of captures
    without a labelled flow. per_capture: so many of a capture at most.
    """

    stages: tuple[Stage, ...]
    folder: str = ""
    relabel: Callable[[Path], str] | None = None
    column: str = "label"
    without: str = ""
    weights: tuple[tuple[str, float], ...] = ()
    balance: float = 0.0
    families: tuple[tuple[str, tuple[str, ...]], ...] = ()
    background: str = ""
    strange_ports: bool = True
    per_capture: int = 200


# For a task that is not listed: a user's own.
LADDER = Recipe((
    Stage("first", "leaves", 1, (Member(Trees(rounds=20, leaves=15)),)),
    Stage("early", "leaves", 2, (Member(Trees(rounds=40, leaves=31)),)),
    Stage("slow", "onnx", 10, (Member(Trees(rounds=100, leaves=31, feature_fraction=0.3)),)),
))

# Chosen by measurement: notes/TASK.md.
SERVICE = Recipe(
    (
        Stage("first", "leaves", 1, (Member(Trees(rounds=12, leaves=15, learning_rate=0.15, l2=5)),), soft=True, background=0.1),
        Stage("second", "leaves", 1, (Member(Trees(rounds=60, leaves=31, feature_fraction=0.5, l2=5)),), soft=True, background=0.1),
        Stage("deep", "leaves", 2, (Member(Trees(rounds=30, leaves=31, feature_fraction=0.5, learning_rate=0.13, l2=5), cuts=2),), deepest=4, background=0.1),
        Stage("slow", "onnx", 10, (
            Member(Trees(rounds=78, leaves=24, feature_fraction=0.3, learning_rate=0.13, l2=5)),
            Member(Trees(rounds=78, leaves=24, feature_fraction=0.3, learning_rate=0.13, l2=5), cuts=1, weight=0.5),
        ), background=0.1),
    ),
    background="other",
    families=(("google_services", ("google", "youtube_web", "youtube_video", "ads")),),
)

DEVICE = Recipe(
    (
        Stage("first", "leaves", 1, (Member(Trees(rounds=20, leaves=15)),), background=0.1),
        Stage("early", "leaves", 2, (Member(Trees(rounds=40, leaves=15, feature_fraction=0.5)),), background=0.1),
        Stage("slow", "onnx", 10, (
            Member(Trees(rounds=50, leaves=31, feature_fraction=0.3, learning_rate=0.15, l2=5)),
            Member(Trees(rounds=60, leaves=31, feature_fraction=0.3, l2=5), cuts=2),
        ), background=0.1),
    ),
    column="label_platform", background="other", strange_ports=False, per_capture=8,
    families=(
        ("wemo", ("WeMoInsightSwitch", "WeMoLink", "WeMoSwitch")), ("dlink_home", ("D-LinkHomeHub", "D-LinkHomeDevice")),
        ("camera", ("D-LinkCam", "D-LinkDayCam", "EdimaxCam")), ("plug", ("EdimaxPlug", "TP-LinkPlug")),
        ("hub", ("EdnetGateway", "HueBridge", "Lightify")), ("scale", ("Aria", "Withings")),
    ),
)

INTRUSION = Recipe(
    (
        Stage("first", "leaves", 1, (Member(Trees(rounds=20, leaves=15)),)),
        Stage("early", "leaves", 2, (Member(Trees(rounds=40, leaves=15, feature_fraction=0.5, min_leaf=50)),)),
        Stage("slow", "onnx", 10, (Member(Trees(rounds=60, leaves=31, feature_fraction=0.3, learning_rate=0.12, min_leaf=50, l2=5), cuts=2),)),
    ),
    without=r"p\d+_tcp_window", weights=(("benign", 0.35),),
    families=(("attack", ("dos", "lateral", "malware", "mining", "scan", "webshell")),),
)

QOS = Recipe(
    (
        Stage("first", "leaves", 1, (Member(Trees(rounds=20, leaves=15, min_leaf=50)),)),
        Stage("early", "leaves", 2, (Member(Trees(rounds=40, leaves=31, feature_fraction=0.5, min_leaf=50)),)),
        Stage("slow", "onnx", 10, (Member(Trees(rounds=80, leaves=31, feature_fraction=0.3, min_leaf=50)),)),
    ),
    folder="service", relabel=qos.rewritten, balance=0.3,
    families=(("elastic", ("interactive", "bulk")),),
)

RECIPES = {"service": SERVICE, "device": DEVICE, "intrusion": INTRUSION, "qos": QOS}
