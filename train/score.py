#!/usr/bin/env python3
"""Scores label records against known labels: python3 train/score.py --labels FILE < labels.jsonl

Reads what `serveflow replay` writes. Standard library only.
"""

import argparse
import json
import sys
from collections import Counter
from pathlib import Path

if __package__:
    from . import truth
else:  # run as a script
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    import truth


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--labels", required=True, type=Path, help="CSV with the known labels, also .zst")
    parser.add_argument("--split", default="", help="score the flows of this split alone")
    parser.add_argument("--question", default="", help="the column of labels, where the file answers several questions")
    parser.add_argument("--idle", default=2.0, type=float, help="SERVEFLOW_FLOW_IDLE of the run, seconds")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")
    args = parser.parse_args()
    try:
        figures = score(truth.need_labels(args.labels, args.split, args.question), sys.stdin, args.idle)
    except truth.Problem as problem:
        print(f"score: {' '.join(str(problem).split())}", file=sys.stderr)
        sys.exit(2)
    print(json.dumps(figures) if args.json else text(figures))


def score(known, lines, idle: float = 2.0) -> dict:
    """Figures over the known flows. One without a label counts as answered wrongly."""
    flows = truth.Flows(known)
    if not flows.all:
        raise truth.Problem("no known label; check the labels file and --split")
    try:
        records = [r for r in map(json.loads, lines) if r["final"]]
    except (ValueError, KeyError, TypeError):
        raise truth.Problem("a line is no label record; give what serveflow replay writes") from None
    twice = [uid for uid, n in Counter(r["uid"] for r in records).items() if n > 1]
    if twice:
        raise truth.Problem(f"{len(twice)} flows have two final labels, {twice[0]} for one")
    at = flows.first_connections(
        (truth.ends(r["orig_h"], r["orig_p"], r["resp_h"], r["resp_p"], r["proto"]), round(r["ts_first"] * 1e6)) for r in records)
    answers = {k: records[i] for k, i in at.items()}
    pairs = Counter((k.label, answers[k]["label"] if k in answers else "") for k in flows.all)
    return {
        "flows": len(flows.all),
        "unlabelled": len(flows.all) - len(answers),
        "other_flows": len(records) - len(answers),
        "accuracy": sum(n for (t, p), n in pairs.items() if t == p) / len(flows.all),
        **f1_scores(pairs),
        "by_stage": shares(answers, lambda r: r["stage"]),
        "by_reason": shares(answers, lambda r: r["reason"]),
        "wait_ms": waits(answers, idle),
    }


def f1_scores(pairs: Counter) -> dict:
    """Per-class F1 and their plain mean over the classes that are known to occur."""
    by_class = {}
    for c in sorted({t for t, _ in pairs}):
        hit = pairs[c, c]
        said = sum(n for (_, p), n in pairs.items() if p == c)
        due = sum(n for (t, _), n in pairs.items() if t == c)
        by_class[c] = 2 * hit / (said + due)
    return {"macro_f1": sum(by_class.values()) / len(by_class), "f1": by_class}


def shares(answers: dict, of) -> dict:
    counts = Counter(of(r) for r in answers.values())
    return {name: n / len(answers) for name, n in counts.most_common()}


def waits(answers: dict, idle: float) -> dict:
    """Time from a flow's first packet to its decision in record time, without compute.

    A flow decided by timeout also waited idle seconds for a packet that did not come.
    """
    times = sorted(r["wait_ms"] + (idle * 1000 if r["reason"] == "timeout" else 0) for r in answers.values())
    if not times:
        return {}
    at = lambda q: times[min(len(times) - 1, int(q * len(times)))]
    return {"p50": at(0.5), "p90": at(0.9), "p99": at(0.99), "under_16ms": sum(t < 16 for t in times) / len(times)}


def text(f: dict) -> str:
    percent = lambda shares: ", ".join(f"{name} {100 * x:.1f}%" for name, x in shares.items())
    w = f["wait_ms"]
    return "\n".join([
        f"flows       {f['flows']} ({f['unlabelled']} without a label; {f['other_flows']} other flows not scored)",
        f"accuracy    {f['accuracy']:.4f}",
        f"macro-F1    {f['macro_f1']:.4f}",
        f"by stage    {percent(f['by_stage'])}",
        f"by reason   {percent(f['by_reason'])}",
        *([f"wait        p50 {w['p50']:.1f} ms, p90 {w['p90']:.1f} ms, p99 {w['p99']:.1f} ms; "
           f"{100 * w['under_16ms']:.1f}% under 16 ms"] if w else []),
        "F1          " + ", ".join(f"{c} {x:.3f}" for c, x in f["f1"].items()),
    ])


if __name__ == "__main__":
    main()
