"""Show a comparison as a table; check which trials may be compared."""

from __future__ import annotations

from collections import Counter
from itertools import groupby

from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.assess.opened_trial import load_identity
from harness.cli.console import plain_table
from harness.errors import UsageError
from harness.experiments.compare.changes import Change, Comparison
from harness.experiments.compare.plan_diff import diff_documents
from harness.experiments.compare.samples import TrialSample
from reports.comparison import tables
from reports.comparison.summary import headline, percent_change
from reports.formatting import plural

_STYLE = {"pass": "green", "regressed": "bold red", "inconclusive": "yellow"}
_SHOWN_MAX = 40
_WHYS_MAX = 5


def check_comparable(runs: list[list[TrialSample]], *, anyway: bool) -> list[str]:
    """Return cautions; raises UsageError where trials differ, unless ``anyway``."""
    first, *others = [run.manifest for side in runs for run in side]
    same = load_identity(first)
    cautions = []
    for other in others:
        found = [
            f"{line} ({other.trial_id})" for line in diff_documents(same, load_identity(other))
        ]
        if found and not anyway:
            lines = "\n".join(f"  {line}" for line in found)
            raise UsageError(
                f"{first.trial_id} and {other.trial_id} are not comparable; "
                f"to compare them nevertheless, add --anyway\n{lines}"
            )
        cautions += found
    counts = Counter(manifest.trial_id for manifest in (first, *others))
    for repeated in (trial_id for trial_id, count in counts.items() if count > 1):
        line = f"{repeated} is given twice, which adds no information"
        if not anyway:
            raise UsageError(f"{line}; to compare nevertheless, add --anyway")
        cautions.append(line)
    for manifest in (first, *others):
        if manifest.state != "complete":
            cautions.append(f"{manifest.trial_id} is {manifest.state}")
        lost = sum(worker.state != "drained" for worker in manifest.workers)
        if lost:
            cautions.append(f"{manifest.trial_id} lost {lost} of its load processes")
    return cautions


def print_comparison(result: Comparison, out: Console, *, show_all: bool) -> None:
    """Print the verdict and the metrics behind it."""
    out.print(
        Text.assemble(
            ("verdict: ", "bold"),
            (result.verdict, _STYLE[result.verdict]),
            f"   {headline(result)}",
        )
    )
    for caution in result.cautions:
        out.print(Text(f"caution: {caution}", "yellow"))
    shown = [c for c in tables.by_severity(result) if show_all or c.verdict != "pass"]
    if not shown:
        return
    out.print(_table(shown if show_all else shown[:_SHOWN_MAX]))
    left = len(result.changes) - (len(shown) if show_all else min(len(shown), _SHOWN_MAX))
    for line in _whys(shown):
        out.print(Text(line), soft_wrap=True)
    if left:
        out.print(Text(f"{plural(left, 'more metric')}: add --all, or see the page", "dim"))


def _whys(changes: list[Change]) -> list[str]:
    """Why metrics are inconclusive: each reason once, the most frequent first."""
    open_ = (change for change in changes if change.verdict == "inconclusive")
    whys = Counter(tables.reason_text(change) for change in open_).most_common()
    lines = [f"{plural(count, 'metric')}: {why}" for why, count in whys[:_WHYS_MAX] if why]
    left = len(whys) - _WHYS_MAX
    return [*lines, f"{plural(left, 'other reason')}: see the page"] if left > 0 else lines


def _table(changes: list[Change]) -> Table:
    """Rows in groups of one verdict and operation; it fits 80 columns."""
    columns = ("baseline", "candidate", "change", "from", "to")
    table = plain_table("change of each metric with its 95 % interval", "metric", right=columns)
    table.columns[0].no_wrap = True
    for (operation, verdict), group in groupby(changes, lambda c: (c.operation, c.verdict)):
        table.add_row(Text(operation), Text(verdict, _STYLE[verdict]))
        for change in group:
            numbers = (change.change, change.low, change.high)
            table.add_row(
                Text(f"  {change.metric}"),
                tables.format_value(change, change.baseline),
                tables.format_value(change, change.candidate),
                *(percent_change(change, number) for number in numbers),
            )
    return table
