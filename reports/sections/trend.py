"""Where the trial stands among the earlier ones of the same load."""

from __future__ import annotations

from harness.experiments.compare.trend_document import read_trend
from reports.comparison.history import sentences, standing_table
from reports.comparison.trend_page import shifts_table
from reports.figures.history import draw_standing
from reports.figures.style import styled
from reports.model import ReportModel
from reports.section import Section


def build(model: ReportModel) -> Section | None:
    """The section; None where trend.json is absent or another's."""
    trend = read_trend(model.labs.get("trend", {}))
    if trend is None:
        return None
    shifts = shifts_table(trend)
    with styled():
        drawn = draw_standing(trend)
    return Section(
        "trend",
        "Among earlier trials",
        sentences(trend),
        (*((shifts,) if shifts.rows else ()), standing_table(trend)),
        (drawn,),
    )
