"""
Heat map: where all response times lie, not only their percentiles.

Two humps (a fast path and a slow one) or a stripe that comes and goes show here and
in no percentile. After Gregg, "Visualizing System Latency", CACM 53(7), 2010.
"""

from __future__ import annotations

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.ticker import FuncFormatter

from harness.analysis.cells import Ints
from harness.analysis.spectra import US_PER_MS
from harness.analysis.timeline import heat_map
from harness.trial.histograms import bucket_highest_us
from harness.units import NS_PER_S, NS_PER_US, format_duration
from reports.figures.canvas import mark_bands, new_drawing, set_time, to_figure
from reports.model import ReportModel
from reports.section import Figure
from reports.wording import milliseconds, percent

_ROWS = 48
_COLUMNS_MAX = 240
# An image cannot follow the page's colours; this blue at rising opacity reads on both papers.
_HUE = "#2f81c7"


def draw(model: ReportModel) -> Figure:
    """Time to the right, latency upwards (log), number of attempts as depth of colour."""
    drawing, (axes,) = new_drawing(3.4)
    spectrum = model.measured.spectrum("response")
    if spectrum.total:
        bins = np.flatnonzero(spectrum.counts)
        low_us, high_us = (float(bucket_highest_us(bins[[n]])[0]) for n in (0, -1))
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
            _colours(counts), origin="lower", aspect="auto", extent=extent, interpolation="none"
        )
        axes.set_yticks(_decades(edges_us))
        axes.yaxis.set_major_formatter(
            FuncFormatter(lambda value, _: format_duration(10**value * NS_PER_US))
        )
        axes.grid(visible=False)
    set_time([axes], model)
    mark_bands([axes], model.bands)
    axes.set_ylabel("response time")
    return to_figure(drawing, "heat", "All response times over time", _alt(model))


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
    image[..., 3] = np.where(counts > 0, 0.15 + 0.85 * depth, 0.0)
    return image


def _decades(edges_us: np.ndarray) -> list[float]:
    """Ticks at 1, 2 and 5 of each decade, or at decades alone where these are many."""
    low, high = int(np.floor(np.log10(edges_us[0]))), int(np.ceil(np.log10(edges_us[-1])))
    digits = (1, 2, 5) if high - low <= 3 else (1,)
    ticks = [
        np.log10(digit * 10.0**power) for power in range(low, high + 1) for digit in digits
    ]
    return [t for t in ticks if np.log10(edges_us[0]) <= t <= np.log10(edges_us[-1])]


def _alt(model: ReportModel) -> str:
    spectrum = model.measured.spectrum("response")
    if not spectrum.total:
        return "Empty: no attempt ended ok in a measured phase."
    low, high = spectrum.percentile_us(0.25), spectrum.percentile_us(0.75)
    tail = spectrum.counts[bucket_highest_us(np.arange(len(spectrum.counts))) > 10 * high].sum()
    text = (
        f"The middle half of all response times lies between {milliseconds(low / US_PER_MS)} "
        f"and {milliseconds(high / US_PER_MS)}"
    )
    if not tail:
        return f"{text}; none took ten times as long as that."
    return (
        f"{text}; {percent(float(tail / spectrum.total))} took over ten times as long as that."
    )
