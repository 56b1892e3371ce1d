"""Retries over time, and how long the target told its callers to wait."""

from __future__ import annotations

from harness.units import NS_PER_S, format_duration
from reports.figures.canvas import (
    SERIES,
    draw_points,
    mark_bands,
    marker,
    new_drawing,
    peak_s,
    set_time,
    to_figure,
)
from reports.model import ReportModel
from reports.section import Figure
from reports.wording import plural


def draw(model: ReportModel) -> Figure:
    """Above, attempts that were sent again; below, the Retry-After of the answers."""
    drawing, both = new_drawing(4.4, rows=2)
    frame = model.waits_s
    if len(frame):
        edges = [*frame.index, frame.index[-1] + model.step_s]
        both[0].stairs(
            frame["retries"] / model.step_s, edges, fill=True, color=SERIES[1], alpha=0.85
        )
        x = frame.index.to_numpy() + model.step_s / 2
        draw_points(both[1], frame["longest_s"], model.step_s, SERIES[3], "longest")
        both[1].plot(x, frame["median_s"], marker=marker(frame), ms=3, color=SERIES[0])
        both[1].legend(["longest", "median"], loc="upper right", ncols=2)
    both[0].set_ylabel("retries a second")
    both[1].set_ylabel("Retry-After, s")
    for axes in both:
        axes.set_ylim(0, max(axes.get_ylim()[1] * 1.25, 1.0))
    set_time(both, model)
    mark_bands(both, model.bands)
    return to_figure(drawing, "waits", "Retries and waits over time", _alt(model))


def _alt(model: ReportModel) -> str:
    frame = model.waits_s
    retries, told = int(frame["retries"].sum()), int(frame["told"].sum())
    if not retries and not told:
        return "Empty: no call was sent again, and no answer told anybody to wait."
    parts = [
        f"{plural(retries, 'attempt')} {'was a retry' if retries == 1 else 'were retries'}"
    ]
    if retries:
        parts[0] += f", most of them {peak_s(frame['retries'])} s after the load began"
    if told:
        longest = format_duration(float(frame["longest_s"].max()) * NS_PER_S)
        parts.append(f"{plural(told, 'answer')} told to wait, for {longest} at the longest")
    return "; ".join(parts) + "."
