"""
Watching a trial from outside: its live figures, handed on while it runs.

What is handed on comes over the progress pipe into the ``harness run`` process; the
load process only counts a little more (`harness.load.tally`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

import typer
from rich.console import Console

from harness.load.progress import Live

PrometheusOption = Annotated[
    str | None,
    typer.Option("--prometheus", metavar="[HOST:]PORT", help="Serve live metrics there."),
]


@dataclass(frozen=True, slots=True)
class Facts:
    """What a trial is, for those who see its metrics beside others'."""

    trial_id: str
    scenario: str
    plan: str


@dataclass(slots=True)
class Latest:
    """
    The latest figures.

    Attributes:
        live: None before the first.
        url: Where Prometheus finds them; "" for nowhere.
    """

    live: Live | None = None
    url: str = ""

    def take(self, live: Live) -> None:
        """Take newer ones."""
        self.live = live


@dataclass(frozen=True, slots=True)
class Watch:
    """
    Who watches.

    Attributes:
        prometheus: [HOST:]PORT where metrics are served; None for nowhere.
    """

    prometheus: str | None = None

    def __bool__(self) -> bool:
        """Whether anybody does."""
        return self.prometheus is not None

    @contextmanager
    def watching(self, facts: Facts, console: Console) -> Iterator[Latest]:
        """
        Hand figures on for as long as the block lasts.

        Args:
            facts: What the trial is.
            console: Where it is said where they are.

        Yields:
            What the figures are to be given to.

        Raises:
            UsageError: One cannot listen there.
        """
        latest = Latest()
        if self.prometheus is None:
            yield latest
            return
        from harness.cli.metrics import serving  # noqa: PLC0415  only who watches pays for it

        with serving(self.prometheus, facts, latest) as url:
            latest.url = url
            console.print(f"metrics: {url}", markup=False, highlight=False, soft_wrap=True)
            yield latest


NOBODY = Watch()
