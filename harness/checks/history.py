"""
What the history checkers share: evidence, doubt, order in time, and witnesses.

An attempt's *effect* is one of three, after Jepsen's ok, fail and info: it happened (a
success), it did not (a refusal), or it may have. Attempts overlap, so "before" means
that one had ended when the other began; what overlapped proves no order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, get_type_hints

import msgspec
import numpy as np
import numpy.typing as npt
import pandas as pd

from harness.checks.check import Context
from harness.contract.outcomes import Outcome
from harness.units import NS_PER_S, parse_duration_ns
from harness.verdicts import Finding, Verdict

Mask = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.intp]

COLUMNS = (
    "phase",
    "operation",
    "call_id",
    "attempt",
    "start_ns",
    "end_ns",
    "status",
    "code",
    "outcome",
    "idempotency_key",
    "resource_id",
    "replayed",
    "bytes_out",
    "evidence",
)
"""The columns that the history checkers read."""

WITNESS_ROWS = 10

MAYBE: Sequence[str] = (
    Outcome.TIMEOUT,
    Outcome.CONNECTION_LOST,
    Outcome.SERVER_ERROR,
    Outcome.LAUNCH_TIMEOUT,
    Outcome.INVALID_RESPONSE,
)
"""Outcomes after which the work may have been done."""

_EVIDENCE_CHARS_MAX = 4096
_PIECE_ROWS = 1 << 16

Cursor = str | int | None


class Evidence(msgspec.Struct, frozen=True, gc=False):
    """One attempt's evidence, as in docs/trial.md; what is absent is None."""

    state: str | None = None
    status: str | None = None
    webhook: bool | None = None
    events: tuple[str, ...] | None = None
    body: str | None = None
    probe: str | None = None
    sent: int | None = None
    imported: int | None = None
    inserted: int | None = None
    updated: int | None = None
    skipped: int | None = None
    fresh: int | None = None
    same: int | None = None
    newer: int | None = None
    older: int | None = None
    cursor: Cursor = None
    next: Cursor = None
    first: Cursor = None
    last: Cursor = None
    lines: int | None = None
    limit: int | None = None
    digest: str | None = None
    ascending: bool | None = None


@cache
def _decoder(names: tuple[str, ...]) -> msgspec.json.Decoder[Any]:
    """A decoder of these keys alone: the fewer are built, the faster."""
    types = get_type_hints(Evidence)
    fields = [(name, types[name], None) for name in names]
    return msgspec.json.Decoder(msgspec.defstruct("Picked", fields, gc=False))


def pick_evidence(texts: pd.Series, names: Sequence[str]) -> pd.DataFrame:
    """
    Decode some keys of many evidence texts, in bounded memory beside what they say.

    What cannot be read (no JSON, other types, over 4096 characters) tells nothing.

    Columns:
        one a name  object  as in `Evidence`, None where absent; the index is `texts`'
    """
    decode = _decoder(tuple(names)).decode
    columns = {name: np.full(len(texts), None, dtype=object) for name in names}
    words: dict[str, str] = {}
    for first in range(0, len(texts), _PIECE_ROWS):
        piece = slice(first, first + _PIECE_ROWS)
        codes, distinct = pd.factorize(texts.iloc[piece])
        told = _decode_all(decode, np.asarray(distinct, dtype=object))
        for name, column in columns.items():
            values = [None if one is None else getattr(one, name) for one in told]
            # Of equal words one object: some are told a million times.
            shared = [words.setdefault(v, v) if type(v) is str else v for v in values]
            # A missing text has the code -1 and reads the last, which is None.
            column[piece] = np.fromiter([*shared, None], dtype=object)[codes]
        if len(words) > _PIECE_ROWS:
            words.clear()
    return pd.DataFrame(columns, index=texts.index, dtype=object)


def _decode_all(decode: Callable[[str], Any], texts: npt.NDArray[np.object_]) -> list[Any]:
    try:
        return [decode(t) if 0 < len(t) <= _EVIDENCE_CHARS_MAX else None for t in texts]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return [_decode_one(decode, text) for text in texts]


def _decode_one(decode: Callable[[str], Any], text: str) -> Any:
    if len(text) > _EVIDENCE_CHARS_MAX:
        return None
    try:
        return decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def pick_numbers(texts: pd.Series, names: Sequence[str]) -> pd.DataFrame:
    """
    Decode counts.

    Columns:
        one a name  float64  NaN where absent; the index is that of `texts`
    """
    return pick_evidence(texts, names).astype(float)


def may_have_happened(frame: pd.DataFrame) -> Mask:
    """Attempts whose effect is not known: doubtful outcomes, unless no byte was ever sent."""
    sent = ((frame["bytes_out"] > 0) | (frame["status"] > 0)).to_numpy()
    mask: Mask = frame["outcome"].isin(MAYBE).to_numpy() & sent
    return mask


def succeeded(frame: pd.DataFrame) -> Mask:
    """Attempts answered with a success that names its resource, even if misshapen."""
    ok = (frame["outcome"] == Outcome.OK).to_numpy()
    misshapen = (frame["outcome"] == Outcome.INVALID_RESPONSE) & frame["status"].between(
        200, 299
    )
    named: Mask = (frame["resource_id"] != "").to_numpy()
    return named & (ok | misshapen.to_numpy())


def texts_of(values: pd.Series) -> npt.NDArray[np.object_]:
    """A text column as Python strings: sets and lookups of Arrow's are slow."""
    return np.asarray(values, dtype=object)


