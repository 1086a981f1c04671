"""python -m lab [--home DIR] [--out DIR] [NAME ...]: makes the captures named, or all."""

import argparse
import importlib
import shutil
from pathlib import Path

from . import label, run
from .plan import Plan, Profile

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ["web", "messages", "clock", "infra", "shell", "files", "mail", "databases", "windows", "voice", "ics",
            "discovery", "names"]

# The demo's capture keeps whole flows; the others are for training and keep their beginnings.
PROFILES = {
    "demo": (Profile("demo", seed=4, seconds=30, clients=12, scale=0.85, size=1, net=20),
             ROOT / "testdata" / "captures" / "lab"),
    "run1": (Profile("run1", seed=101, seconds=90, clients=14, scale=2.6, size=2, net=31, keep=12),
             ROOT / "train" / "lab" / "run1"),
    "run2": (Profile("run2", seed=202, seconds=90, clients=10, scale=2.6, size=0.7, net=42, keep=12),
             ROOT / "train" / "lab" / "run2"),
    "run3": (Profile("run3", seed=303, seconds=90, clients=16, scale=2.6, size=1.5, net=53, keep=12),
             ROOT / "train" / "lab" / "run3"),
}


def build(profile: Profile, home: Path) -> Plan:
    """A plan with all the services in it."""
    plan = Plan(profile, home)
    for i in range(profile.clients):
        plan.host(f"c{i + 1}", "client")
    for name in profile.only or SERVICES:
        importlib.import_module(f"lab.services.{name}").add(plan)
    return plan


def main() -> None:
    parser = argparse.ArgumentParser(prog="lab", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="folder for the daemons' files")
    parser.add_argument("--out", type=Path, help="folder for the captures (default: the repository's)")
    parser.add_argument("--only", nargs="+", help="service modules to run (default: all)")
    parser.add_argument("--seconds", type=float, help="length of the run (default: the profile's)")
    parser.add_argument("names", nargs="*", metavar="NAME", help="demo run1 run2 run3 odd")
    args = parser.parse_args()
    for name in args.names or [*PROFILES, "odd"]:
        if name == "odd":
            importlib.import_module("lab.odd").write(ROOT / "testdata" / "captures" / "odd")
            continue
        profile, target = PROFILES[name]
        profile.only = tuple(args.only or ())
        profile.seconds = args.seconds or profile.seconds
        target = args.out / target.name if args.out else target
        target.parent.mkdir(parents=True, exist_ok=True)
        print(f"{name}:")
        shutil.rmtree(args.home / "run", ignore_errors=True)
        plan = build(profile, args.home)
        raw = args.home / f"{name}.pcap"
        label.write(plan, raw, *run.run(plan, raw), target)


if __name__ == "__main__":
    main()
