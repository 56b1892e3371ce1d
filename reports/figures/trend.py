"""The trend of a plan: one drawing a metric, a line an operation, shifts marked."""

from __future__ import annotations

import re

import numpy as np

from harness.experiments.compare.trend import METRICS, Series, Trend
from reports.figures.style import (
    DASHES,
    FAULT,
    SERIES,
    add_legend,
    duration_axis,
    label,
    new_drawing,
    to_figure,
)
from reports.formatting import signed_percent
from reports.section import Figure

_NAMES_MAX = 7
_LETTERS_MAX = 8
"""More names, or longer ones, lie on one another on a telephone; the table has them all."""
_DECADE = 10
_TRIAL_ID = re.compile(r"\d{4}(\d\d)(\d\d)T(\d\d)(\d\d)\d\dZ-")
_TITLES = {
    "response.p50": "Median response time",
    "response.p99": "Response time's p99",
    "throughput": "Good answers a second",
}


def draw_trend(trend: Trend) -> list[Figure]:
    """One figure a metric."""
    return [_draw(trend, metric) for metric in METRICS]


def _draw(trend: Trend, metric: str) -> Figure:
    series = [one for one in trend.series if one.metric == metric]
    drawing, (axes,) = new_drawing(3.8)
    for number, one in enumerate(series):
        values = np.array([np.nan if v is None else v for v in one.values])
        colour = SERIES[number % len(SERIES)]
        dash = DASHES[number // len(SERIES) % len(DASHES)]
        axes.plot(values, color=colour, ls=dash, marker=".", label=label(one.operation))
        for shift in one.change_points:
            axes.plot([shift.at], [values[shift.at]], "D", color=FAULT, ms=7, mfc="none")
    seen = [value for one in series for value in one.values if value]
    log = metric != "throughput" and bool(seen) and max(seen) > _DECADE * min(seen)
    if metric != "throughput":
        duration_axis(axes, log=log)
    if seen and not log:
        axes.set_ylim(0, 1.1 * max(seen))  # on less than the whole noise looks like a change
    axes.set_ylabel("response time" if metric != "throughput" else "per second")
    step = -(-len(trend.names) // _NAMES_MAX)
    ticks = range(0, len(trend.names), step)
    names = [short_name(trend.names[at]) for at in ticks]
    axes.set_xticks(list(ticks), names, fontsize=8)
    add_legend(drawing, axes)
    name = f"trend-{metric.replace('.', '-')}"
    return to_figure(
        drawing, name, f"{_TITLES[metric]} over trials", _alt(series, trend), narrow=True
    )


def short_name(name: str) -> str:
    r"""
    A trial's id as the time at which it began; another name as it is, or its beginning.

    >>> short_name("20261125T130544Z-mixed-ab11"), short_name("v12"), short_name("before-v12")
    ('11-25\n13:05', 'v12', 'before-…')
    """
    if began := _TRIAL_ID.match(name):
        return "{}-{}\n{}:{}".format(*began.groups())
    shown = label(name)
    return shown if len(shown) <= _LETTERS_MAX else f"{shown[: _LETTERS_MAX - 1]}…"


def _alt(series: list[Series], trend: Trend) -> str:
    changes = [
        f"{label(one.operation)} {signed_percent(shift.change, 0)} from "
        f"{label(trend.names[shift.at])} on"
        for one in series
        for shift in one.change_points
    ]
    if not changes:
        return f"No operation's level changed for good over {len(trend.names)} trials."
    return f"Changed for good (diamonds): {'; '.join(changes)}."
