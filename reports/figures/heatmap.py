"""
Heat map: where all response times lie, not only their percentiles.

Two humps (a fast path and a slow one) or a stripe that comes and goes show here and
in no percentile. After Gregg, "Visualizing System Latency", CACM 53(7), 2010.
"""

from __future__ import annotations

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.ticker import FuncFormatter

from harness.analysis.distributions import US_PER_MS, LatencyDistribution
from harness.analysis.hdr_decode import Ints
from harness.analysis.timeline import heat_map
from harness.trial.histograms import bucket_highest_us
from harness.units import NS_PER_S, NS_PER_US, format_duration
from reports.figures.annotations import draw_annotations, mark_objectives
from reports.figures.style import (
    draw_placeholder,
    label,
    new_drawing,
    set_time_axis,
    to_figure,
)
from reports.formatting import joined, milliseconds, percent
from reports.model import ReportModel
from reports.objectives import latency_limits
from reports.section import Figure

_ROWS = 48
_COLUMNS_MAX = 240
_OBJECTIVE_FACTOR_MAX = 10.0
"""An objective so many times above the slowest answer would squeeze what there is to see."""
_LABEL_DECADES = 0.12  # of a decade, for the name on the topmost line
_EDGE = 0.06  # of the axis, for the strikes of faults: what they did lies below them
# An image cannot follow the page's colours; this blue at rising opacity reads on both papers.
_HUE = "#2f81c7"


def draw(model: ReportModel) -> Figure:
    """Time to the right, latency upwards (log), number of attempts as depth of colour."""
    drawing, (axes,) = new_drawing(3.4)
    distribution = model.measured.distribution("response")
    if distribution.total:
        buckets = np.flatnonzero(distribution.counts)
        low_us, high_us = (float(bucket_highest_us(buckets[[n]])[0]) for n in (0, -1))
        limits = _limits(model, high_us)
        edges_us = np.geomspace(max(low_us * 0.98, 0.5), high_us * 1.02 + 1, _ROWS + 1)
        edges_s = _seconds(model)
        counts = heat_map(model.measured, "response", edges_s, edges_us)
        start_s = model.manifest.started_ns // NS_PER_S
        extent = (
            float(edges_s[0] - start_s),
            float(edges_s[-1] - start_s),
            float(np.log10(edges_us[0])),
            float(np.log10(edges_us[-1])),
        )
        axes.imshow(
            _colours(counts),
            origin="lower",
            aspect="auto",
            extent=extent,
            interpolation="none",
            zorder=0.5,  # above the shades of bands, or its colours would be others there
        )
        bottom = min([extent[2], *(y for y, _ in limits)])
        top = max([extent[3], *(y + _LABEL_DECADES for y, _ in limits)])
        axes.set_ylim(bottom, top + _EDGE * (top - bottom))
        mark_objectives(axes, limits)
        axes.set_yticks(_decades(axes.get_ylim()))
        axes.yaxis.set_major_formatter(
            FuncFormatter(lambda value, _: format_duration(10**value * NS_PER_US))
        )
        axes.grid(visible=False)
    else:
        draw_placeholder(axes)
    set_time_axis([axes], model)
    draw_annotations([axes], model.annotations)
    axes.set_ylabel("response time")
    return to_figure(drawing, "heat", "All response times over time", _alt(model), narrow=True)


def _seconds(model: ReportModel) -> Ints:
    seconds = model.measured.slots["slot"]
    first, last = int(seconds.min()), int(seconds.max()) + model.step_s
    # Columns of whole steps: a slot that lay in two would be counted in one of them.
    step_s = model.step_s * max(1, -(-(last - first) // (_COLUMNS_MAX * model.step_s)))
    return np.arange(first, last + step_s, step_s, dtype=np.int64)


def _colours(counts: Ints) -> np.ndarray:
    """RGBA: opacity by the logarithm of the count, so that single outliers are seen."""
    image = np.empty((*counts.shape, 4))
    image[..., :3] = to_rgb(_HUE)
    depth = np.log1p(counts) / np.log1p(counts.max())
    image[..., 3] = np.where(counts > 0, 0.3 + 0.7 * depth, 0.0)
    return image


def _limits(model: ReportModel, high_us: float) -> list[tuple[float, str]]:
    """The latency objectives near enough to be seen with the data, as heights."""
    return [
        (float(np.log10(limit_us)), name)
        for limit_us, name in latency_limits(model.findings, "response")
        if limit_us < _OBJECTIVE_FACTOR_MAX * high_us
    ]


def _decades(ends: tuple[float, float]) -> list[float]:
    """Ticks at 1, 2 and 5 of each decade, or at decades alone where these are many."""
    low, high = int(np.floor(ends[0])), int(np.ceil(ends[1]))
    digits = (1, 2, 5) if high - low <= 3 else (1,)
    ticks = [np.log10(digit * 10.0**power) for power in range(low, high + 1) for digit in digits]
    return [tick for tick in ticks if ends[0] <= tick <= ends[1]]


def _alt(model: ReportModel) -> str:
    distribution = model.measured.distribution("response")
    if not distribution.total:
        return "Empty: no attempt ended ok in a measured phase."
    low, high = distribution.percentile_us(0.25), distribution.percentile_us(0.75)
    tail = distribution.counts[
        bucket_highest_us(np.arange(len(distribution.counts))) > 10 * high
    ].sum()
    text = (
        f"The middle half of all response times lies between {milliseconds(low / US_PER_MS)} "
        f"and {milliseconds(high / US_PER_MS)}"
    )
    share = percent(float(tail / distribution.total)) if tail else "none"
    return (
        f"{text}; {share} took over ten times the longer of "
        f"these{_over_objectives(model, distribution)}. "
        "The deeper the colour, the more attempts."
    )


def _over_objectives(model: ReportModel, distribution: LatencyDistribution) -> str:
    """How much lies above each objective, whether or not its line is near enough to draw."""
    parts = []
    for limit_us, name in latency_limits(model.findings, "response"):
        above = distribution.counts[
            bucket_highest_us(np.arange(len(distribution.counts))) > limit_us
        ]
        share = percent(float(above.sum() / distribution.total)) if above.any() else "none"
        parts.append(f"{share} above the limit of {label(name)}")
    return f"; {joined(parts)}" if parts else ""
