"""
Figures of a trial, one a module, each a function of the `ReportModel`.

Matplotlib lives only here; always through its object interface, never ``pyplot``,
whose figures are global.
"""

from __future__ import annotations

from reports.figures import codes, generator, heatmap, latency, outcomes, percentiles, waits
from reports.figures.style import figure_style
from reports.model import ReportModel
from reports.section import Figure

_DRAWERS = (percentiles, codes, outcomes, waits, latency, heatmap, generator)


def draw_figures(model: ReportModel) -> list[Figure]:
    """All figures of the page, each under the name of its module."""
    with figure_style():
        return [drawer.draw(model) for drawer in _DRAWERS]
