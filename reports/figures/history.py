"""A trend as small multiples: a row per operation, a column per metric."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.ticker import FuncFormatter

from harness.experiments.compare.change_points import POINTS_MIN
from harness.experiments.compare.trend import METRICS, Series, Trend
from harness.units import NS_PER_MS, format_duration
from reports.comparison.history import by_operation, largest_change
from reports.figures import style
from reports.formatting import plural, signed_percent
from reports.section import Figure

ROWS_MAX = 12
_WIDTH_IN, _ROW_IN, _HEAD_IN = 9.0, 0.85, 0.6
_ROOM = 0.2
"""Least range of an axis around its level, so that small noise looks small."""
_TICK_GAP = 0.3  # of an axis: nearer tick labels overlap
_TITLES = {
    "response.p50": "median response time",
    "response.p99": "p99 of response time",
    "throughput": "ok attempts per second",
}


def draw_history(trend: Trend) -> Figure:
    """The last trial among earlier ones."""
    return _draw(trend, "standing", "This trial among earlier trials", last="this one")


def draw_each_operation(trend: Trend) -> Figure:
    """Every operation on its own scale, so that small ones are not flat."""
    return _draw(trend, "apart", "Every operation on its own scale", last="newest")


def _draw(trend: Trend, name: str, title: str, *, last: str) -> Figure:
    """A line over all trials per field; last point and change points are marked."""
    operations = by_operation(trend)
    rows = min(max(len(operations), 1), ROWS_MAX)
    drawing = Drawing(figsize=(_WIDTH_IN, _HEAD_IN + _ROW_IN * rows), layout="constrained")
    fields = drawing.subplots(rows, len(METRICS), sharex=True, squeeze=False)
    for row, (operation, metrics) in zip(fields, operations.items(), strict=False):
        for axes, one in zip(row, metrics, strict=True):
            _draw_field(axes, one)
        row[0].set_ylabel(style.label(operation), rotation=0, ha="right", va="center", fontsize=9)
    for axes, metric in zip(fields[0], METRICS, strict=True):
        axes.set_title(_TITLES[metric], fontsize=9, loc="left")
    for axes in fields[-1]:
        axes.set_xticks([0, len(trend.names) - 1], ["oldest", last], fontsize=8)
    return style.to_figure(drawing, name, title, _alt(trend, len(operations) - ROWS_MAX))


def _draw_field(axes: Axes, one: Series) -> None:
    values = np.array([np.nan if value is None else value for value in one.values])
    axes.plot(values, color=style.SERIES[0], marker=".", ms=5, lw=1.2)
    axes.plot([len(values) - 1], values[-1:], "o", color=style.INK, ms=6)
    for point in one.change_points:
        axes.axvline(point.at - 0.5, color=style.FAULT, lw=1, ls=(0, (2, 2)))
        axes.plot([point.at], [values[point.at]], "D", color=style.FAULT, ms=7, mfc="none")
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
    text = describe_change_points(trend, trend.series)
    if most := largest_change(trend):
        text += f" Largest change of the last trial against the earlier level: {most}."
    return f"{text} trend.json has {plural(left, 'more operation')}." if left > 0 else text


def describe_change_points(trend: Trend, series: Iterable[Series]) -> str:
    """The change points of some series, or why there are none."""
    found = [
        f"{style.label(one.operation)} {one.metric} {signed_percent(point.change, 0)} from "
        f"{style.label(trend.names[point.at])} on"
        for one in series
        for point in one.change_points
    ]
    if found:
        return f"Change points (diamonds): {'; '.join(found)}."
    trials = plural(len(trend.names), "trial")
    if len(trend.names) < POINTS_MIN:
        return f"Change points unknown: {trials}, at least {POINTS_MIN} needed."
    return f"No change points in {trials}."
