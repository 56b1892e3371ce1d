"""
What a fault is told to do: its kind, when it strikes, and its settings.

Two forms say the same, a table of the plan and the text of ``--fault``::

    [[faults]]
    kind = "response-lost"
    from = "20s"
    for = "10s"
    probability = 0.05

    --fault response-lost:probability=0.05,from=20s,for=10s

Times are relative to the start signal, not to the start of the proxy. All kinds but one
are the proxy's; ``restart`` is done to the embedded stand-in by `harness run` itself.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.errors import UsageError
from harness.units import NS_PER_MS, NS_PER_S, parse_duration_ns, write_duration

KINDS: Mapping[str, tuple[str, ...]] = {
    "latency": ("latency", "jitter"),
    "bandwidth": ("rate_bytes_per_s",),
    "refuse": (),
    "reset-before": (),
    "reset-after": (),
    "response-lost": (),
    "response-truncated": (),
    "blackhole": (),
    "slow": ("rate_bytes_per_s",),
    "restart": ("at", "down"),
}
"""Every kind of fault and the settings that only it takes."""

RESTART = "restart"
"""The kind that is no network's: the target is killed, and later started again."""

_COMMON_SETTINGS = ("from", "for", "probability", "every", "per")
_UNITS = ("request", "connection")
_DEFAULT_LATENCY_NS = 100 * NS_PER_MS
_DEFAULT_DOWN_NS = NS_PER_S
_DEFAULT_RATES_BYTES_PER_S = {"bandwidth": 65_536, "slow": 200}


@dataclass(frozen=True, slots=True)
class FaultSpec:
    """
    One fault of a plan.

    Attributes:
        kind: A key of `KINDS`.
        from_ns: When it begins, ns after the start signal.
        for_ns: How long it goes on; None for the rest of the trial.
        probability: The share of requests (connections for ``refuse`` and for
            TLS) that it strikes, in (0, 1]; not looked at when `every` is set.
        every: Strike each n-th request or connection instead; 0 when not set.
        per: ``request``, or ``connection``: then it is decided once for each connection,
            and every request on it is struck or none.
        latency_ns: ``latency``: how much later each request is forwarded.
        jitter_ns: ``latency``: uniform between minus and plus this much on top.
        rate_bytes_per_s: ``bandwidth``: bytes per second each way; ``slow``: bytes per
            second of the answer, sent one by one. 0 for the other kinds.
    """

    kind: str
    from_ns: int = 0
    for_ns: int | None = None
    probability: float = 1.0
    every: int = 0
    per: str = "request"
    latency_ns: int = 0
    jitter_ns: int = 0
    rate_bytes_per_s: int = 0

    def covers(self, since_begin_ns: int) -> bool:
        """Whether the fault's window holds this moment, in ns after the start signal."""
        if since_begin_ns < self.from_ns:
            return False
        return self.for_ns is None or since_begin_ns < self.from_ns + self.for_ns

    @property
    def is_total(self) -> bool:
        """Whether it strikes everything within its window."""
        return self.every in (0, 1) and self.probability >= 1.0

    def to_table(self) -> dict[str, Any]:
        """The plan's form, with the defaults filled in; `fault_from_table` reads it back."""
        if self.kind == RESTART:
            down = write_duration(self.for_ns or 0)
            return {"kind": self.kind, "at": write_duration(self.from_ns), "down": down}
        table: dict[str, Any] = {"kind": self.kind, "from": write_duration(self.from_ns)}
        if self.for_ns is not None:
            table["for"] = write_duration(self.for_ns)
        if self.every:
            table["every"] = self.every
        else:
            table["probability"] = self.probability
        if self.per != _UNITS[0]:
            table["per"] = self.per
        for name in KINDS[self.kind]:
            value = getattr(self, _FIELDS[name][0])
            is_duration = name in ("latency", "jitter")
            table[name] = write_duration(value) if is_duration else value
        return table


