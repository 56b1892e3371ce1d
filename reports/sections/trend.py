"""The trial among earlier trials of the same load."""

from __future__ import annotations

from harness.experiments.compare.trend import read_trend
from reports.comparison.history import history_table, sentences
from reports.comparison.trend_page import change_points_table
from reports.figures.history import draw_history
from reports.figures.style import figure_style
from reports.model import ReportModel
from reports.section import Section


def build(model: ReportModel) -> Section | None:
    """The section; None without a readable trend.json."""
    trend = read_trend(model.labs.get("trend", {}))
    if trend is None:
        return None
    found = change_points_table(trend)
    with figure_style():
        drawn = draw_history(trend)
    return Section(
        "trend",
        "Among earlier trials",
        sentences(trend),
        (*((found,) if found.rows else ()), history_table(trend)),
        (drawn,),
    )
