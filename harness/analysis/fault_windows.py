"""What was done to a trial on purpose: faults, with their windows and strikes."""

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
    One fault of a trial.

    Attributes:
        name: Its kind.
        settings: How it was set, as the plan says it.
        start_s, end_s: Its window, seconds since the load's start.
        injections_s: When it struck a request or a connection.
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


def collect_fault_windows(
    events: Iterable[Event], started_ns: int, load_s: float
) -> list[FaultWindow]:
    """
    The faults that the events tell of, by their beginning.

    One without an end lasted to the load's end, one without a beginning from its first hit.

    Args:
        events: Events of any kind, in order of time.
        started_ns: The load's start, Unix ns.
        load_s: The load's length.
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
    return sorted(
        (
            FaultWindow(
                name,
                one.settings,
                start_s,
                max(start_s, load_s if one.end_s is None else one.end_s),
                tuple(one.injections_s),
            )
            for (name, _), one in windows.items()
            if (
                start_s := min(one.injections_s, default=None)
                if one.start_s is None
                else one.start_s
            )
            is not None
        ),
        key=lambda window: window.start_s,
    )


def describe_settings(window: FaultWindow) -> str:
    """
    A fault's settings in one line, but for its window.

    >>> describe_settings(FaultWindow("latency", {"latency": "30ms", "from": "0s"}, 0, 1))
    'latency=30ms'
    """
    shown = {k: v for k, v in window.settings.items() if k not in ("from", "for", "at")}
    return ", ".join(
        f"{key}={value if isinstance(value, str) else json.dumps(value)}"
        for key, value in shown.items()
    )
