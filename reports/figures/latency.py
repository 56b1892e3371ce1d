"""Latency over time: p50, p99 and max of every step, service and response."""

from __future__ import annotations

import numpy as np
import pandas as pd

from harness.analysis.distributions import METRICS
from harness.analysis.timeline import LATENCY_SERIES as LINES
from reports.figures.annotations import draw_annotations
from reports.figures.style import (
    DASHES,
    SERIES,
    add_legend,
    draw_placeholder,
    draw_points,
    duration_axis,
    label,
    marker,
    new_drawing,
    peak_s,
    set_time_axis,
    to_figure,
)
from reports.formatting import milliseconds
from reports.model import ReportModel
from reports.section import Figure


def draw(model: ReportModel) -> Figure:
    """Two axes, one a metric, on the same scale."""
    drawing, both = new_drawing(5.2, rows=2)
    both[1].sharey(both[0])
    for axes, metric in zip(both, METRICS, strict=True):
        frame = insert_gaps(model.latency_ms[metric], model.step_s)
        x = frame.index.to_numpy() + model.step_s / 2
        for name, colour, dash in zip(LINES, SERIES, DASHES, strict=False):
            # Where few end in a step p99 is max, and a line would hide the other: dots.
            if name == "max":
                draw_points(axes, frame[name], model.step_s, colour, name)
                continue
            # Of many points a dashed line is a carpet.
            style = {"ls": dash, "marker": "."} if marker(frame) else {"ls": "-", "lw": 1.0}
            axes.plot(x, frame[name], color=colour, label=name, ms=3, **style)
        axes.margins(y=0.1)  # the strikes of faults stand at the upper edge
        axes.set_ylabel(f"{metric} time")
        if len(frame):
            duration_axis(axes)
        else:
            draw_placeholder(axes)
    set_time_axis(both, model)
    draw_annotations(both, model.annotations)
    add_legend(drawing, both[0])
    return to_figure(drawing, "latency", "Latency over time", _alt(model), narrow=True)


def insert_gaps(frame: pd.DataFrame, step_s: int) -> pd.DataFrame:
    """The series with NaN where nothing was measured, so that no line crosses a silence."""
    if not len(frame):
        return frame
    steps = np.arange(frame.index.min(), frame.index.max() + step_s, step_s)
    return frame.reindex(steps)


def _alt(model: ReportModel) -> str:
    frame = model.latency_ms["response"]
    if not len(frame):
        return "Empty: no attempt ended ok in a measured phase."
    worst, best = peak_s(frame["p99"]), float(frame["p99"].min())
    text = (
        f"Response time's p99 was between {milliseconds(best)} and "
        f"{milliseconds(float(frame['p99'].max()))}, worst {worst} s after the load began"
    )
    faults = [
        b.name
        for b in model.annotations
        if b.kind == "fault" and b.start_s - 1 <= worst <= b.end_s + 1
    ]
    return f"{text}, during the fault {label(faults[0])}." if faults else f"{text}."
