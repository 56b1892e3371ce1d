"""Figures, one per module. The only use of Matplotlib, without ``pyplot`` and its global state."""

from __future__ import annotations

from reports.figures import codes, generator, heatmap, latency, outcomes, percentiles, waits
from reports.figures.style import figure_style
from reports.model import ReportModel
from reports.section import Figure

_DRAWERS = (percentiles, codes, outcomes, waits, latency, heatmap, generator)


def draw_figures(model: ReportModel) -> list[Figure]:
    """All figures of report.html."""
    with figure_style():
        return [drawer.draw(model) for drawer in _DRAWERS]
