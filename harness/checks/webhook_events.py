"""The webhook lines of events.jsonl as a frame."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from harness.trial.schema import Event

_TEXTS = ("delivery_id", "run_id", "type", "signature", "run_status", "tag")


def collect_deliveries(events: Sequence[Event]) -> pd.DataFrame:
    """
    Every webhook request that the inbox received, in order of time.

    Columns; a text is "" if absent:
        time_ns      int64   Unix ns  when it was complete
        delivery_id, run_id  object
        type         object  -        ``run.succeeded`` or ``run.failed``
        signature    object  -        valid, forged, stale, replayed or missing
        run_status   object  -        the run's status in the body
        tag          object  -        the last part of the request's path
        status       int64   -        the inbox's response; 0 for none
        ended_ns     int64   Unix ns  the run's end in the body; 0 if absent
    """
    rows = [event for event in events if event.kind == "webhook"]
    columns: dict[str, object] = {
        "time_ns": pd.array([event.time_ns for event in rows], dtype="int64")
    }
    for name in ("status", "ended_ns"):
        numbers = [_number(event.data.get(name)) for event in rows]
        columns[name] = pd.array(numbers, dtype="int64")
    for name in _TEXTS:
        texts = [_text(event.data.get(name)) for event in rows]
        columns[name] = pd.Series(texts, dtype=object)
    return pd.DataFrame(columns).sort_values("time_ns", kind="stable", ignore_index=True)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(value: object) -> int:
    return value if isinstance(value, int) and abs(value) < 1 << 63 else 0
