"""Changes of a comparison: each metric's interval and tolerance."""

from __future__ import annotations

import numpy as np
from matplotlib.ticker import FuncFormatter, MaxNLocator

from harness.experiments.compare.changes import Change, Comparison
from reports.comparison.summary import worse_sign, worsening
from reports.comparison.tables import SEVERITY
from reports.figures import style
from reports.formatting import signed_percent
from reports.section import Figure

ROWS_MAX = 60
_COLOURS = {"pass": style.SERIES[2], "regressed": style.FAULT, "inconclusive": style.SERIES[4]}
_MARKERS = {"pass": "o", "regressed": "s", "inconclusive": "D"}
_ROW_IN = 0.24
_OUTLYING = 4.0
_TICKS_MAX = 4


def draw_changes(result: Comparison) -> Figure | None:
    """
    One row per time or throughput; None when no change is known.

    Beyond `ROWS_MAX` rows, metrics that passed are left out first.
    """
    known = [c for c in result.changes if c.change is not None and c.unit != "share"]
    if not known:
        return None
    kept = sorted(known, key=lambda change: SEVERITY[change.verdict])[:ROWS_MAX]
    rows = [change for change in known if change in kept]
    drawing, (axes,) = style.new_drawing(1.0 + _ROW_IN * len(rows))
    reach = _half_width(rows)
    for place, change in enumerate(rows):
        ends = [worse_sign(change) * (end or 0.0) for end in (change.low, change.high)]
        low, high, at = np.clip([*ends, worsening(change)], -reach, reach)
        colour = _COLOURS[change.verdict]
        axes.plot([low, high], [place, place], color=colour, linewidth=2)
        for end in ends:
            if abs(end) > reach:  # it continues beyond the axis
                edge, arrow = (reach, ">") if end > 0 else (-reach, "<")
                axes.plot([edge], [place], color=colour, marker=arrow, ms=5)
        axes.plot([at], [place], color=colour, marker=_MARKERS[change.verdict], ms=5)
        axes.plot([change.threshold] * 2, [place - 0.4, place + 0.4], color=style.INK, lw=1)
    axes.axvline(0, color=style.MUTED, linewidth=1)
    axes.set_yticks(
        range(len(rows)), [f"{style.label(c.operation)} {c.metric}" for c in rows], fontsize=8
    )
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(-reach * 1.03, reach * 1.03)
    axes.xaxis.set_major_locator(MaxNLocator(_TICKS_MAX))
    axes.xaxis.set_major_formatter(FuncFormatter(_percent))
    axes.set_xlabel("change (right is worse)")
    for verdict, marker in _MARKERS.items():
        if any(change.verdict == verdict for change in rows):
            axes.plot([], [], color=_COLOURS[verdict], marker=marker, label=verdict)
    style.add_legend(drawing, axes)
    title = "Changes with their 95 % intervals"
    return style.to_figure(drawing, "changes", title, _alt(rows), narrow=True)


def _percent(value: float, _: int | None = None) -> str:
    return signed_percent(value, 0) if abs(value) >= 0.005 else "0 %"


def _half_width(rows: list[Change]) -> float:
    """Half the axis: shows all changes, and cuts intervals that would flatten the others."""
    tolerance = max(change.threshold for change in rows)
    most = max(abs(n or 0.0) for c in rows for n in (c.change, c.low, c.high))
    points = max(abs(change.change or 0.0) for change in rows)
    return min(most, max(_OUTLYING * tolerance, 1.5 * points)) or tolerance


def _alt(rows: list[Change]) -> str:
    worst = max(rows, key=worsening)
    words = {"regressed": "regressed", "inconclusive": "inconclusive", "pass": "passed"}
    counts = ", ".join(
        f"{sum(c.verdict == verdict for c in rows)} {word}" for verdict, word in words.items()
    )
    return (
        f"{len(rows)} metrics: {counts}. The worst change is {style.label(worst.operation)} "
        f"{worst.metric}, {signed_percent(worsening(worst))} (positive: worse). The tick of a row "
        "is its tolerance; an arrow continues beyond the axis."
    )
