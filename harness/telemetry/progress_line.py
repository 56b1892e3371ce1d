"""One status line on stderr, and the line that shows the live metrics of a trial."""

from __future__ import annotations

import time
from typing import Self

import msgspec
from rich.console import Console
from rich.live import Live
from rich.text import Text

from harness.load.progress import LiveMetrics
from harness.units import NS_PER_S, format_duration

PLAIN_EVERY_S = 5.0

_decode = msgspec.json.Decoder(LiveMetrics).decode


class StatusLine:
    """One line on stderr: updated in place on a terminal, else printed every 5 s."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last_s = -PLAIN_EVERY_S
        live = Live(console=console, refresh_per_second=4, transient=True)
        self._live = live if console.is_terminal else None

    def __enter__(self) -> Self:
        """Begin to show."""
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_error: object) -> None:
        """Leave the terminal as it was."""
        if self._live is not None:
            self._live.stop()

    def update(self, text: Text, now_s: float | None = None, *, always: bool = False) -> None:
        """Show a line as of now; ``always`` prints it without waiting for 5 s to pass."""
        now_s = time.monotonic() if now_s is None else now_s
        if self._live is not None:
            self._live.update(text)
        elif always or now_s - self._last_s >= PLAIN_EVERY_S:
            self._last_s = now_s
            self._console.print(text, highlight=False, soft_wrap=True)


class ProgressLine(StatusLine):
    """Show `LiveMetrics`."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._note = ""

    def show(self, line: bytes) -> LiveMetrics | None:
        """Show one line of the progress pipe; None when it is broken."""
        try:
            live = _decode(line)
        except msgspec.DecodeError:
            return None
        self.update(render(live), live.elapsed_s, always=live.note != self._note)
        self._note = live.note
        return live


def render(live: LiveMetrics) -> Text:
    """One line: time, rate, latencies, errors by outcome."""
    elapsed_s = min(live.elapsed_s, live.planned_s)
    text = Text()
    text.append(f"{elapsed_s:5.0f}/{live.planned_s:.0f} s", style="bold")
    text.append(f"  {live.attempts:,} attempts  {live.rate_per_s:,.0f}/s")
    text.append(f"  p50 {_ms(live.p50_ms)}  p99 {_ms(live.p99_ms)}")
    bad = {name: count for name, count in live.outcomes.items() if name != "ok"}
    for name, count in sorted(bad.items(), key=lambda item: -item[1])[:4]:
        text.append(f"  {name} {count:,}", style="yellow")
    if not bad and live.attempts:
        text.append("  no errors", style="green")
    if live.note:
        text.append(f"  · {live.note}", style="dim")
    return text


def _ms(value_ms: float) -> str:
    return format_duration(value_ms * NS_PER_S / 1000) if value_ms else "-"
