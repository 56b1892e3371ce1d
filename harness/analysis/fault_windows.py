"""The faults of a trial, with their windows and injections."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.trial.schema import Event
from harness.units import NS_PER_S

_NOT_SETTINGS = ("fault", "number", "edge")


@dataclass(frozen=True, slots=True)
class FaultWindow:
    """
    One fault of a trial: its kind, its settings in the plan, its window since the load's start.

    ``injections_s`` are when it hit a request or a connection.
    """

    name: str
    settings: Mapping[str, Any]
    start_s: float
    end_s: float
    injections_s: tuple[float, ...] = ()


@dataclass(slots=True)
class _PartialWindow:
    start_s: float | None = None
    end_s: float | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    injections_s: list[float] = field(default_factory=list)

    def build(self, name: str, load_s: float) -> FaultWindow | None:
        """The window; None without a start and a hit."""
        start_s = self.start_s
        if start_s is None:
            start_s = min(self.injections_s, default=None)
        if start_s is None:
            return None
        end_s = max(start_s, load_s if self.end_s is None else self.end_s)
        return FaultWindow(name, self.settings, start_s, end_s, tuple(self.injections_s))


def collect_fault_windows(
    events: Iterable[Event], started_ns: int, load_s: float
) -> list[FaultWindow]:
    """
    The faults in the events, by start.

    A fault without an end lasts to the load's end; one without a start begins at its first hit.
    The events are of any kind, in order of time.
    """
    windows: dict[tuple[str, str], _PartialWindow] = {}
    for event in events:
        if event.kind != "fault":
            continue
        name = str(event.data.get("fault", "fault"))
        one = windows.setdefault((name, str(event.data.get("number", ""))), _PartialWindow())
        at_s = (event.time_ns - started_ns) / NS_PER_S
        edge = event.data.get("edge")
        if edge == "start" and one.start_s is None:
            one.start_s = at_s
            one.settings = {k: v for k, v in event.data.items() if k not in _NOT_SETTINGS}
        elif edge == "end":
            one.end_s = at_s
        elif edge == "hit":
            one.injections_s.append(at_s)
    found = [one.build(name, load_s) for (name, _), one in windows.items()]
    return sorted(filter(None, found), key=lambda window: window.start_s)


def describe_settings(window: FaultWindow) -> str:
    """
    A fault's settings in one line, without its window.

    >>> describe_settings(FaultWindow("latency", {"latency": "30ms", "from": "0s"}, 0, 1))
    'latency=30ms'
    """
    return ", ".join(
        f"{key}={value if isinstance(value, str) else json.dumps(value)}"
        for key, value in window.settings.items()
        if key not in ("from", "for", "at")
    )
