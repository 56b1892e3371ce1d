"""Show the budget, the progress and the result of ``harness ratelimit``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from harness.cli.console import plain_table, print_line
from harness.execution.limiter import LimiterBudget
from harness.experiments.rate_limit.designs import Experiment
from harness.experiments.rate_limit.lab import Budget
from harness.experiments.rate_limit.observations import Observation
from harness.telemetry.progress_line import PLAIN_EVERY_S


class ExperimentView:
    """Progress on stderr: a bar of attempts on a terminal, else a line every 5 s."""

    def __init__(self, console: Console, operation: str, host: str, attempts_most: int) -> None:
        self._console = console
        self._subject = f"{operation} at {host}"
        self._most = attempts_most
        self._sent = self._refused = 0
        self._last_ns = 0
        self._name = ""
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

    def __enter__(self) -> Self:
        """Begin to show."""
        self._bar.start()
        return self

    def __exit__(self, *_error: object) -> None:
        """Leave the terminal as it was."""
        self._bar.stop()

    def show(self, update: LimiterBudget | Experiment | Sequence[Observation], /) -> None:
        """Show what is going to be sent, or what was observed."""
        if isinstance(update, LimiterBudget):
            self._show_budget(*update)
        elif isinstance(update, Experiment):
            self._begin(update)
        else:
            self._end(update)

    def _show_budget(self, budget: Budget, check_attempts_max: int) -> None:
        print_line(
            self._console,
            f"measuring the limiter of {self._subject}: about {budget.attempts_expected:,} "
            f"requests in {budget.seconds_expected:.0f} s, at most {budget.attempts_most:,} in "
            f"about {budget.seconds_most:.0f} s, and up to {check_attempts_max:,} more to check "
            "the advice",
        )

    def _begin(self, experiment: Experiment) -> None:
        """Show an experiment; outside a terminal only a long one."""
        self._name = experiment.name
        self._bar.update(self._task, description=f"{experiment.name:<16}")
        if not self._console.is_terminal and experiment.duration_s > PLAIN_EVERY_S:
            print_line(
                self._console,
                f"{experiment.name}: {len(experiment.requests):,} requests in "
                f"{experiment.duration_s:.0f} s",
            )

    def _end(self, observations: Sequence[Observation]) -> None:
        self._sent += len(observations)
        self._refused += sum(o.accepted is False for o in observations)
        self._bar.update(self._task, completed=self._sent, refused=self._refused)
        now_ns = max((o.received_ns for o in observations), default=0)
        if not self._console.is_terminal and now_ns - self._last_ns > PLAIN_EVERY_S * 1e9:
            self._last_ns = now_ns
            print_line(
                self._console,
                f"{self._name}: {self._sent:,} of at most {self._most:,} attempts, "
                f"{self._refused:,} refused",
            )


def print_limiter(document: Mapping[str, Any], path: Path, out: Console) -> None:
    """Print the limiter as a table, its description, and where the document is."""
    table = plain_table("rate limit", "what", right=("estimate", "low", "high"))
    limited = document["limited"]
    words = {True: document["algorithm"], False: "no limit reached", None: "unknown"}
    table.add_row("algorithm", words[limited], "", "")
    labels = {"rate_per_s": "rate, 1/s", "burst": "burst", "window_s": "window, s"}
    for key, label in labels.items():
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
    print_line(out, f"result: {path}")
