"""Show the progress and the result of ``harness capacity``."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from rich.console import Console
from rich.text import Text

from harness.cli.console import facts_table, plain_table, print_line
from harness.execution.experiment import SilentView
from harness.execution.throughput import StepOutlook
from harness.experiments.capacity.document import sessions_document
from harness.experiments.capacity.messages import SearchProgress, SessionEstimate
from harness.experiments.capacity.phrases import (
    describe_bound,
    describe_ceiling,
    describe_rate,
    describe_refusal,
    describe_release,
    served_at_highest,
)
from harness.telemetry.progress_line import StatusLine
from harness.units import NS_PER_S, format_duration

_STAGE_LABELS = {
    "fill": "opening sessions",
    "cycle": "delete one, create one",
    "race": "racing creates at the ceiling",
    "refill": "filling again, to see slots lost",
    "cleanup": "closing everything",
}


class SessionsView(StatusLine):
    """Show the stage of a session search."""

    def __init__(self, console: Console, host: str, most: int) -> None:
        super().__init__(console)
        self._host, self._most = host, most
        self._full_s = 0.0

    def __enter__(self) -> Self:
        """Say what begins."""
        print_line(
            self._console,
            f"opening sessions at {self._host} until one is refused as full, "
            f"{self._most:,} at most",
        )
        return super().__enter__()

    def show(self, stage: SearchProgress, /) -> None:
        """Show the stage, and the estimated time of the remaining rounds."""
        text = f"{_STAGE_LABELS[stage.name]}: {stage.open:,} open"
        if stage.name == "fill":
            self._full_s = time.monotonic()
            text += f" of {self._most:,} at most"
        elif stage.name in {"cycle", "race"}:
            text += f", round {min(stage.done + 1, stage.planned)} of {stage.planned}"
            if stage.done:
                each_s = (time.monotonic() - self._full_s) / stage.done
                text += f", about {_about(each_s * (stage.planned - stage.done))} to go"
        self.update(Text(text))


def print_sessions(found: SessionEstimate, path: Path, out: Console) -> None:
    """Print the result as a table, and where the document is."""
    document = sessions_document(found, leaked=found.leaked, interrupted=False)
    rows = (
        ("ceiling", describe_ceiling(document)),
        ("refusal", document["refusal_code"] or "-"),
        ("refused", describe_refusal(document) or "-"),
        ("slot usable again, p50", describe_release(document, "p50") or "-"),
        ("slot usable again, p99", describe_release(document, "p99") or "-"),
        ("admitted above the ceiling", str(found.over_admitted) if found.races else "-"),
        ("creates failed, responses lost", f"{found.failed:,}, {found.lost:,}"),
        ("429 responses waited for", f"{found.rate_limited:,}"),
        ("sessions opened", f"{found.opened:,}"),
    )
    out.print(facts_table("session capacity", rows))
    for note in found.notes:
        print_line(out, f"note: {note}")
    print_line(out, f"result: {path}")


def _about(seconds: float) -> str:
    """An estimate in whole seconds."""
    return format_duration(max(round(seconds), 1) * NS_PER_S)


class StepsView(SilentView):
    """Show each step of a throughput search as a line."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def show(self, outlook: StepOutlook, /) -> None:
        """Show what is offered next, and the estimated time of the search."""
        step, remaining_s = outlook.step, outlook.eta.remaining_s
        print_line(
            self._console,
            f"step {step.number}: {step.purpose} at {step.rate_per_s:.4g}/s for "
            f"{step.duration_s:.0f} s; about {_about(remaining_s)} of load to go",
        )


def print_throughput(document: Mapping[str, Any], path: Path, out: Console) -> None:
    """Print the result as a table, and where the document is."""
    columns = ("rate, 1/s", "served, 1/s", "p99, ms", "95 %")
    steps = plain_table("steps", "step", "purpose", right=columns)
    steps.add_column("decision")
    for step in document["steps"]:
        between = f"{_number(step['p99_low_ms'])} to {_number(step['p99_high_ms'])}"
        steps.add_row(
            str(step["number"]),
            step["purpose"],
            f"{step['rate_per_s']:.4g}",
            _number(step["served_per_s"]),
            _number(step["p99_ms"]),
            between,
            step["decision"],
        )
    out.print(steps)
    rate, knee, usl = (document[name] for name in ("max_rate_per_s", "knee", "usl"))
    between = f"{_number(rate['low'])} to {_number(rate['high'])}"
    served = served_at_highest(document)
    rows = (
        (f"highest rate with {document['slo']}", describe_rate(document) or "-"),
        ("served at that rate", f"{_number(served)}/s" if served else "-"),
        ("99 % interval", between),
        ("ended by", describe_bound(document)),
        ("fails first", document["gives_way"] or "-"),
        ("knee", f"{_number(knee['rate_per_s'])}/s" if knee else "-"),
        ("USL", f"R² {usl['r2']}" if usl else f"no fit: {document['usl_reason']}"),
    )
    out.print(facts_table("throughput capacity", rows))
    for note in document["notes"]:
        print_line(out, f"note: {note}")
    print_line(out, f"result: {path}")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
