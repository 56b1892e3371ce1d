"""The trend of a plan: one drawing a metric, a line an operation, shifts marked."""

from __future__ import annotations

import re

import numpy as np

from harness.experiments.compare.trend import METRICS, Series, Trend
from reports.figures.canvas import (
    DASHES,
    FAULT,
    SERIES,
    duration_axis,
    label,
    new_drawing,
    to_figure,
)
from reports.section import Figure
from reports.wording import signed_percent

_NAMES_MAX = 20
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
        for shift in one.shifts:
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
    axes.set_xticks(list(ticks), names, rotation=30, ha="right", fontsize=8)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3)
    name = f"trend-{metric.replace('.', '-')}"
    return to_figure(drawing, name, f"{_TITLES[metric]} over trials", _alt(series, trend))


def short_name(name: str) -> str:
    """
    A trial's id as the time at which it began; another name as it is.

    >>> short_name("20261125T130544Z-mixed-ab11"), short_name("v12")
    ('11-25 13:05', 'v12')
    """
    began = _TRIAL_ID.match(name)
    return "{}-{} {}:{}".format(*began.groups()) if began else label(name)


def _alt(series: list[Series], trend: Trend) -> str:
    told = [
        f"{label(one.operation)} {signed_percent(shift.change, 0)} from "
        f"{label(trend.names[shift.at])} on"
        for one in series
        for shift in one.shifts
    ]
    if not told:
        return f"No operation's level changed for good over {len(trend.names)} trials."
    return f"Changed for good (diamonds): {'; '.join(told)}."
