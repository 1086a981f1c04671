"""How long a flow should wait for its next packet: until no accuracy worth the time is gained any more.

The gain at a silence s: of labelled flows that heard nothing for s after a packet, the share
that is answered rightly by waiting on, less the share that is answered rightly if the
stages behind are asked at once. Unlabelled flows say nothing here.
"""

import numpy as np

from .rule import IDLE, UNKNOWN, Hold, Look, Outcome, Rule, background_at
from .thresholds import uncertainty
from .timeline import Timeline

LEVELS = (16.0, 32.0, 64.0, 125.0, 250.0, 500.0, 1000.0)  # ms
WORTH = 0.01  # a wait ends where the gain is surely less
FLOWS, CAPTURES = 50, 10  # fewer are no evidence
DRAWS, SURE = 200, 0.9  # bootstrap by capture, and the quantile of the gain that counts


def stop(p: list[list[np.ndarray]], rules: list[Rule], stage: int, m: int, names: list[str], background: str = "") -> np.ndarray:
    """The answers if the stages behind this one are asked with m packets, at once."""
    asked = [(rules[j], p[j][min(m, rules[j].most) - 1]) for j in range(stage + 1, len(rules))]
    answer = asked[-1][1].argmax(axis=1)
    for rule, q in reversed(asked[:-1]):
        said = q.argmax(axis=1)
        answer = np.where(uncertainty(q, rule.measure) <= rule.bound(names)[said], said, answer)
    return np.where(answer == background_at(names, background), UNKNOWN, answer)


def table(flows: Timeline, y: np.ndarray, looks: list[Look], out: Outcome, p, rules: list[Rule], stage: int, names: list[str],
          background: str = "") -> tuple[Hold, ...]:
    """The rules of one stage: one list for its own number of packets, one for more, up to the next stage's depth; none if that is its own.

    y: class indices, UNKNOWN for the background, -1 if not known. looks, out: what becomes of the flows without any patience.
    """
    depths, holds = range(rules[stage].depth, rules[stage + 1].depth), []
    if not depths:
        return ()
    for packets, counts in ((depths[0], depths[:1]), (0, depths[1:])):
        seen = [silences(flows, y, looks, out, stop(p, rules, stage, m, names, background), (stage, min(m, rules[stage].most)), m) for m in counts]
        if seen:
            found = waits(*(np.concatenate(column) for column in zip(*seen)), len(names))
            holds += compact(found, names, packets if len(depths) > 1 else 0)
    while holds and holds[-1].ms == IDLE:  # what holds anyway
        holds.pop()
    return tuple(holds)


def silences(flows: Timeline, y, looks: list[Look], out: Outcome, stopped: np.ndarray, key: tuple[int, int], m: int) -> tuple[np.ndarray, ...]:
    """Of the labelled flows that wait with m packets behind a look: class that is ahead, gap, gain, capture."""
    place = next(i for i, look in enumerate(looks) if look.key == key)
    look = looks[place]
    here = (y != -1) & (out.look > place) & look.asked & look.waits & (look.cut == "") & flows.waiting(m)
    gain = (out.answer == y).astype(float) - (stopped == y)
    return look.answer[here], flows.gap(m)[here], gain[here], flows.capture[here].astype(str)


def waits(ahead: np.ndarray, gap: np.ndarray, gain: np.ndarray, capture: np.ndarray, classes: int) -> np.ndarray:
    """The wait for each class, ms, and last that for classes of which too little is known, which are NaN."""
    found = np.full(classes + 1, np.nan)
    rare = np.zeros(len(ahead), dtype=bool)
    for c in range(classes):
        mine = ahead == c
        if enough(capture[mine & (gap > LEVELS[0])]):
            found[c] = level(gap[mine], gain[mine], capture[mine])
        else:
            rare |= mine
    found[-1] = level(gap[rare], gain[rare], capture[rare])
    return found


def enough(capture: np.ndarray) -> bool:
    return len(capture) >= FLOWS and len(np.unique(capture)) >= CAPTURES


def level(gap: np.ndarray, gain: np.ndarray, capture: np.ndarray) -> float:
    """The shortest wait behind which no silence is worth waiting through; IDLE if there is none."""
    best = IDLE
    for ms in reversed(LEVELS):
        silent = gap > ms
        if not enough(capture[silent]):
            continue
        if upper(gain[silent], capture[silent]) > WORTH:
            break
        best = ms
    return best


def upper(gain: np.ndarray, capture: np.ndarray) -> float:
    """The mean gain that the true one is surely below: a quantile over captures drawn again."""
    _, at = np.unique(capture, return_inverse=True)
    total, size = np.bincount(at, gain), np.bincount(at)
    drawn = np.random.default_rng(1).multinomial(len(size), np.full(len(size), 1 / len(size)), DRAWS)
    return float(np.quantile((drawn @ total) / (drawn @ size), SURE))


def compact(found: np.ndarray, names: list[str], packets: int) -> list[Hold]:
    """Few rules: one for each wait that differs from that of the rest, which comes last."""
    rest = float(found[-1])
    own = {float(ms): tuple(n for n, w in zip(names, found) if w == ms) for ms in sorted(set(found[:-1][~np.isnan(found[:-1])])) if ms != rest}
    return [*(Hold(ms, classes, packets) for ms, classes in own.items()), Hold(rest, (), packets)]
