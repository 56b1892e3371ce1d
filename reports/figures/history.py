"""A trend as small multiples: a row an operation, a column a metric."""

from __future__ import annotations

import statistics
from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.ticker import FuncFormatter

from harness.experiments.compare.change_points import POINTS_MIN
from harness.experiments.compare.trend import METRICS, Series, Trend
from harness.units import NS_PER_MS, format_duration
from reports.comparison.history import by_operation, largest_change
from reports.figures.style import FAULT, INK, SERIES, label, to_figure
from reports.formatting import plural, signed_percent
from reports.section import Figure

ROWS_MAX = 12
_WIDTH_IN, _ROW_IN, _HEAD_IN = 9.0, 0.85, 0.6
_ROOM = 0.2
"""An axis shows at least its level and so much to both sides: small noise stays small."""
_TICK_GAP = 0.3  # of an axis: two tick labels that are nearer hide each other
_TITLES = {
    "response.p50": "median response time",
    "response.p99": "p99 of response time",
    "throughput": "good answers a second",
}


def draw_history(trend: Trend) -> Figure:
    """The last trial among those before it."""
    return _draw(trend, "standing", "This trial among the earlier ones", last="this one")


def draw_each_operation(trend: Trend) -> Figure:
    """Every operation on its own scale: a small one is not flat beside a large one."""
    return _draw(trend, "apart", "Every operation on its own scale", last="newest")


def _draw(trend: Trend, name: str, title: str, *, last: str) -> Figure:
    """A line over all trials in each field, the last point marked, shifts as diamonds."""
    operations = by_operation(trend)
    rows = min(max(len(operations), 1), ROWS_MAX)
    drawing = Drawing(figsize=(_WIDTH_IN, _HEAD_IN + _ROW_IN * rows), layout="constrained")
    fields = drawing.subplots(rows, len(METRICS), sharex=True, squeeze=False)
    for row, (operation, metrics) in zip(fields, operations.items(), strict=False):
        for axes, one in zip(row, metrics, strict=True):
            _draw_field(axes, one)
        row[0].set_ylabel(label(operation), rotation=0, ha="right", va="center", fontsize=9)
    for axes, metric in zip(fields[0], METRICS, strict=True):
        axes.set_title(_TITLES[metric], fontsize=9, loc="left")
    for axes in fields[-1]:
        axes.set_xticks([0, len(trend.names) - 1], ["oldest", last], fontsize=8)
    return to_figure(drawing, name, title, _alt(trend, len(operations) - ROWS_MAX))


def _draw_field(axes: Axes, one: Series) -> None:
    values = np.array([np.nan if value is None else value for value in one.values])
    axes.plot(values, color=SERIES[0], marker=".", ms=5, lw=1.2)
    axes.plot([len(values) - 1], values[-1:], "o", color=INK, ms=6)
    for shift in one.change_points:
        axes.axvline(shift.at - 0.5, color=FAULT, lw=1, ls=(0, (2, 2)))
        axes.plot([shift.at], [values[shift.at]], "D", color=FAULT, ms=7, mfc="none")
    axes.set_xlim(-0.5, len(values) - 0.5)
    axes.grid(visible=False)
    axes.tick_params(axis="y", labelsize=8)
    axes.yaxis.set_major_formatter(FuncFormatter(_tick_format(one.metric)))
    seen = [value for value in one.values if value is not None]
    if seen:
        level, least, most = statistics.median(seen), min(seen), max(seen)
        low, high = min(least, level * (1 - _ROOM)), max(most, level * (1 + _ROOM))
        axes.set_ylim(low - 0.08 * (high - low), high + 0.08 * (high - low))
        apart = most - least > _TICK_GAP * (high - low)
        axes.set_yticks([least, most] if apart else [level])


def _tick_format(metric: str) -> Callable[[float, int | None], str]:
    if metric == "throughput":
        return lambda value, _: f"{value:.3g}"
    return lambda value, _: format_duration(value * NS_PER_MS)


def _alt(trend: Trend, left: int) -> str:
    changes = [
        f"{label(one.operation)} {one.metric} {signed_percent(shift.change, 0)} from "
        f"{label(trend.names[shift.at])} on"
        for one in trend.series
        for shift in one.change_points
    ]
    points = plural(len(trend.names), "trial")
    if changes:
        text = f"Over {points} changed for good (diamonds): {'; '.join(changes)}"
    elif len(trend.names) < POINTS_MIN:
        text = f"{points}, too few to tell where a level changed for good"
    else:
        text = f"Over {points} no level changed for good"
    if most := largest_change(trend):
        text = f"{text}; the last one's largest change against the level before is that of {most}"
    return f"{text}. {left} more operations are in trend.json." if left > 0 else f"{text}."
