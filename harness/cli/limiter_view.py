"""What ``harness ratelimit`` shows: the plan before, the probes meanwhile, the answer after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from harness.cli.console import plain_table
from harness.experiments.rate_limit.designs import Experiment
from harness.experiments.rate_limit.lab import Budget
from harness.experiments.rate_limit.observations import Observation

PLAIN_EVERY_S = 5.0


def print_budget(plan: Budget, spare: int, operation: str, host: str, console: Console) -> None:
    """What is going to be sent, and for how long, before anything is."""
    console.print(
        f"measuring the limiter of {operation} at {host}: about {plan.attempts_expected:,} "
        f"requests in {plan.seconds_expected:.0f} s, at most {plan.attempts_most:,} in about "
        f"{plan.seconds_most:.0f} s, and up to {spare:,} more to check the advice",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


class ExperimentView:
    """Probes on stderr: a bar of attempts on a terminal, a line every few seconds else."""

    def __init__(self, console: Console, attempts_most: int) -> None:
        self._console = console
        self._most = attempts_most
        self._sent = self._refused = 0
        self._last_ns = 0
        self._probe = ""
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("attempts, {task.fields[refused]:,} refused"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=attempts_most, refused=0)

    def __enter__(self) -> ExperimentView:  # noqa: PYI034  no subclasses
        """Begin."""
        self._bar.start()
        return self

    def __exit__(self, *_error: object) -> None:
        """Leave the terminal as it was."""
        self._bar.stop()

    def begin(self, experiment: Experiment) -> None:
        """A probe is about to be sent; a long one says so on a plain console, too."""
        self._probe = experiment.name
        self._bar.update(self._task, description=f"{experiment.name:<16}")
        if not self._console.is_terminal and experiment.duration_s > PLAIN_EVERY_S:
            self._console.print(
                f"{experiment.name}: {len(experiment.requests):,} requests in "
                f"{experiment.duration_s:.0f} s",
                highlight=False,
            )

    def end(self, seen: Sequence[Observation]) -> None:
        """It came back."""
        self._sent += len(seen)
        self._refused += sum(o.accepted is False for o in seen)
        self._bar.update(self._task, completed=self._sent, refused=self._refused)
        now_ns = max((o.received_ns for o in seen), default=0)
        if not self._console.is_terminal and now_ns - self._last_ns > PLAIN_EVERY_S * 1e9:
            self._last_ns = now_ns
            self._console.print(
                f"{self._probe}: {self._sent:,} of at most {self._most:,} attempts, "
                f"{self._refused:,} refused",
                highlight=False,
            )


def print_limiter(document: Mapping[str, Any], path: Path, out: Console) -> None:
    """The limiter as a table, the paragraph for the docs, and where the rest is."""
    table = plain_table("rate limit")
    for name in ("what", "estimate", "low", "high"):
        table.add_column(name, justify="left" if name == "what" else "right")
    limited = document["limited"]
    words = {True: document["algorithm"], False: "no limit met", None: "unknown"}
    table.add_row("algorithm", words[limited], "", "")
    for key, label in (
        ("rate_per_s", "rate, 1/s"),
        ("burst", "burst"),
        ("window_s", "window, s"),
    ):
        value = document[key]
        if value:
            cells = [f"{value[part]:.4g}" for part in ("estimate", "low", "high")]
            table.add_row(label, *cells)
    table.add_row("Retry-After", document["retry_after"]["kind"], "", "")
    out.print(table)
    out.print(Text(document["paragraph"]))
    check = document["check_run"]
    if check:
        line = f"{check['refused']} of {check['sent']} refused"
        out.print(Text(f"check run with the advised settings: {line}"))
    out.print(f"result: {path}", markup=False, highlight=False, soft_wrap=True)
