"""Turns the lab's records into the TSV log that Zeek writes by its defaults.

Reads JSON lines from standard input. One column a field, in the order of the
package's record; unset fields are "-".
"""

import json
import sys

TYPES = {
    "ev": "string", "ts": "time", "uid": "string",
    "id.orig_h": "addr", "id.orig_p": "port", "id.resp_h": "addr", "id.resp_p": "port",
    "proto": "enum", "n": "count", "is_orig": "bool", "ip_len": "count", "plen": "count",
    "ttl": "count", "flags": "count", "win": "count", "hdr": "string", "hdr_why": "string",
    "duration": "interval", "orig_bytes": "count", "resp_bytes": "count",
    "conn_state": "string", "history": "string", "orig_pkts": "count", "orig_ip_bytes": "count",
    "resp_pkts": "count", "resp_ip_bytes": "count", "sent": "count",
}


def text(kind, value):
    if value is None:
        return "-"
    if kind in ("time", "interval"):
        return f"{value:.6f}"
    if kind == "bool":
        return "T" if value else "F"
    if value == "":
        return "(empty)"
    return "\\x2d" if value == "-" else str(value)


print("#separator \\x09", "#set_separator\t,", "#empty_field\t(empty)", "#unset_field\t-", sep="\n")
print("#path\tserveflow", "#open\t2026-01-01-00-00-00", sep="\n")
print("#fields", *TYPES, sep="\t")
print("#types", *TYPES.values(), sep="\t")
for line in sys.stdin:
    record = json.loads(line)
    unknown = set(record) - set(TYPES)
    if unknown:
        sys.exit(f"tsv.py: the records have fields without a type here: {', '.join(sorted(unknown))}")
    print(*(text(kind, record.get(field)) for field, kind in TYPES.items()), sep="\t")
print("#close\t2026-01-01-00-00-00")
