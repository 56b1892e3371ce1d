"""The soaks' part of docs/explanation/drift.md, from a results file."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.capacity.page import put

Rows = Sequence[dict[str, Any]]
FIGURES = ("p50", "p99")


def write_soaks(rows: Rows, page: Path) -> list[str]:
    """Put the table into the page; each soak that was judged wrongly, a line."""
    valid = [row for row in rows if not is_void(row)]
    if valid:
        put(page, "soaks", _table(valid, len(rows) - len(valid)), valid)
    return [line for row in valid if (line := _wrong(row))]


def is_void(row: dict[str, Any]) -> bool:
    """Whether the generator was the bottleneck: the machine was busy, it is made again."""
    return bool(row["generator"]["saturated"])


def is_flagged(row: dict[str, Any]) -> bool:
    """Whether a figure was said to drift."""
    return "fail" in row["verdicts"].values()


def _wrong(row: dict[str, Any]) -> str:
    if is_flagged(row) == (row["rise"] > 0):
        return ""
    return f"{row['name']}: {'; '.join(row['details'].values())}"


def _table(rows: Rows, void: int) -> list[str]:
    lengths = sorted({row["length_s"] for row in rows})
    attempts = statistics.median(row["attempts"] for row in rows)
    lines = [
        (
            f"{len(rows)} soaks of {' or '.join(f'{s:g}' for s in lengths)} s with "
            f"{attempts:,.0f} attempts each (median):"
        ),
        "",
        "| latency over the soak | soaks | flagged | unknown | change of p50 found | change of p99 found |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for rise in sorted({row["rise"] for row in rows}):
        mine = [row for row in rows if row["rise"] == rise]
        doubts = sum(not is_flagged(row) and "unknown" in row["verdicts"].values() for row in mine)
        ranges = (_range([row["changes"][figure] for row in mine]) for figure in FIGURES)
        lines.append(
            f"| {f'rises by {rise:.0%}' if rise else 'stays'} | {len(mine)} "
            f"| {sum(map(is_flagged, mine))} | {doubts} | {' | '.join(ranges)} |"
        )
    if void:
        lines += [
            "",
            f"Void, because the generator was the bottleneck, and made again: {void}.",
        ]
    return lines


def _range(values: list[float]) -> str:
    return f"{min(values):+.1%} … {statistics.median(values):+.1%} … {max(values):+.1%}"
