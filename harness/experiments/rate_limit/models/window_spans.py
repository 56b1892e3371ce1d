"""
Spans of aligned windows: ranges of lengths and phases, for branch and bound (`clock_windows`).

Each field is an array with one row per span.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from harness.experiments.rate_limit.observations import DecisionLog, Floats

SHORTEST_S, LONGEST_S = 0.3, 65.0
_FIRST_LENGTHS, _FIRST_PHASES = 1.1, 12
_PARTS = 4


class WindowSpans(NamedTuple):
    """Shortest and longest length, first and last place of one edge; seconds."""

    short: Floats
    long: Floats
    first: Floats
    last: Floats


def first_spans(log: DecisionLog) -> WindowSpans:
    """Every length, and every place of the first edge after the first decision."""
    longest = min(LONGEST_S, max(2 * SHORTEST_S, float(log.t_s[-1] - log.t_s[0])))
    count = int(np.ceil(np.log(longest / SHORTEST_S) / np.log(_FIRST_LENGTHS)))
    lengths = np.geomspace(SHORTEST_S, longest, count + 1)
    turns = np.arange(_FIRST_PHASES + 1) / _FIRST_PHASES
    short, start = (part.ravel() for part in np.meshgrid(lengths[:-1], turns[:-1]))
    long, end = (part.ravel() for part in np.meshgrid(lengths[1:], turns[1:]))
    return WindowSpans(short, long, log.t_s[0] + start * short, log.t_s[0] + end * long)


def drift_of(log: DecisionLog, spans: WindowSpans) -> Floats:
    """How far the last edge's place varies within each span, seconds."""
    windows = np.maximum(1.0, (log.t_s[-1] - spans.first) / spans.short)
    drift: Floats = spans.last - spans.first + windows * (spans.long - spans.short)
    return drift


def split(log: DecisionLog, spans: WindowSpans) -> WindowSpans:
    """Split each span in four along the dimension with the largest drift of its edges."""
    windows = np.maximum(1.0, (log.t_s[-1] - spans.first) / spans.short)
    # After a few windows the length determines an edge more than the phase does.
    along = np.minimum(windows, 3.0) * (spans.long - spans.short) > spans.last - spans.first
    parts = []
    for k in range(_PARTS):
        low, high = k / _PARTS, (k + 1) / _PARTS
        wide, turn = spans.long - spans.short, spans.last - spans.first
        parts.append(
            (
                np.where(along, spans.short + low * wide, spans.short),
                np.where(along, spans.short + high * wide, spans.long),
                np.where(along, spans.first, spans.first + low * turn),
                np.where(along, spans.last, spans.first + high * turn),
            )
        )
    return WindowSpans(*(np.concatenate(column) for column in zip(*parts, strict=True)))
