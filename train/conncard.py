"""MODEL_CARD.md of a bundle whose input is conn.log."""

from dataclasses import dataclass

from .bundle import Bundle
from .card import between, trained_on
from .evaluate import Figures

# How much of a flow the data set's files hold.
LENGTHS = {"trace": "first 30 packets a flow", "full": "whole flows"}


@dataclass(frozen=True)
class Facts:
    """What the card says beyond the test figures. flows: labelled ones by source."""

    bundle: Bundle
    question: str
    data: str  # folder, as the commands name it
    flows: dict[str, int]
    notes: str


def card(f: Facts, figures: list[Figures]) -> str:
    b, s = f.bundle, f.bundle.stages[0]
    return "\n".join([
        f"# Model card: {b.task}", "",
        f"Answers with one of {len(b.classes)} classes: {', '.join(f'`{c}`' for c in b.classes)}. Its input is conn.log: "
        "one answer a connection, when Zeek writes the record.", "",
        f"One stage, `{s.name}`: LightGBM trees, {len(s.part.features)} features, temperature {s.temperature:.3f}, {len(s.part.data) / 1e6:.2f} MB.", "",
        trained_on(b.protocols), "",
        "## Figures on the test split", "",
        "Of the files as they ship, through `serveflow eval`; in brackets, where 90 of 100 bootstrap draws of the captures lie:", "", *table(figures), "",
        "![Calibration](calibration.svg)", "",
        f"Expected calibration error on the calib split, of a model that has not seen it: {s.reliability.ece:.3f}.", "",
        "F1 by class:", "", *by_class(b.classes, figures), "",
        "The commands:", "", "```", "make build", *(g.command for g in figures), "```", "",
        "## How it was made", "",
        f"`make train-conn`. Labelled flows: {', '.join(f'{name} {n:,}' for name, n in f.flows.items())}. "
        "The test split was not used. The temperature comes from a model fitted on the train split alone and asked about "
        "the calib split; the model that ships is fitted on both.", "", f.notes])


def length(g: Figures) -> str:
    return LENGTHS.get(g.source.capture.name.split(".")[0], "first 10 packets a flow")


def table(figures: list[Figures]) -> list[str]:
    return ["| conn.log of | flows | accuracy | macro-F1 |", "| --- | --- | --- | --- |",
            *(f"| {g.source.capture.name}: {length(g)} | {g.figures['flows']['known']:,} | {between(g.figures['quality']['accuracy'])} | "
              f"{between(g.figures['quality']['macro_f1'])} |" for g in figures)]


def by_class(classes: list[str], figures: list[Figures]) -> list[str]:
    each = [{c["name"]: c["f1"]["value"] for c in g.figures["quality"]["classes"]} for g in figures]
    out = ["| class | " + " | ".join(length(g) for g in figures) + " |", "| --- |" + " --- |" * len(figures)]
    return out + [f"| `{c}` | " + " | ".join(f"{f[c]:.3f}" if c in f else "" for f in each) + " |" for c in classes]
