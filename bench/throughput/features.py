"""The compact features of cascade/nprint, from a record's header bytes, for service.py."""

from bisect import bisect_right

ABSENT = -1
LONGEST = 65575
# floor(8 log2(x)) is how many of these are at most x.
EIGHTHS = [2 ** (k / 8) for k in range(1, 504)]


class Packet:
    """ts: microseconds. The others are fields of cascade/nprint/FEATURES.md, -1 where absent."""

    __slots__ = ("ts", "dir", "ip_len", "ip_hl", "ip_tos", "ip_ttl", "ip_df", "ip_id0", "payload_len", "tcp_flags", "tcp_window", "tcp_hl", "tcp_mss", "tcp_wscale",
                 "tcp_sack_ok", "tcp_ts", "tcp_opts", "tcp_opt_order", "tcp_sacks", "udp_len")


def parse(h: bytes, r: dict, ts: int, from_orig: bool) -> Packet:
    p = Packet()
    p.ts, p.dir = ts, int(from_orig)
    p.ip_len = p.ip_hl = p.ip_tos = p.ip_ttl = p.ip_df = p.ip_id0 = p.payload_len = p.tcp_flags = p.tcp_window = p.tcp_hl = ABSENT
    p.tcp_mss = p.tcp_wscale = p.tcp_sack_ok = p.tcp_ts = p.tcp_opts = p.tcp_opt_order = p.tcp_sacks = p.udp_len = ABSENT
    proto, fragment, t, n = ABSENT, False, b"", len(h)
    version = h[0] >> 4 if n else 0
    if version == 4 and (hl := (h[0] & 15) * 4) >= 20:
        p.ip_hl = hl
        if n >= 2:
            p.ip_tos = h[1]
        if n >= 4:
            p.ip_len = h[2] << 8 | h[3]
        if n >= 6:
            p.ip_id0 = int(h[4] == 0 and h[5] == 0)
        if n >= 7:
            p.ip_df = int(h[6] & 0x40 != 0)
        if n >= 9:
            p.ip_ttl = h[8]
        if n >= 10:
            proto, offset = h[9], (h[6] & 0x1F) << 8 | h[7]
            fragment = h[6] & 0x20 != 0 or offset > 0
            if not offset:
                t = h[hl:]
    elif version == 6:
        if n >= 2:
            p.ip_tos = (h[0] << 8 | h[1]) >> 4 & 0xFF
        if n >= 6:
            p.ip_len = (h[4] << 8 | h[5]) + 40
        if n >= 8:
            p.ip_ttl = h[7]
        if n >= 40:
            proto, p.ip_hl, fragment, t = chain(h)
    if proto == 6:
        tcp(p, t)
    elif proto == 17 and len(t) >= 6:
        p.udp_len = t[4] << 8 | t[5]
    if p.ip_len < 0:
        p.ip_len = min(r.get("ip_len", ABSENT), LONGEST)
    if p.ip_ttl < 0:
        p.ip_ttl = r.get("ttl", ABSENT)
    if proto in (6, ABSENT):
        if p.tcp_flags < 0:
            p.tcp_flags = r.get("flags", ABSENT)
        if p.tcp_window < 0:
            p.tcp_window = min(r.get("win", ABSENT), LONGEST)
    behind = p.tcp_hl if proto == 6 else 8 if proto in (17, 1, 58) else ABSENT
    if not fragment and behind >= 0 and p.ip_hl >= 0 and p.ip_len >= 0:
        p.payload_len = max(p.ip_len - p.ip_hl - behind, ABSENT)
    if p.payload_len < 0:
        p.payload_len = min(r.get("plen", ABSENT), LONGEST)
    return p


def chain(h: bytes) -> tuple[int, int, bool, bytes]:
    """The protocol, its place, whether it is of a fragment, and the bytes there, of an IPv6 header with extensions."""
    following, at, offset, more = h[6], 40, 0, False
    while following in (0, 43, 44, 60):
        if at + 8 > len(h):
            return ABSENT, ABSENT, False, b""
        extension = h[at:]
        if following == 44:
            field = extension[2] << 8 | extension[3]
            offset, more = field >> 3, field & 1 != 0
            at += 8
        else:
            at += (extension[1] + 1) * 8
        following = extension[0]
        if offset:
            break
    return following, at, more or offset > 0, h[at:] if not offset else b""


def tcp(p: Packet, t: bytes) -> None:
    if len(t) < 13 or (hl := (t[12] >> 4) * 4) < 20:
        return
    t = t[:hl]
    p.tcp_hl = hl
    if len(t) >= 14:
        p.tcp_flags = t[13]
    if len(t) >= 16:
        p.tcp_window = t[14] << 8 | t[15]
    if len(t) == hl:
        options(p, t[20:])


def options(p: Packet, left: bytes) -> None:
    p.tcp_sack_ok = p.tcp_ts = p.tcp_sacks = 0
    count = order = at = 0
    n = len(left)
    while at < n and left[at]:
        kind, size, digit = left[at], 1, 7
        if kind != 1:
            if at + 2 > n or left[at + 1] < 2 or at + left[at + 1] > n:
                break
            size = left[at + 1]
        if kind == 1:
            digit = 1
        elif kind == 2:
            digit = 2
            if size == 4:
                p.tcp_mss = left[at + 2] << 8 | left[at + 3]
        elif kind == 3:
            digit = 3
            if size == 3:
                p.tcp_wscale = left[at + 2]
        elif kind == 4:
            digit, p.tcp_sack_ok = 4, 1
        elif kind == 5:
            digit = 5
            p.tcp_sacks += (size - 2) // 8
        elif kind == 8:
            digit, p.tcp_ts = 6, 1
        if count < 6:
            order |= digit << 3 * count
        count += 1
        at += size
    p.tcp_opts, p.tcp_opt_order = count, order


def log_time(begin: int, end: int) -> int:
    """floor(8 log2(1 + end - begin)), 0 if end is before begin."""
    return bisect_right(EIGHTHS, 1 + end - begin) if end > begin else 0


class Extractor:
    """Rows of these features, of a flow's first packets."""

    def __init__(self, names: list[str]):
        self.flow = [n for n in names if not n[0] == "p" or not n[1].isdigit()]
        self.plan = []
        for n in names:
            if n in self.flow:
                self.plan.append((0, n))
            else:
                number, _, field = n[1:].partition("_")
                self.plan.append((int(number), field))

    def __call__(self, f, count: int) -> list:
        packets = f.packets[:count]
        sides, payload, largest, gaps = [0, 0], [0, 0], [ABSENT, ABSENT], []
        before = packets[0].ts
        for p in packets:
            side = p.dir
            sides[side] += 1
            if p.payload_len >= 0:
                payload[side] += p.payload_len
                largest[side] = max(largest[side], p.payload_len)
            gaps.append(log_time(before, p.ts))
            before = p.ts
        known = {"proto": f.proto, "resp_port": f.port, "packets": len(packets), "orig_packets": sides[1], "resp_packets": sides[0], "orig_payload": payload[1],
                 "resp_payload": payload[0], "orig_payload_max": largest[1], "resp_payload_max": largest[0], "log_duration": log_time(packets[0].ts, packets[-1].ts)}
        row, n = [], len(packets)
        for number, field in self.plan:
            if not number:
                row.append(known[field])
            elif number > n:
                row.append(ABSENT)
            elif field == "log_gap":
                row.append(gaps[number - 1])
            else:
                row.append(getattr(packets[number - 1], field))
        return row
