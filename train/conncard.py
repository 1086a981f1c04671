"""MODEL_CARD.md of a bundle whose input is conn.log."""

from dataclasses import dataclass

from .bundle import Trained
from .card import trained_on
from .tables import Source

# How much of a flow the data set's files hold.
LENGTHS = {"trace": "first 30 packets a flow", "full": "whole flows"}


@dataclass(frozen=True)
class Facts:
    """What the card says beyond the test figures."""

    task: str
    question: str
    data: str  # folder, as the commands name it
    flows: dict[str, int]  # labelled flows by source
    classes: list[str]
    protocols: list[str]
    stage: Trained
    notes: str


def card(f: Facts, figures: dict[Source, dict]) -> str:
    s = f.stage
    return "\n".join([
        f"# Model card: {f.task}", "",
        f"Answers with one of {len(f.classes)} classes: {', '.join(f'`{c}`' for c in f.classes)}. Its input is conn.log: "
        "one answer a connection, when Zeek writes the record.", "",
        f"One stage, `{s.name}`: LightGBM trees, {len(s.features)} features, temperature {s.temperature:.3f}, {len(s.data) / 1e6:.2f} MB.", "",
        trained_on(f.protocols), "",
        "## Figures on the test split", "",
        "Of the files as they ship, through `serveflow replay`:", "", *table(figures), "",
        "![Calibration](calibration.svg)", "",
        f"Expected calibration error on the calib split, of a model that has not seen it: {s.reliability.ece:.3f}.", "",
        "F1 by class:", "", *by_class(f.classes, figures), "",
        "The commands:", "", "```", "make build", *[command(f.task, source) for source in figures], "```", "",
        "## How it was made", "",
        f"`make train-conn`. Labelled flows: {', '.join(f'{name} {n:,}' for name, n in f.flows.items())}. "
        "The test split was not used. The temperature comes from a model fitted on the train split alone and asked about "
        "the calib split; the model that ships is fitted on both.", "", f.notes])


def length(source: Source) -> str:
    return LENGTHS.get(source.capture.name.split(".")[0], "first 10 packets a flow")


def table(figures: dict[Source, dict]) -> list[str]:
    return ["| conn.log of | flows | accuracy | macro-F1 |", "| --- | --- | --- | --- |",
            *[f"| {source.capture.name}: {length(source)} | {g['flows']:,} | {g['accuracy']:.4f} | {g['macro_f1']:.4f} |" for source, g in figures.items()]]


def by_class(classes: list[str], figures: dict[Source, dict]) -> list[str]:
    out = ["| class | " + " | ".join(length(s) for s in figures) + " |", "| --- |" + " --- |" * len(figures)]
    return out + [f"| `{c}` | " + " | ".join(f"{g['f1'][c]:.3f}" if c in g["f1"] else "" for g in figures.values()) + " |" for c in classes]


def command(task: str, source: Source) -> str:
    question = f" --question {source.question}" if source.question else ""
    return f"bin/serveflow eval --task {task} --labels {source.labels} --split {source.split}{question} {source.capture}"
