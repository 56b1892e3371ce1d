"""Retries over time, and how long the target told its callers to wait."""

from __future__ import annotations

from matplotlib.axes import Axes

from harness.units import NS_PER_S, format_duration
from reports.figures.annotations import draw_annotations
from reports.figures.style import (
    SERIES,
    draw_points,
    marker,
    new_drawing,
    peak_s,
    set_time_axis,
    to_figure,
)
from reports.formatting import plural
from reports.model import ReportModel
from reports.section import Figure

_ROOM = 1.3  # for a legend


def draw(model: ReportModel) -> Figure:
    """Attempts that were sent again, and the Retry-After of the answers; what there is."""
    frame = model.waits_s
    parts = [name for name in ("retries", "told") if frame[name].any()] or ["retries"]
    drawing, axes = new_drawing(1.0 + 1.7 * len(parts), rows=len(parts))
    for one, part in zip(axes, parts, strict=True):
        if part == "retries":
            _draw_retries(one, model)
        else:
            _draw_waits(one, model)
        one.set_ylim(0, max(one.get_ylim()[1] * _ROOM, 1.0))
    set_time_axis(axes, model)
    draw_annotations(axes, model.annotations)
    return to_figure(drawing, "waits", "Retries and waits over time", _alt(model), narrow=True)


def _draw_retries(axes: Axes, model: ReportModel) -> None:
    frame = model.waits_s
    if len(frame):
        edges = [*frame.index, frame.index[-1] + model.step_s]
        axes.stairs(frame["retries"] / model.step_s, edges, fill=True, color=SERIES[1])
    axes.set_ylabel("retries a second")


def _draw_waits(axes: Axes, model: ReportModel) -> None:
    frame = model.waits_s
    x = frame.index.to_numpy() + model.step_s / 2
    draw_points(axes, frame["longest_s"], model.step_s, SERIES[3], "longest")
    axes.plot(x, frame["median_s"], marker=marker(frame), ms=3, color=SERIES[0], label="median")
    axes.set_ylabel("Retry-After, s")
    axes.legend(loc="upper right", ncols=2)


def _alt(model: ReportModel) -> str:
    frame = model.waits_s
    retries, told = int(frame["retries"].sum()), int(frame["told"].sum())
    if not retries and not told:
        return "Empty: no call was sent again, and no answer told anybody to wait."
    amount = f"{plural(retries, 'attempt')} {'was a retry' if retries == 1 else 'were retries'}"
    parts = [amount if retries else "No attempt was a retry"]
    if retries:
        parts[0] += f", most of them {peak_s(frame['retries'])} s after the load began"
    if told:
        longest = format_duration(float(frame["longest_s"].max()) * NS_PER_S)
        parts.append(f"{plural(told, 'answer')} told to wait, for {longest} at the longest")
    return "; ".join(parts) + "."