def parse_fault(text: str) -> FaultSpec:
    """
    Read the text form: ``kind`` or ``kind:key=value,key=value``.

    Raises:
        UsageError: One line that says what is wrong and names the nearest known word.
    """
    kind, _, rest = text.strip().partition(":")
    table: dict[str, Any] = {"kind": kind.strip()}
    for part in rest.split(",") if rest else ():
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not key or not value:
            msg = f"fault {text!r}: {part!r} is not of the form key=value"
            raise UsageError(msg)
        if key in table:
            msg = f"fault {text!r}: {key!r} is given twice"
            raise UsageError(msg)
        table[key] = value
    return fault_from_table(table)


def fault_from_table(table: Mapping[str, Any]) -> FaultSpec:
    """
    Read one table of the plan's ``[[faults]]``; numbers may also stand as text.

    Raises:
        UsageError: One line that says what is wrong and names the nearest known word.
    """
    kind = table.get("kind", "")
    if not isinstance(kind, str) or kind not in KINDS:
        msg = f"unknown fault {kind!r}{_nearest(str(kind), KINDS)}; known: {', '.join(KINDS)}"
        raise UsageError(msg)
    if "probability" in table and "every" in table:
        msg = f"fault {kind!r}: give either probability or every, not both"
        raise UsageError(msg)
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key == "kind":
            continue
        _check_known(kind, key)
        field, read = _FIELDS[key]
        try:
            values[field] = read(value)
        except (TypeError, ValueError) as error:
            msg = f"fault {kind!r}: {key} = {value!r}: {error}"
            raise UsageError(msg) from error
    return FaultSpec(kind=kind, **(_defaults(kind) | values))


def _check_known(kind: str, key: str) -> None:
    known = KINDS[kind] if kind == RESTART else _COMMON_SETTINGS + KINDS[kind]
    if key in known:
        return
    if key in _FIELDS and key not in _COMMON_SETTINGS:
        takers = " and ".join(name for name, own in KINDS.items() if key in own)
        msg = f"fault {kind!r} takes no {key!r}; only {takers} does"
    else:
        msg = (
            f"fault {kind!r} has no {key!r}{_nearest(key, known)}; it takes {', '.join(known)}"
        )
    raise UsageError(msg)


def _defaults(kind: str) -> dict[str, Any]:
    if kind == RESTART:
        return {"for_ns": _DEFAULT_DOWN_NS}
    if kind == "latency":
        return {"latency_ns": _DEFAULT_LATENCY_NS}
    rate = _DEFAULT_RATES_BYTES_PER_S.get(kind)
    return {} if rate is None else {"rate_bytes_per_s": rate}


def _read_duration(value: Any) -> int:
    if not isinstance(value, str):
        msg = "write a duration as text, such as '20s' or '250ms'"
        raise TypeError(msg)
    return parse_duration_ns(value)


def _read_span(value: Any) -> int:
    if not (span_ns := _read_duration(value)):
        msg = "a window must last longer than nothing"
        raise ValueError(msg)
    return span_ns


def _read_probability(value: Any) -> float:
    probability = float(value)
    if isinstance(value, bool) or not 0.0 < probability <= 1.0:
        msg = "a probability is above 0 and at most 1"
        raise ValueError(msg)
    return probability


def _read_unit(value: Any) -> str:
    if value not in _UNITS:
        msg = f"write {' or '.join(_UNITS)}"
        raise ValueError(msg)
    return str(value)


def _read_count(value: Any) -> int:
    if isinstance(value, (bool, float)) or int(value) < 1:
        msg = "write a whole number of at least 1"
        raise ValueError(msg)
    return int(value)


_FIELDS: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "from": ("from_ns", _read_duration),
    "for": ("for_ns", _read_span),
    "probability": ("probability", _read_probability),
    "every": ("every", _read_count),
    "per": ("per", _read_unit),
    "at": ("from_ns", _read_duration),
    "down": ("for_ns", _read_span),
    "latency": ("latency_ns", _read_duration),
    "jitter": ("jitter_ns", _read_duration),
    "rate_bytes_per_s": ("rate_bytes_per_s", _read_count),
}


def _nearest(word: str, known: Iterable[str]) -> str:
    match = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f", did you mean {match[0]!r}?" if match else ""
