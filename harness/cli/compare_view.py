"""What a comparison found, as a table for a terminal; and which trials may be compared."""

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
from harness.trial.schema import Manifest
from reports.comparison import tables
from reports.comparison.summary import headline, percent_change
from reports.formatting import plural

_STYLE = {"pass": "green", "regressed": "bold red", "inconclusive": "yellow"}
_SHOWN_MAX = 40
_WHYS_MAX = 5


def check_comparable(runs: list[list[TrialSample]], *, anyway: bool) -> list[str]:
    """Cautions; raises where trials differ and the operator did not say ``--anyway``."""
    first, *others = [run.manifest for side in runs for run in side]
    same = load_identity(first)
    cautions = []
    for other in others:
        found = [
            f"{line} ({other.trial_id})" for line in diff_documents(same, load_identity(other))
        ]
        if found and not anyway:
            told = "\n".join(f"  {line}" for line in found)
            raise UsageError(
                f"{first.trial_id} and {other.trial_id} are not comparable; "
                f"add --anyway to compare them all the same\n{told}"
            )
        cautions += found
    for twice in _repeated([first, *others]):
        line = f"{twice} is given twice, and tells nothing that it does not tell once"
        if not anyway:
            raise UsageError(f"{line}; add --anyway to compare all the same")
        cautions.append(line)
    for manifest in (first, *others):
        if manifest.state != "complete":
            cautions.append(f"{manifest.trial_id} is {manifest.state}")
        lost = sum(worker.state != "drained" for worker in manifest.workers)
        if lost:
            cautions.append(f"{manifest.trial_id} lost {lost} of its load processes")
    return cautions


def _repeated(manifests: list[Manifest]) -> list[str]:
    """The trials that are given more than once, as themselves or as a baseline of them."""
    counts = Counter(manifest.trial_id for manifest in manifests)
    return [trial_id for trial_id, count in counts.items() if count > 1]


def print_comparison(result: Comparison, out: Console, *, show_all: bool) -> None:
    """The verdict and what led to it, as a table for a terminal."""
    out.print(
        Text.assemble(
            ("verdict: ", "bold"),
            (result.verdict, _STYLE[result.verdict]),
            f"   {headline(result)}",
        )
    )
    for caution in result.cautions:
        out.print(Text(f"mind: {caution}", "yellow"))
    shown = [c for c in tables.by_severity(result) if show_all or c.verdict != "pass"]
    if not shown:
        return
    out.print(_table(shown if show_all else shown[:_SHOWN_MAX]))
    left = len(result.changes) - (len(shown) if show_all else min(len(shown), _SHOWN_MAX))
    for line in _whys(shown):
        out.print(Text(line), soft_wrap=True)
    if left:
        told = plural(left, "more metric")
        out.print(Text(f"{told}: add --all, or see the page", "dim"))


def _whys(changes: list[Change]) -> list[str]:
    """Why metrics cannot be told, each reason once, those of most metrics first."""
    open_ = (change for change in changes if change.verdict == "inconclusive")
    whys = Counter(tables.reason_text(change) for change in open_).most_common()
    lines = [f"{plural(count, 'metric')}: {why}" for why, count in whys[:_WHYS_MAX] if why]
    left = len(whys) - _WHYS_MAX
    return [*lines, f"{plural(left, 'other reason')}: see the page"] if left > 0 else lines


def _table(changes: list[Change]) -> Table:
    """Rows in groups of one verdict and operation; it fits 80 columns."""
    table = plain_table("change of each metric with its 95 % interval")
    table.add_column("metric", no_wrap=True)
    for name in ("baseline", "candidate", "change", "from", "to"):
        table.add_column(name, justify="right", no_wrap=True)
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
