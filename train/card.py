"""MODEL_CARD.md: what a bundle was made from, how, and what it was seen to do."""

from dataclasses import dataclass

from .evaluate import Figures
from .thresholds import Choice

COMMANDS = """\
make build onnxruntime
bin/serveflow pcap {data}/{task}/test.pcap.zst > test.jsonl
bin/serveflow eval --task {task} --labels {data}/{task}/labels.csv.zst --split test test.jsonl
"""


@dataclass(frozen=True)
class Facts:
    """What the card says beyond the test figures."""

    task: str
    data: str  # folder, as the commands name it
    flows: dict[str, int]  # labelled flows by source
    classes: list[str]
    protocols: list[str]
    stages: list[tuple]  # name, engine, depth, features, temperature, threshold, bytes
    measure: str
    slack: float
    choice: Choice
    last_alone: tuple[float, float]  # accuracy and macro-F1 of the last stage, cross-validated
    notes: str  # what was tried; see notes/<task>.md


def card(f: Facts, figures: Figures) -> str:
    commands = COMMANDS.format(data=f.data, task=f.task)
    return "\n".join([
        f"# Model card: {f.task}", "",
        f"Answers with one of {len(f.classes)} classes: {', '.join(f'`{c}`' for c in f.classes)}.", "",
        trained_on(f.protocols), "",
        "## Stages", "",
        "| stage | engine | packets | features | temperature | hands on above | size |", "| --- | --- | --- | --- | --- | --- | --- |",
        *[f"| {n} | {e} | {d} | {w} | {t:.3f} | {'never' if n == f.stages[-1][0] else f'{th:.4f}'} | {size / 1e6:.2f} MB |"
          for n, e, d, w, t, th, size in f.stages], "",
        f"Uncertainty is `{f.measure}`. All stages are LightGBM trees; the last is exported to ONNX.", "",
        "## Figures on the test split", "",
        "Of the files as they ship, through `serveflow eval`:", "", *table(figures), "",
        "![Quality against deferral](deferral.svg) ![Calibration](calibration.svg)", "",
        "F1 by class:", "", *by_class(figures), "",
        "The commands:", "", "```", commands.rstrip(), "```", "",
        "`wait` is record time from the first packet to the decision, without compute; a silence that was waited out counts with its length, and with SERVEFLOW_LATENESS.", "",
        "## How it was made", "",
        f"`make train`. Labelled flows: {', '.join(f'{name} {n:,}' for name, n in f.flows.items())}. "
        "The test split was not used.", "",
        f"Temperatures and thresholds come from 5-fold cross-validation over all of these, folds by capture. There the last stage "
        f"alone has accuracy {f.last_alone[0]:.4f} and macro-F1 {f.last_alone[1]:.4f}; the thresholds are those that let the first "
        f"stages decide the most flows while both stay within {f.slack:g} of it: accuracy {f.choice.accuracy:.4f}, macro-F1 "
        f"{f.choice.macro_f1:.4f}, decided by stage {', '.join(f'{100 * d:.1f}%' for d in f.choice.decided)}. "
        "The models that ship are fitted on all of it.", "", f.notes])


def trained_on(protocols: list[str]) -> str:
    return (f"It was trained on flows of {' and '.join(protocols)} alone, and answers for no others: these are labelled `unknown`, "
            "with `reason` `unsupported`.")


def table(figures: Figures) -> list[str]:
    rows = [*((f"{s} alone", g) for s, g in figures.alone.items()), ("**cascade**", figures.cascade)]
    out = ["| | accuracy | macro-F1 | wait p50 | p90 | under 16 ms | decided by |", "| --- | --- | --- | --- | --- | --- | --- |"]
    for name, g in rows:
        w, by = g["wait_ms"], ", ".join(f"{s} {100 * x:.1f}%" for s, x in g["by_stage"].items())
        out.append(f"| {name} | {g['accuracy']:.4f} | {g['macro_f1']:.4f} | {w['p50']:.0f} ms | {w['p90']:.0f} ms | "
                   f"{100 * w['under_16ms']:.1f}% | {by} |")
    return out


def by_class(figures: Figures) -> list[str]:
    columns = {**figures.alone, "cascade": figures.cascade}
    out = ["| class | " + " | ".join(columns) + " |", "| --- |" + " --- |" * len(columns)]
    for c in figures.cascade["f1"]:
        out.append(f"| `{c}` | " + " | ".join(f"{g['f1'][c]:.3f}" for g in columns.values()) + " |")
    return out
