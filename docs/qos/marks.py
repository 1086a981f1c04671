#!/usr/bin/env python3
"""Puts flows into nftables by their class: label records, one a line, in; elements of rules.nft's maps out.

    serveflow labels --task qos --json | python3 marks.py

Run it as root on the router, with rules.nft loaded. Standard library only.
"""

import argparse
import collections
import ipaddress
import json
import os
import subprocess
import sys

TABLE = "inet flow_qos"
CLASSES = ("background", "bulk", "interactive", "real-time", "signalling", "streaming")


class NotMarked(Exception):
    """Why a label's flow gets no mark."""


def elements(line, least):
    """The map and the two elements of a label's flow, one a direction. Raises NotMarked."""
    try:
        label = json.loads(line)
        name, sure, final = label["label"], float(label["confidence"]), label["final"]
        orig, resp = ipaddress.ip_address(label["orig_h"]), ipaddress.ip_address(label["resp_h"])
        ports, proto = (int(label["orig_p"]), int(label["resp_p"])), label["proto"]
    except (ValueError, KeyError, TypeError):
        raise NotMarked("no label record") from None
    if not final:
        raise NotMarked("provisional")
    if name not in CLASSES:
        raise NotMarked("of no class")
    if not sure >= least:
        raise NotMarked("not sure enough")
    if proto not in ("tcp", "udp") or orig.version != resp.version or not all(0 <= p <= 65535 for p in ports):
        raise NotMarked("neither TCP nor UDP")
    chain = "to_" + name.replace("-", "_")
    there = f"{orig} . {resp} . {proto} . {ports[0]} . {ports[1]} : goto {chain}"
    back = f"{resp} . {orig} . {proto} . {ports[1]} . {ports[0]} : goto {chain}"
    return f"flows{orig.version}", [there, back]


def commands(found):
    """nft's input for some (map, elements)."""
    return "".join(f"add element {TABLE} {name} {{ {', '.join(two)} }}\n" for name, two in found)


def load(found, nft):
    """Gives them to nft at once, or one by one where it refuses. Returns how many it refused, and its first words."""
    def run(some):
        return subprocess.run([nft, "-f", "-"], input=commands(some), text=True, capture_output=True)

    if not found or run(found).returncode == 0:
        return 0, ""
    said = [done.stderr.strip().splitlines() or ["it said nothing"] for done in map(run, ([one] for one in found)) if done.returncode]
    return len(said), said[0][0] if said else ""


def batches(file):
    """Lines as they come: all that are there at a time."""
    rest = b""
    while chunk := os.read(file, 1 << 16):
        *lines, rest = (rest + chunk).split(b"\n")
        if lines:
            yield lines
    if rest:
        yield [rest]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--least", type=float, default=0.6, metavar="P", help="confidence that a label needs (default 0.6)")
    parser.add_argument("--nft", default="nft", help="the nft program")
    parser.add_argument("--print", action="store_true", help="print what nft would read, and change nothing")
    args = parser.parse_args()
    count, words = collections.Counter(), ""
    for lines in batches(sys.stdin.fileno()):
        found = []
        for line in lines:
            try:
                found.append(elements(line, args.least))
            except NotMarked as why:
                count[str(why)] += 1
        if args.print:
            sys.stdout.write(commands(found))
            sys.stdout.flush()
            refused, said = 0, ""
        else:
            refused, said = load(found, args.nft)
        count["marked"] += len(found) - refused
        count["refused by nft"] += refused
        if said and not words:
            words = said
            print(f"marks.py: nft: {said}; is rules.nft loaded? A flow whose ports were just another flow's is refused too", file=sys.stderr)
    print("marks.py: " + ", ".join(f"{n} {what}" for what, n in sorted(count.items()) if n or what == "marked"), file=sys.stderr)
    sys.exit(1 if count["refused by nft"] and not count["marked"] else 0)


if __name__ == "__main__":
    try:
        main()
    except FileNotFoundError as missing:
        sys.exit(f"marks.py: {missing.filename} is not there: install nftables, or name it with --nft")
    except KeyboardInterrupt:
        sys.exit(130)
