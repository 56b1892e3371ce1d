"""compare.md, for a pull request or a job summary."""

from __future__ import annotations

from harness.experiments.compare.changes import Comparison
from reports.comparison.summary import brief
from reports.comparison.tables import METHOD, VERDICTS, changes_table, describe_sides
from reports.markdown import escape, gfm_table
from reports.section import Table

_SYMBOLS = {"pass": "✅", "regressed": "❌", "inconclusive": "❔"}
_ROWS_MAX = 60


def render(result: Comparison) -> str:
    """The page."""
    whole = changes_table(result)
    passed, *rest = brief(result)
    shown = Table(whole.caption, whole.head, whole.rows[:_ROWS_MAX])
    left = len(whole.rows) - len(shown.rows)
    blocks = [
        f"# {_SYMBOLS[result.verdict]} {VERDICTS[result.verdict]}: candidate against baseline",
        f"**{escape(passed)}**",
        *(escape(sentence) for sentence in rest),
        *(f"- {escape(f'{name}: {text}')}" for name, text in describe_sides(result)),
        *(f"- Note: {escape(caution)}" for caution in result.cautions),
        gfm_table(shown) if shown.rows else "",
        f"{left} more metrics are in compare.json." if left else "",
        *(escape(text) for text in METHOD[1:]),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"