def call_unit(rows: pd.DataFrame) -> pd.Series:
    """What is one intent: the key of an attempt, or its call where it has none."""
    keys = pd.Series(texts_of(rows["idempotency_key"]), index=rows.index)
    return keys.where(keys != "", rows["call_id"])


def code_of(values: pd.Series) -> Codes:
    """Integers in the place of equal values."""
    codes: Codes = pd.factorize(values)[0]
    return codes


def find_backward(groups: Codes, frame: pd.DataFrame, ranks: npt.NDArray[np.int8]) -> Codes:
    """
    Observations of a lower rank than one that had ended before they began.

    O(n log n) at worst, near O(n) for attempts in the order of the log; the exact,
    overlap-aware comparison is made for the few suspicious groups only.

    Args:
        groups: What each row speaks of, as codes.
        frame: At least ``start_ns`` and ``end_ns``.
        ranks: How far along each observation is.

    Returns:
        Positions (of rows of `frame`), pairs in one flat array: earlier, later, earlier, …
    """
    starts = frame["start_ns"].to_numpy()
    order = np.argsort(starts, kind="stable")
    highest = pd.Series(ranks[order]).groupby(groups[order]).cummax().to_numpy()
    suspects = np.unique(groups[order][ranks[order] < highest])
    rows = np.flatnonzero(np.isin(groups, suspects))
    rows = rows[np.lexsort((starts[rows], groups[rows]))]
    ends = frame["end_ns"].to_numpy()
    pairs: list[int] = []
    if not len(rows):
        return np.array(pairs, dtype=np.intp)
    for members in np.split(rows, np.flatnonzero(np.diff(groups[rows])) + 1):
        for later in members:
            before = members[(ends[members] < starts[later]) & (ranks[members] > ranks[later])]
            if len(before):
                pairs += [int(before[0]), int(later)]
                break
    return np.array(pairs, dtype=np.intp)


def is_complete(context: Context) -> bool:
    """Whether every attempt that was made is in the log: only then does absence tell."""
    manifest = context.manifest
    drained = all(end.state == "drained" for end in manifest.workers)
    return manifest.state == "complete" and drained


def plan_duration_ns(context: Context, name: str) -> int | None:
    """
    The longest duration of this name among the scenarios' settings; None without any.

    ``scenario.name`` asks for that of one scenario.
    """
    tables = context.manifest.plan.get("scenario", {})
    scenario, _, key = name.rpartition(".")
    found = [
        _duration_ns(table[key])
        for owner, table in (tables.items() if isinstance(tables, dict) else ())
        if isinstance(table, dict) and key in table and scenario in ("", owner)
    ]
    return max(found, default=None)


def _duration_ns(value: Any) -> int:
    return parse_duration_ns(value) if isinstance(value, str) else int(value * NS_PER_S)


def show(rows: pd.DataFrame, context: Context) -> tuple[dict[str, Any], ...]:
    """
    Attempts as witness rows, in order of time, at most ten.

    Args:
        rows: Attempts with (some of) `COLUMNS`.
        context: Times are told relative to the start of its trial.
    """
    rows = rows.sort_values(["start_ns", "end_ns"]).head(WITNESS_ROWS)
    origin_ns = context.manifest.started_ns
    return tuple(
        {
            "operation": str(row["operation"]),
            "call_id": int(row["call_id"]),
            "attempt": int(row["attempt"]),
            "start_s": round((row["start_ns"] - origin_ns) / NS_PER_S, 6),
            "end_s": round((row["end_ns"] - origin_ns) / NS_PER_S, 6),
            "status": int(row["status"]),
            "code": _text(row.get("code")),
            "outcome": str(row["outcome"]),
            "key": _text(row.get("idempotency_key")),
            "resource_id": _text(row.get("resource_id")),
            "evidence": _text(row.get("evidence")),
        }
        for row in rows.to_dict("records")
    )


class Accusation:
    """
    Gathers the ways in which a promise was broken, the first with its rows.

    Args:
        name: The promise.
        context: The trial.
    """

    def __init__(self, name: str, context: Context) -> None:
        self._name = name
        self._context = context
        self._sentences: list[str] = []
        self._witness: tuple[dict[str, Any], ...] = ()

    def add(self, sentence: str, rows: pd.DataFrame) -> None:
        """One more way; `rows` show it."""
        if not self._sentences:
            self._witness = show(rows, self._context)
        self._sentences.append(sentence)

    def conclude(
        self, passing: str, doubt: str = "", doubtful: pd.DataFrame | None = None
    ) -> Finding:
        """
        The finding: fail if anything was added, else unknown for a doubt, else pass.

        Args:
            passing: What was seen to hold, with its numbers.
            doubt: What stands between us and an answer; "" when nothing does.
            doubtful: The rows in doubt.
        """
        if self._sentences:
            detail = "; ".join(self._sentences)
            return Finding(self._name, "invariant", Verdict.FAIL, detail, self._witness)
        if doubt:
            witness = () if doubtful is None else show(doubtful, self._context)
            return Finding(self._name, "invariant", Verdict.UNKNOWN, doubt, witness)
        return Finding(self._name, "invariant", Verdict.PASS, passing)


def count(number: int, noun: str, plural: str = "") -> str:
    """
    A number with its noun.

    >>> [count(1, "key"), count(1200, "key"), count(2, "retry", "retries")]
    ['1 key', '1,200 keys', '2 retries']
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
