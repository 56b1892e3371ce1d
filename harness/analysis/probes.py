"""
Probes stand apart: operations of their own kind, never part of the load.

An attempt is a probe if its phase is `harness.attempt.ReservedPhase.PROBE`. A probe reveals
a broken promise, and a refusal can be its right answer. Counted as load, probes would
inflate the throughput and the error rate.

The preflight (`ReservedPhase.PREFLIGHT`) runs before the load: it checks that the target is
alive and takes the key. Its 404 is a good answer. The target served it, so totals include
it; load figures leave it out (`without_preflight`).
"""

from __future__ import annotations

import msgspec
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from harness.attempt import ReservedPhase
from harness.trial.store import Trial

PROBE_PREFIX = "probe: "
"""In front of an operation's name where its probes are meant."""
PROBE = ReservedPhase.PROBE.value
PREFLIGHT = ReservedPhase.PREFLIGHT.value


def is_probe(table: pa.Table) -> pa.ChunkedArray:
    """Which rows are probes; ``phase`` tells. Booleans, none of them null."""
    return _has_phase(table, PROBE)


def is_preflight(table: pa.Table) -> pa.ChunkedArray:
    """Which rows are of the preflight, as `is_probe`."""
    return _has_phase(table, PREFLIGHT)


def without_preflight(table: pa.Table) -> pa.Table:
    """The rows that the load is told by: all but the preflight's."""
    return table.filter(pc.invert(is_preflight(table)))


def label_probe_operations(table: pa.Table) -> pa.Table:
    """The table with ``operation`` as text, and `PROBE_PREFIX` in front of it in rows "
    "of probes.
    """
    name = pc.fill_null(table["operation"].cast(pa.string()), "")
    apart = pc.if_else(is_probe(table), pc.binary_join_element_wise(PROBE_PREFIX, name, ""), name)
    return table.set_column(table.column_names.index("operation"), "operation", apart)


def label_probe_outcomes(table: pa.Table) -> pa.Table:
    """The table with ``outcome`` as text, in rows of probes ``probe`` whatever came of them."""
    told = pc.if_else(is_probe(table), PROBE, table["outcome"].cast(pa.string()))
    return table.set_column(table.column_names.index("outcome"), "outcome", told)


def count_probes(trial: Trial) -> pd.DataFrame:
    """
    Probes by what they were for, in Arrow but for the few distinct evidence texts.

    Columns: ``operation``, ``probe``, ``outcome`` (str), ``count`` (int64). Sorted by the
        names; a probe that does not say what it was for is called ``other``.
    """
    names = ["operation", "outcome", "evidence"]
    probes = trial.attempts_table(names, phases={PROBE})
    frame = pd.DataFrame(
        {name: probes[name].cast(pa.string()).to_pylist() for name in names}, dtype=object
    )
    frame["probe"] = [_probe_kind(text) for text in frame.pop("evidence")]
    names = ["operation", "probe", "outcome"]
    counted = frame.groupby(names, as_index=False).size().rename(columns={"size": "count"})
    return counted.astype({"count": "int64"}).sort_values(names, ignore_index=True)


def _has_phase(table: pa.Table, phase: str) -> pa.ChunkedArray:
    return pc.fill_null(pc.equal(table["phase"].cast(pa.string()), phase), fill_value=False)


class _Evidence(msgspec.Struct):
    probe: str = ""


_decode = msgspec.json.Decoder(_Evidence).decode


def _probe_kind(text: str | None) -> str:
    try:
        return _decode(text or "{}").probe or "other"
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "other"
