#!/usr/bin/env python3
"""What the package costs: Zeek's CPU time on captures, without it and with it, in turns.

    zeek-scripts/bench.py [--zeek zeek] [--runs 5] [--form NAME='ARGUMENTS']... CAPTURE...

A form is a way to run the package: arguments that Zeek gets besides it. CPU time
is user and system time of all of Zeek's threads; the capture is read as fast as
it goes, default scripts, logs as JSON, checksums not looked at (-C).
"""

import argparse
import os
import shlex
import statistics
import tempfile
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent / "scripts"


def run(command: list, folder: str) -> tuple:
    """Runs Zeek in a folder; CPU seconds, records written and their bytes."""
    child = os.fork()
    if child == 0:
        os.chdir(folder)
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        os.execvp(command[0], command)
    _, status, usage = os.wait4(child, 0)
    if status:
        raise SystemExit(f"{shlex.join(command)}: status {status}")
    log = Path(folder, "serveflow.log")
    lines = size = 0
    if log.exists():
        data = log.read_bytes()
        lines, size = data.count(b"\n"), len(data)
    return usage.ru_utime + usage.ru_stime, lines, size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("captures", nargs="+", metavar="CAPTURE")
    parser.add_argument("--zeek", default="zeek")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--form", action="append", default=[], metavar="NAME=ARGUMENTS")
    args = parser.parse_args()
    forms = {"without": [], "with the package": [str(PACKAGE)]}
    for form in args.form:
        name, _, arguments = form.partition("=")
        forms[name] = [str(PACKAGE), *shlex.split(arguments)]
    print("| capture | form | CPU s, minimum | median | ratio of minima | of medians | records | bytes a record |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for capture in args.captures:
        base = [args.zeek, "-C", "-r", str(Path(capture).resolve()), "LogAscii::use_json=T"]
        times = {name: [] for name in forms}
        wrote = {}
        for _ in range(args.runs):
            for name, arguments in forms.items():
                with tempfile.TemporaryDirectory() as folder:
                    cpu, lines, size = run(base + arguments, folder)
                times[name].append(cpu)
                wrote[name] = (lines, size / max(lines, 1))
        low, mid = min(times["without"]), statistics.median(times["without"])
        for name, cpu in times.items():
            lines, size = wrote[name]
            print(f"| {Path(capture).stem} | {name} | {min(cpu):.2f} | {statistics.median(cpu):.2f} "
                  f"| {min(cpu) / low:.2f} | {statistics.median(cpu) / mid:.2f} | {lines} | {size:.0f} |", flush=True)


if __name__ == "__main__":
    main()
