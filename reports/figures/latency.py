"""p50, p99 and max of service and response time over time."""

from __future__ import annotations

import numpy as np
import pandas as pd

from harness.analysis.distributions import METRICS
from harness.analysis.timeline import LATENCY_SERIES as LINES
from reports.figures import style
from reports.figures.annotations import finish_time_figure
from reports.formatting import milliseconds
from reports.model import ReportModel
from reports.section import Figure


def draw(model: ReportModel) -> Figure:
    """Two axes of the same scale, one per metric."""
    drawing, both = style.new_drawing(5.2, rows=2)
    both[1].sharey(both[0])
    for axes, metric in zip(both, METRICS, strict=True):
        frame = insert_gaps(model.latency_ms[metric], model.step_s)
        x = frame.index.to_numpy() + model.step_s / 2
        for name, colour, dash in zip(LINES, style.SERIES, style.DASHES, strict=False):
            # With few attempts per step, p99 is max, and a line would hide it: dots.
            if name == "max":
                style.draw_points(axes, frame[name], model.step_s, colour, name)
                continue
            look = {"ls": dash, "marker": "."} if style.marker(frame) else {"ls": "-", "lw": 1.0}
            axes.plot(x, frame[name], color=colour, label=name, ms=3, **look)
        axes.margins(y=0.1)  # injections are at the upper edge
        axes.set_ylabel(f"{metric} time")
        if len(frame):
            style.duration_axis(axes)
        else:
            style.draw_placeholder(axes)
    style.add_legend(drawing, both[0])
    return finish_time_figure(drawing, both, model, "latency", "Latency over time", _alt(model))


def insert_gaps(frame: pd.DataFrame, step_s: int) -> pd.DataFrame:
    """The series with NaN for steps without data, so that no line crosses a gap."""
    if not len(frame):
        return frame
    steps = np.arange(frame.index.min(), frame.index.max() + step_s, step_s)
    return frame.reindex(steps)


def _alt(model: ReportModel) -> str:
    frame = model.latency_ms["response"]
    if not len(frame):
        return "Empty: no attempt ended ok in a measured phase."
    worst, best = style.peak_s(frame["p99"]), float(frame["p99"].min())
    text = (
        f"The p99 of response time was between {milliseconds(best)} and "
        f"{milliseconds(float(frame['p99'].max()))}, worst {worst} s after load start"
    )
    around = (a for a in model.annotations if a.start_s - 1 <= worst <= a.end_s + 1)
    faults = [a.name for a in around if a.kind == "fault"]
    return f"{text}, during the fault {style.label(faults[0])}." if faults else f"{text}."
