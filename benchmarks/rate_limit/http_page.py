"""
The measured part of docs/explanation/rate-limit.md: truth, estimate and interval of every setting.

What stands between the page's two marks is replaced; everything else is a person's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

BEGIN, END = "<!-- over http: begin -->", "<!-- over http: end -->"
Row = dict[str, Any]
_NEAR = 1e-9
"""Relative; a bound that is the truth but for rounding holds it."""


def write_page(rows: Sequence[Row], page: Path) -> None:
    """Put the summary and the table into the page."""
    text = page.read_text()
    head, found, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not found or not end:
        raise ValueError(f"{page} has no place for the figures")
    page.write_text(f"{head}{BEGIN}\n\n{summarise(rows)}\n\n{_table(rows)}\n\n{END}{tail}")


def summarise(rows: Sequence[Row]) -> str:
    """How often each number was right, by algorithm."""
    lines = [
        _row(
            "limiter",
            "settings",
            "algorithm",
            "rate ±3 %",
            "burst ±1 or 5 %",
            "window ±2 %",
            "intervals hold the truth",
            "Retry-After correct",
        ),
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    kinds = list(dict.fromkeys(row["kind"] for row in rows))
    groups = {kind: [row for row in rows if row["kind"] == kind] for kind in sorted(kinds)}
    for name, group in {**groups, "all": list(rows)}.items():
        cells = [_share(group, test) for test in (_named, _rate, _burst, _window)]
        held = [held for row in group for held in _held(row)]
        cells += [f"{sum(held)} of {len(held)}", _share(group, _called)]
        lines.append(_row(name, str(len(group)), *cells))
    return "\n".join(lines)


def _table(rows: Sequence[Row]) -> str:
    lines = [
        _row(
            "seed",
            "limiter",
            "rate, 1/s",
            "estimate",
            "burst",
            "estimate",
            "window, s",
            "estimate",
            "Retry-After",
            "found",
            "requests",
            "s",
            "check run",
        ),
        "| ---: | --- | ---: | --- | ---: | --- | ---: | --- | --- | --- | ---: | ---: | --- |",
    ]
    for row in rows:
        told, check = row["told"], row["check"]
        name = row["kind"] + ("" if _named(row) else f" (told: {told['algorithm']})")
        cells = [
            str(row["seed"]),
            name,
            f"{row['rate_per_s']:.4g}",
            _interval(told["rate_per_s"], right=_rate(row)),
            str(row["burst"]),
            _interval(told["burst"], right=_burst(row)),
            f"{row['window_s']:g}" if row["window_s"] else "–",
            _interval(told["window_s"], right=_window(row) is not False),
            row["style"],
            told["retry_after"]["kind"] + ("" if _called(row) else " (wrong)"),
            f"{told['attempts']:,}",
            f"{row['seconds']:.0f}",
            f"{check['refused']} of {check['sent']} refused" if check else "–",
        ]
        lines.append(_row(*cells))
    return "\n".join(lines)


def _row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def _interval(told: dict[str, float] | None, *, right: bool) -> str:
    if told is None:
        return "–" if right else "– (wrong)"
    text = f"{told['estimate']:.4g} [{told['low']:.4g}, {told['high']:.4g}]"
    return text if right else text + " (wrong)"


def _share(rows: Sequence[Row], test: Callable[[Row], bool | None]) -> str:
    answers = [answer for row in rows if (answer := test(row)) is not None]
    return f"{sum(answers)} of {len(answers)}" if answers else "–"


def _named(row: Row) -> bool:
    return bool(row["told"]["algorithm"] == row["kind"])


def _called(row: Row) -> bool:
    return row["told"]["retry_after"]["kind"] in row["words"]


def _rate(row: Row) -> bool:
    return _near(row["told"]["rate_per_s"], row["rate_per_s"], 0.03 * row["rate_per_s"])


def _burst(row: Row) -> bool:
    return _near(row["told"]["burst"], row["burst"], max(1.0, 0.05 * row["burst"]))


def _window(row: Row) -> bool | None:
    if row["window_s"] is None:
        return None
    return _near(row["told"]["window_s"], row["window_s"], 0.02 * row["window_s"])


def _near(told: dict[str, float] | None, truth: float, within: float) -> bool:
    return told is not None and abs(told["estimate"] - truth) <= within


def _held(row: Row) -> list[bool]:
    """For each number that was told and has a truth: whether its interval holds it."""
    return [
        told["low"] * (1 - _NEAR) <= row[name] <= told["high"] * (1 + _NEAR)
        for name in ("rate_per_s", "burst", "window_s")
        if (told := row["told"][name]) is not None and row[name] is not None
    ]
