"""
The live view of a running trial: one line that renews itself, or plain lines.
"""

from __future__ import annotations

import msgspec
from rich.console import Console
from rich.live import Live as RichLive
from rich.text import Text

from harness.load.progress import LiveMetrics
from harness.units import NS_PER_S, format_duration

PLAIN_EVERY_S = 5.0

_decode = msgspec.json.Decoder(LiveMetrics).decode


class ProgressLine:
    """Show `LiveMetrics` on stderr: in place on a terminal, else a line every few seconds."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last_s = -PLAIN_EVERY_S
        self._note = ""
        self._rich = (
            RichLive(console=console, refresh_per_second=4, transient=True)
            if console.is_terminal
            else None
        )

    def __enter__(self) -> ProgressLine:  # noqa: PYI034  no subclasses
        """Begin."""
        if self._rich is not None:
            self._rich.start()
        return self

    def __exit__(self, *_error: object) -> None:
        """Leave the terminal as it was."""
        if self._rich is not None:
            self._rich.stop()

    def show(self, line: bytes) -> LiveMetrics | None:
        """Show one line of the progress pipe; None when it is broken."""
        try:
            live = _decode(line)
        except msgspec.DecodeError:
            return None
        if self._rich is not None:
            self._rich.update(render(live))
        elif live.elapsed_s - self._last_s >= PLAIN_EVERY_S or live.note != self._note:
            self._last_s, self._note = live.elapsed_s, live.note
            self._console.print(render(live), highlight=False, soft_wrap=True)
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
