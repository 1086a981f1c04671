"""Delays as a picture: for each way, the share of records that were there by then."""

import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 340, 52, 16, 16, 44
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
LOW, HIGH = 1.0, 2000.0  # milliseconds, the ends of the logarithmic axis


def x_of(ms: float) -> float:
    share = math.log(min(max(ms, LOW), HIGH) / LOW) / math.log(HIGH / LOW)
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def y_of(share: float) -> float:
    return TOP + (1 - share) * (HEIGHT - TOP - BOTTOM)


def curve(delays: list) -> str:
    """The points of one curve: a hundred are enough for the eye."""
    delays = sorted(delays)
    shares = [n / 100 for n in range(101)]
    return " ".join(f"{x_of(delays[min(int(s * len(delays)), len(delays) - 1)]):.1f},{y_of(s):.1f}" for s in shares)


def axes(title: str) -> list:
    parts = []
    for share in (0, 0.25, 0.5, 0.75, 1):
        y = y_of(share)
        parts.append(f'<path d="M{LEFT},{y:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>'
                     f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{share:.0%}</text>')
    for ms in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000):
        x = x_of(ms)
        parts.append(f'<path d="M{x:.1f},{TOP}V{HEIGHT - BOTTOM}" stroke="#eee"/>'
                     f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{ms}</text>')
    parts.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 8}" text-anchor="middle">{escape(title)}</text>')
    return parts


def picture(title: str, ways: dict) -> str:
    """An SVG of the ways' delays in milliseconds, by name."""
    parts = axes(title)
    for n, (name, delays) in enumerate(ways.items()):
        colour, y = COLOURS[n % len(COLOURS)], TOP + 18 + 18 * n
        parts.append(f'<polyline points="{curve(delays)}" fill="none" stroke="{colour}" stroke-width="2"/>'
                     f'<path d="M{LEFT + 10},{y - 4}h20" stroke="{colour}" stroke-width="2"/><text x="{LEFT + 36}" y="{y}">{escape(name)}</text>')
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">\n'
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>\n' + "\n".join(parts) + "\n</svg>\n")
