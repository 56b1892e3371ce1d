"""Changes of a comparison: each metric's interval against its threshold."""

from __future__ import annotations

from matplotlib.ticker import FuncFormatter, MaxNLocator

from harness.experiments.compare.changes import Change, Comparison
from reports.comparison.summary import worsening
from reports.figures.style import (
    FAULT,
    INK,
    MUTED,
    SERIES,
    add_legend,
    label,
    new_drawing,
    to_figure,
)
from reports.formatting import signed_percent
from reports.section import Figure

ROWS_MAX = 60
_COLOURS = {"pass": SERIES[2], "regressed": FAULT, "inconclusive": SERIES[4]}
_MARKERS = {"pass": "o", "regressed": "s", "inconclusive": "D"}
_ROW_IN = 0.24
_OUTLYING = 4.0
_TICKS_MAX = 4
_SEVERITY = {"regressed": 0, "inconclusive": 1, "pass": 2}


def draw_changes(result: Comparison) -> Figure | None:
    """
    One row a metric of times and throughput; None when no change is known.

    Where there are more than `ROWS_MAX`, those that passed are left out first.
    """
    known = [c for c in result.changes if c.change is not None and c.unit != "share"]
    if not known:
        return None
    kept = sorted(known, key=lambda change: _SEVERITY[change.verdict])[:ROWS_MAX]
    rows = [change for change in known if change in kept]
    drawing, (axes,) = new_drawing(1.0 + _ROW_IN * len(rows))
    reach = _half_width(rows)
    for place, change in enumerate(rows):
        ends = [_worse(change, n) for n in _ends(change)]
        low, high = (min(max(end, -reach), reach) for end in ends)
        at = min(max(_worse(change, change.change), -reach), reach)
        colour = _COLOURS[change.verdict]
        axes.plot([low, high], [place, place], color=colour, linewidth=2)
        for end in ends:
            if abs(end) > reach:  # it goes on beyond the axis
                edge, arrow = (reach, ">") if end > 0 else (-reach, "<")
                axes.plot([edge], [place], color=colour, marker=arrow, ms=5)
        axes.plot([at], [place], color=colour, marker=_MARKERS[change.verdict], ms=5)
        axes.plot([change.threshold] * 2, [place - 0.4, place + 0.4], color=INK, lw=1)
    axes.axvline(0, color=MUTED, linewidth=1)
    axes.set_yticks(
        range(len(rows)), [f"{label(c.operation)} {c.metric}" for c in rows], fontsize=8
    )
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(-reach * 1.03, reach * 1.03)
    axes.xaxis.set_major_locator(MaxNLocator(_TICKS_MAX))
    axes.xaxis.set_major_formatter(FuncFormatter(_percent))
    axes.set_xlabel("change; worse to the right")
    for verdict, marker in _MARKERS.items():
        if any(change.verdict == verdict for change in rows):
            axes.plot([], [], color=_COLOURS[verdict], marker=marker, label=verdict)
    add_legend(drawing, axes)
    title = "Changes with their 95 % intervals"
    return to_figure(drawing, "changes", title, _alt(rows), narrow=True)


def _percent(value: float, _: int | None = None) -> str:
    return signed_percent(value, 0) if abs(value) >= 0.005 else "0 %"


def _worse(change: Change, number: float | None) -> float:
    """A change with worse to the right: less throughput is worse."""
    return (-1 if change.unit == "per_s" else 1) * (number or 0.0)


def _ends(change: Change) -> tuple[float | None, float | None]:
    return change.low, change.high


def _half_width(rows: list[Change]) -> float:
    """Half the axis: all changes, but no interval so wide that it flattens the others."""
    thresholds = max(change.threshold for change in rows)
    most = max(abs(n or 0.0) for c in rows for n in (c.change, c.low, c.high))
    points = max(abs(change.change or 0.0) for change in rows)
    return min(most, max(_OUTLYING * thresholds, 1.5 * points)) or thresholds


def _alt(rows: list[Change]) -> str:
    worst = max(rows, key=worsening)
    counts = ", ".join(
        f"{sum(c.verdict == verdict for c in rows)} {word}"
        for verdict, word in (
            ("regressed", "regressed"),
            ("inconclusive", "inconclusive"),
            ("pass", "passed"),
        )
    )
    return (
        f"Of {len(rows)} metrics {counts}; the least favourable change is that of "
        f"{label(worst.operation)} {worst.metric}, {signed_percent(worsening(worst))} in the "
        "worse direction. Each row's tick is its threshold; an arrow goes on beyond the axis."
    )
