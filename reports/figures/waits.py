"""Retries and Retry-After over time."""

from __future__ import annotations

from matplotlib.axes import Axes

from harness.units import NS_PER_S, format_duration
from reports.figures import style
from reports.figures.annotations import finish_time_figure
from reports.formatting import plural
from reports.model import ReportModel
from reports.section import Figure

_ROOM = 1.3  # for a legend


def draw(model: ReportModel) -> Figure:
    """Retries per second, and the Retry-After of responses; axes without data are left out."""
    frame = model.waits_s
    parts = [name for name in ("retries", "told") if frame[name].any()] or ["retries"]
    drawing, axes = style.new_drawing(1.4 + 1.7 * len(parts), rows=len(parts))
    for one, part in zip(axes, parts, strict=True):
        if part == "retries":
            _draw_retries(one, model)
        else:
            _draw_waits(one, model)
        one.set_ylim(0, max(one.get_ylim()[1] * _ROOM, 1.0))
    title = "Retries and Retry-After over time"
    return finish_time_figure(drawing, axes, model, "waits", title, _alt(model))


def _draw_retries(axes: Axes, model: ReportModel) -> None:
    frame = model.waits_s
    if len(frame):
        edges = [*frame.index, frame.index[-1] + model.step_s]
        axes.stairs(frame["retries"] / model.step_s, edges, fill=True, color=style.SERIES[1])
    axes.set_ylabel("retries per second")


def _draw_waits(axes: Axes, model: ReportModel) -> None:
    frame = model.waits_s
    x = frame.index.to_numpy() + model.step_s / 2
    style.draw_points(axes, frame["longest_s"], model.step_s, style.SERIES[3], "longest")
    axes.plot(
        x,
        frame["median_s"],
        marker=style.marker(frame),
        ms=3,
        color=style.SERIES[0],
        label="median",
    )
    axes.set_ylabel("Retry-After, s")
    axes.legend(loc="upper right", ncols=2)


def _alt(model: ReportModel) -> str:
    frame = model.waits_s
    retries, told = int(frame["retries"].sum()), int(frame["told"].sum())
    if not retries and not told:
        return "Empty: no retries, and no response with Retry-After."
    text = "No retries"
    if retries:
        counted = f"{retries:,} {'retry' if retries == 1 else 'retries'}"
        text = f"{counted}, with the peak {style.peak_s(frame['retries'])} s after load start"
    if told:
        longest = format_duration(float(frame["longest_s"].max()) * NS_PER_S)
        text += f"; {plural(told, 'response')} with Retry-After, {longest} at most"
    return f"{text}."
