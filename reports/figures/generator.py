"""CPU, event loop lag and late starts of each generator process."""

from __future__ import annotations

import numpy as np
from matplotlib.ticker import MaxNLocator

from reports.figures import style
from reports.figures.annotations import draw_annotations
from reports.formatting import plural
from reports.model import ReportModel
from reports.section import Figure

_ROWS = (
    ("cpu_fraction", "CPU, % of a core", 100.0),
    ("loop_lag_ms", "event loop lag, ms", 1.0),
    ("late_starts", "late starts", 1.0),
)
_WORKERS_MAX = 12
_CPU_LIMIT = 90.0


def draw(model: ReportModel) -> Figure:
    """Three axes with one line per worker."""
    drawing, axes = style.new_drawing(5.4, rows=3)
    samples = model.generator
    workers = sorted(samples["worker"].unique())[:_WORKERS_MAX]
    for one, (column, name, scale) in zip(axes, _ROWS, strict=True):
        for number, worker in enumerate(workers):
            rows = samples[samples["worker"] == worker]
            one.plot(
                rows["time_s"],
                rows[column] * scale,
                color=style.SERIES[number % len(style.SERIES)],
                linestyle=style.DASHES[number // len(style.SERIES) % len(style.DASHES)],
                marker=style.marker(rows),
                ms=3,
                label=style.label(worker),
            )
        one.set_ylabel(_name(name, model.step_s))
        one.set_ylim(0, 1.1 * np.nanmax(samples[column].to_numpy() * scale, initial=0.0) or 1.0)
    axes[-1].yaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes[0].axhline(_CPU_LIMIT, color=style.FAULT, linewidth=1, linestyle=(0, (4, 3)))
    axes[0].set_ylim(0, 105)
    style.set_time_axis(axes, model)
    draw_annotations(axes, [a for a in model.annotations if a.kind != "phase"])
    if len(workers) > 1:
        style.add_legend(drawing, axes[0])
    if not len(samples):
        axes[1].text(
            0.5, 0.5, "no samples", ha="center", transform=axes[1].transAxes, color=style.MUTED
        )
    title = "Load of the generator"
    return style.to_figure(drawing, "generator", title, _alt(model), narrow=True)


def _name(name: str, step_s: int) -> str:
    """Late starts are counts per step; the others do not depend on its length."""
    return f"{name} in {step_s} s" if step_s > 1 and name == "late starts" else name


def _alt(model: ReportModel) -> str:
    samples = model.generator
    if not len(samples):
        return "Empty: the generator recorded no samples of itself."
    cpu, lag, late = (np.nan_to_num(samples[column].to_numpy()) for column, _, _ in _ROWS)
    shown = f" Only {_WORKERS_MAX} workers are shown." * (
        samples["worker"].nunique() > _WORKERS_MAX
    )
    return (
        f"Maximum of any worker: {100 * cpu.max():.0f} % of a core, {lag.max():.3g} ms of event "
        f"loop lag. {plural(int(late.sum()), 'arrival')} started late. The dashed line is "
        f"{_CPU_LIMIT:.0f} % of a core.{shown}"
    )
