"""MODEL_CARD.md: what a bundle was made from, how, and what it was seen to do."""

from dataclasses import dataclass

from .bundle import Bundle, Trained
from .evaluate import Figures
from .rule import Rule


@dataclass(frozen=True)
class Facts:
    """What the card says beyond the figures. portless: those of the last stage without ports; None if it has none.
    flows: labelled ones by source; others: of other questions' files, by question.
    folds: that rules were chosen on. slack: that the bounds were chosen for; None where a plan chose them. command: that made it."""

    bundle: Bundle
    portless: Figures | None
    flows: dict[str, int]
    others: dict[str, int]
    folds: int
    slack: float | None
    command: str
    notes: str  # what was tried; see notes/<task>.md


def card(f: Facts, figures: list[Figures]) -> str:
    b = f.bundle
    return "\n".join([
        f"# Model card: {b.task}", "", *answers(b), "", trained_on(b.protocols), "",
        "## Stages", "", *stages(b.stages), "",
        "## Figures", "",
        "Of the files as they ship, through `serveflow eval`; in brackets, where 90 of 100 bootstrap draws of the captures lie. Times are record "
        "time from the first packet until the label could be given, silences that were waited out among it; computing is not.", "",
        *table(figures), "", *remarks(b, figures), *portless(f), "",
        "![Calibration](calibration.svg)", "",
        *(line for g in figures[:1] for line in by_class(g)), "",
        "```", "make build onnxruntime", *(g.command for g in figures), "```", "",
        "## Waits", "", *waits(b.stages), "",
        "## How it was made", "", *made(f), "", f.notes])


def answers(b: Bundle) -> list[str]:
    known = [c for c in b.classes if c != b.recipe.background]
    out = [f"Answers with one of {len(known)} classes: {', '.join(f'`{c}`' for c in known)}."]
    if b.recipe.background:
        out += ["", f"Flows that are like none of them are labelled `unknown`, with `reason` `novel`: the models know them as a class `{b.recipe.background}`."]
    for name, of in b.recipe.families:
        out += ["", f"Family `{name}`: {', '.join(f'`{c}`' for c in of)}. A label says the family, too."]
    return out


def trained_on(protocols: list[str]) -> str:
    return (f"It was trained on flows of {' and '.join(protocols)} alone, and answers for no others: these are labelled `unknown`, "
            "with `reason` `unsupported`.")


def stages(trained: list[Trained]) -> list[str]:
    out = ["| stage | engine | packets | models | features | temperature | hands on above | size |", "| --- | --- | --- | --- | --- | --- | --- | --- |"]
    for t in trained:
        s, last = t.stage, t is trained[-1]
        sizes = " and ".join(f"{m.trees.rounds} x {m.trees.leaves}" + (f", {m.cuts} beginnings a flow" if m.cuts else "") for m in s.members)
        out.append(f"| {s.name} | {s.engine} | {s.depth}{f' to {s.deepest}' if s.deepest else ''} | {sizes} | {len(t.part.features)} | {t.temperature:.3f} | "
                   f"{'never' if last else f'{t.rule.threshold:.4f}'} | {len(t.part.data) / 1e6:.2f} MB |")
    return [*out, "", "Models are LightGBM trees, rounds a class x leaves; a stage of several gives the mean of their scores. A *beginning* is a flow cut "
            f"after some packets, to learn from beside the whole. Uncertainty is `{trained[0].rule.measure}`."]


def between(figure: dict, scale: float = 1, digits: int = 4) -> str:
    """A figure with its interval."""
    return f"{scale * figure['value']:.{digits}f} ({scale * figure['low']:.{digits}f} to {scale * figure['high']:.{digits}f})"


def table(figures: list[Figures]) -> list[str]:
    out = ["| flows | | accuracy | macro-F1 | wait p50 | p90 | within 16 ms |", "| --- | --- | --- | --- | --- | --- | --- |"]
    for g in figures:
        f = g.figures
        for a in f["alone"]:
            out.append(row(g, f"{a['stage']} alone", a["accuracy"], a["macro_f1"], a["wait"]))
        out.append(row(g, "**cascade**", f["quality"]["accuracy"], f["quality"]["macro_f1"], f["wait"]))
        out.append(f"| {g.name}, all {f['wait_all']['flows']:,} flows | **cascade** | | | {times(f['wait_all'])} |")
    return out


def row(g: Figures, what: str, accuracy: dict, macro_f1: dict, wait: dict) -> str:
    return f"| {g.name}, {wait['flows']:,} labelled | {what} | {between(accuracy)} | {between(macro_f1)} | {times(wait)} |"


