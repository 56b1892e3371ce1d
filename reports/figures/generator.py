"""The generator's own health: CPU, loop lag and late starts, worker by worker."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from reports.figures.annotations import draw_annotations
from reports.figures.style import (
    DASHES,
    FAULT,
    MUTED,
    SERIES,
    add_legend,
    label,
    marker,
    new_drawing,
    set_time_axis,
    to_figure,
)
from reports.formatting import plural
from reports.model import ReportModel
from reports.section import Figure

_ROWS = (
    ("cpu_fraction", "CPU, % of a core", 100.0),
    ("loop_lag_ms", "loop lag, ms", 1.0),
    ("late_starts", "late starts", 1.0),
)
_WORKERS_MAX = 12
_CPU_LIMIT = 90.0


def draw(model: ReportModel) -> Figure:
    """Three axes; one line a worker."""
    drawing, axes = new_drawing(5.4, rows=3)
    samples = model.generator
    workers = sorted(samples["worker"].unique())[:_WORKERS_MAX]
    for one, (column, name, scale) in zip(axes, _ROWS, strict=True):
        for number, worker in enumerate(workers):
            rows = samples[samples["worker"] == worker]
            one.plot(
                rows["time_s"],
                rows[column] * scale,
                color=SERIES[number % len(SERIES)],
                linestyle=DASHES[number // len(SERIES) % len(DASHES)],
                marker=marker(rows),
                ms=3,
                label=label(worker),
            )
        one.set_ylabel(_name(name, model.step_s))
        _set_top(one, np.nanmax(samples[column].to_numpy() * scale, initial=0.0))
    axes[-1].yaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes[0].axhline(_CPU_LIMIT, color=FAULT, linewidth=1, linestyle=(0, (4, 3)))
    axes[0].set_ylim(0, 105)
    set_time_axis(axes, model)
    draw_annotations(
        axes, [annotation for annotation in model.annotations if annotation.kind != "phase"]
    )
    if len(workers) > 1:
        add_legend(drawing, axes[0])
    if not len(samples):
        axes[1].text(0.5, 0.5, "no samples", ha="center", transform=axes[1].transAxes, color=MUTED)
    title = "Health of the load generator"
    return to_figure(drawing, "generator", title, _alt(model), narrow=True)


def _name(name: str, step_s: int) -> str:
    """Late starts are counted by step; all else has no length of time in it."""
    return f"{name} in {step_s} s" if step_s > 1 and name == "late starts" else name


def _set_top(axes: Axes, highest: float) -> None:
    axes.set_ylim(0, highest * 1.1 if highest > 0 else 1.0)


def _alt(model: ReportModel) -> str:
    samples = model.generator
    if not len(samples):
        return "Empty: the generator left no samples of itself."
    cpu, lag, late = (np.nan_to_num(samples[column].to_numpy()) for column, _, _ in _ROWS)
    shown = f" Only {_WORKERS_MAX} of the workers are drawn." * (
        samples["worker"].nunique() > _WORKERS_MAX
    )
    return (
        f"No worker used more than {100 * cpu.max():.0f} % of a core, the event loop was late "
        f"by at most {lag.max():.3g} ms, and {plural(int(late.sum()), 'arrival')} began late. "
        f"The dashed line is {_CPU_LIMIT:.0f} % of a core.{shown}"
    )
