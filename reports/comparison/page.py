"""compare.html in the style of report.html."""

from __future__ import annotations

from harness.experiments.compare.changes import Comparison
from reports import html
from reports.comparison import tables
from reports.comparison.summary import brief
from reports.figures import changes
from reports.figures.style import figure_style

_CLASSES = {"pass": "pass", "regressed": "fail", "inconclusive": "unknown"}


def render(result: Comparison) -> str:
    """The page."""
    with figure_style():
        drawn = changes.draw_changes(result)
    return html.render_page(
        "compare.html.j2",
        verdict_word=tables.VERDICTS[result.verdict],
        verdict_class=_CLASSES[result.verdict],
        brief=brief(result),
        sides=tables.describe_sides(result),
        cautions=result.cautions,
        changes=tables.changes_table(result),
        figure_of_changes=drawn,
        method=tables.METHOD,
    )
