"""
Watching a trial from outside: its live figures, handed on while it runs.

What is handed on comes over the progress pipe into the ``harness run`` process; the
load process only counts a little more (`harness.load.tally`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from rich.console import Console

from harness.load.progress import Live


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
        otlp: URL of an OpenTelemetry collector that they are sent to; None for nowhere.
    """

    prometheus: str | None = None
    otlp: str | None = None

    def __bool__(self) -> bool:
        """Whether anybody does."""
        return self.prometheus is not None or self.otlp is not None

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
            UsageError: One cannot listen there, or the URL is none.
        """
        latest = Latest()
        # Only who watches pays for the imports.
        with ExitStack() as stack:
            if self.prometheus is not None:
                from harness.cli.metrics import serving

                latest.url = stack.enter_context(serving(self.prometheus, facts, latest))
                text = f"metrics: {latest.url}"
                console.print(text, markup=False, highlight=False, soft_wrap=True)
            if self.otlp is not None:
                from harness.cli.otlp import sending

                stack.enter_context(sending(self.otlp, facts, latest, console))
            yield latest


NOBODY = Watch()
