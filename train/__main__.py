"""python3 -m train TASK: labelled captures -> a bundle.

Every feature comes from the serveflow binary, so training and serving share one
feature code.
"""

import argparse
import sys
from pathlib import Path

from . import pipeline
from .tables import Binary, Source

HERE = Path(__file__).resolve().parent


def main() -> None:
    parser = argparse.ArgumentParser(prog="python3 -m train", description=__doc__)
    parser.add_argument("task", help="the question: DATA/TASK holds train, calib and test captures and labels.csv.zst")
    parser.add_argument("--data", required=True, type=Path, help="folder of the labelled captures")
    parser.add_argument("--lab", type=Path, help="folder with further NAME.pcap.zst and NAME.labels.csv to train on")
    parser.add_argument("--out", type=Path, help="folder of the bundle; bundles/TASK by default")
    parser.add_argument("--version", default="1", help="the bundle's version, as labels show it")
    parser.add_argument("--serveflow", default=Path("bin/serveflow"), type=Path, help="the binary")
    parser.add_argument("--cache", default=Path(".train"), type=Path, help="folder for tables in between")
    parser.add_argument("--slack", default=0.005, type=float, help="accuracy and macro-F1 that the cascade may lose on its last stage")
    args = parser.parse_args()
    if not args.serveflow.exists():
        sys.exit(f"{args.serveflow} is missing: run make build, or name it with --serveflow")
    pipeline.run(pipeline.Job(
        task=args.task, version=args.version, slack=args.slack, data=args.data,
        out=args.out or Path("bundles") / args.task,
        binary=Binary(args.serveflow.resolve(), args.cache / args.task), sources=sources(args.data / args.task, args.lab),
        test=Source(args.data / args.task / "test.pcap.zst", args.data / args.task / "labels.csv.zst", "test"),
        notes=notes(args.task)))


def sources(folder: Path, lab: Path | None) -> list[Source]:
    """What may be learned from: the train and calib splits, and the lab's runs."""
    given = [Source(folder / f"{split}.pcap.zst", folder / "labels.csv.zst", split) for split in ("train", "calib")]
    runs = sorted(lab.glob("*.pcap.zst")) if lab else []
    given += [Source(run, run.with_name(run.name.replace(".pcap.zst", ".labels.csv"))) for run in runs]
    for source in given:
        for file in (source.capture, source.labels):
            if not file.exists():
                sys.exit(f"{file} is missing: --data and --lab name the folders of labelled captures")
    return given


def notes(task: str) -> str:
    """What people should know of the data and of what was tried, if somebody wrote it down."""
    file = HERE / "notes" / f"{task}.md"
    return file.read_text() if file.exists() else ""


if __name__ == "__main__":
    main()