def times(wait: dict) -> str:
    return f"{wait['p50_ms']['value']:.0f} ms | {wait['p90_ms']['value']:.0f} ms | {between(wait['under_16ms'], 100, 1)}%"


def remarks(b: Bundle, figures: list[Figures]) -> list[str]:
    """The figures that need a sentence."""
    out = []
    for g in figures:
        f = g.figures
        for last in f["alone"][-1:]:  # none with one stage
            out.append(f"- {g.name}: the cascade's macro-F1 less that of {last['stage']} alone: {between(last['macro_f1_of_cascade_above'], 100, 2)} points. "
                       f"Of the oracle's gain over chance in macro-F1 against deferral the first stage's uncertainty has {between(f['deferral']['gain'], 100, 0)}%.")
        out.append(f"- {g.name}: expected calibration error {between(f['reliability']['expected_calibration_error'], 1, 3)}.")
        if b.recipe.background:
            out.append(f"- {g.name}: {between(f['quality']['unknown'], 100, 2)}% of the labelled flows are called `unknown`.")
        if f.get("families"):
            out.append(f"- {g.name}: with families in place of their classes macro-F1 is {between(f['families']['macro_f1'])}.")
        out.append(f"- {g.name}: decided by {shares(f['by_stage'])}; {shares(f['by_reason'])}. A flow takes {g.run['cpu_us_per_flow']:.0f} us of CPU, reading among it, "
                   "on the machine that this was measured on.")
    return out


def portless(f: Facts) -> list[str]:
    if not f.portless:
        return ["- Ports are no features."]
    q = f.portless.figures["quality"]
    return [f"- {f.portless.name}, without ports: {f.bundle.stages[-1].name} alone has accuracy {between(q['accuracy'])} and macro-F1 {between(q['macro_f1'])}. "
            "`--no-ports` of `python -m train` makes a bundle that knows none."]


def shares(named: list[dict]) -> str:
    return ", ".join(f"{s['name']} {100 * s['known']['value']:.1f}%" for s in sorted(named, key=lambda s: -s["known"]["value"]))


def by_class(g: Figures) -> list[str]:
    out = [f"By class, the cascade on {g.name}:", "", "| class | flows | precision | recall | F1 |", "| --- | --- | --- | --- | --- |"]
    return out + [f"| `{c['name']}` | {c['support']:,} | {c['precision']['value']:.3f} | {c['recall']['value']:.3f} | {between(c['f1'], 1, 3)} |"
                  for c in g.figures["quality"]["classes"]]


def in_words(rule: Rule) -> str:
    """A stage's rule, for those who watch it being trained."""
    own = "".join(f", {c} {x:.4f}" for c, x in sorted(rule.thresholds.items()))
    asks = f"answers at once if another packet is less likely than {rule.below:g}; " if rule.below else ""
    return f"hands on above {rule.threshold:.4f}{own}; {asks}patience {rule.said()}"


def waits(trained: list[Trained]) -> list[str]:
    out = ["Where a stage is unsure, a small model says how probable another packet within 2 s is; below the bound the answer that stands "
           "goes out at once (`no_more`). Otherwise the flow waits, for as long as the table of patience says.", "",
           "| stage | hands on above, by the class that is ahead | no wait below P(packet) | patience |", "| --- | --- | --- | --- |"]
    for t in trained[:-1]:
        own = ", ".join(f"{c} {x:.3f}" for c, x in sorted(t.rule.thresholds.items()))
        out.append(f"| {t.name} | {own or f'{t.rule.threshold:.3f}'}{f'; others {t.rule.threshold:.3f}' if own else ''} | {t.rule.below or 'not asked'} | {t.rule.said()} |")
    return out


def made(f: Facts) -> list[str]:
    strange = ", ".join(f"{name} {n:,}" for name, n in f.others.items()) or "none"
    return [f"`{f.command}`. Labelled flows: {', '.join(f'{name} {n:,}' for name, n in f.flows.items())}. Without a label here, from other files: {strange}; "
            "of captures that the test split has flows of, none. The test split was not used.", "",
            f"Temperatures, thresholds, hazards and patience come from the answers of models that did not see the flow's capture ({f.folds} folds by capture). "
            f"{bounds(f.slack)} The models that ship are fitted on all of it."]


def bounds(slack: float | None) -> str:
    """How they were chosen."""
    if slack is None:
        return "The stages and their bounds are those that `python -m train.plan` picked among many."
    return ("Bounds are those that let most flows, labelled or not, be answered within 16 ms while accuracy and macro-F1 of the labelled stay within "
            f"{slack:g} of the last stage alone.")
