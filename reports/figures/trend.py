"""The trend of a plan: a drawing per metric with a line per operation and change points."""

from __future__ import annotations

import re

import numpy as np

from harness.experiments.compare.trend import METRICS, Trend
from reports.figures import style
from reports.figures.history import describe_change_points
from reports.section import Figure

_NAMES_MAX = 7
_LETTERS_MAX = 8
"""More or longer names overlap on a phone; the table has all."""
_DECADE = 10
_TRIAL_ID = re.compile(r"\d{4}(\d\d)(\d\d)T(\d\d)(\d\d)\d\dZ-")
_TITLES = {
    "response.p50": "Median response time",
    "response.p99": "p99 of response time",
    "throughput": "Ok attempts per second",
}


def draw_trend(trend: Trend) -> list[Figure]:
    """One figure per metric."""
    return [_draw(trend, metric) for metric in METRICS]


def _draw(trend: Trend, metric: str) -> Figure:
    series = [one for one in trend.series if one.metric == metric]
    drawing, (axes,) = style.new_drawing(3.8)
    for number, one in enumerate(series):
        values = np.array([np.nan if v is None else v for v in one.values])
        colour = style.SERIES[number % len(style.SERIES)]
        dash = style.DASHES[number // len(style.SERIES) % len(style.DASHES)]
        axes.plot(values, color=colour, ls=dash, marker=".", label=style.label(one.operation))
        for point in one.change_points:
            axes.plot([point.at], [values[point.at]], "D", color=style.FAULT, ms=7, mfc="none")
    seen = [value for one in series for value in one.values if value]
    log = metric != "throughput" and bool(seen) and max(seen) > _DECADE * min(seen)
    if metric != "throughput":
        style.duration_axis(axes, log=log)
    if seen and not log:
        axes.set_ylim(0, 1.1 * max(seen))  # from 0, so that noise does not look like a change
    axes.set_ylabel("response time" if metric != "throughput" else "attempts per second")
    step = -(-len(trend.names) // _NAMES_MAX)
    ticks = range(0, len(trend.names), step)
    names = [short_name(trend.names[at]) for at in ticks]
    axes.set_xticks(list(ticks), names, fontsize=8)
    style.add_legend(drawing, axes)
    name = f"trend-{metric.replace('.', '-')}"
    return style.to_figure(
        drawing,
        name,
        f"{_TITLES[metric]} over trials",
        describe_change_points(trend, series),
        narrow=True,
    )


def short_name(name: str) -> str:
    r"""
    The start time in a trial id; the first letters of another name.

    >>> short_name("20261125T130544Z-mixed-ab11"), short_name("v12"), short_name("before-v12")
    ('11-25\n13:05', 'v12', 'before-…')
    """
    if began := _TRIAL_ID.match(name):
        return "{}-{}\n{}:{}".format(*began.groups())
    shown = style.label(name)
    return shown if len(shown) <= _LETTERS_MAX else f"{shown[: _LETTERS_MAX - 1]}…"
