"""
Probes and the preflight are not part of the load.

An attempt is a probe if its phase is `ReservedPhase.PROBE`. A probe reveals a broken promise, and
a refusal can be its right response; counted as load, probes would inflate throughput and errors.

The preflight (`ReservedPhase.PREFLIGHT`) checks before the load that the target is alive and
accepts the key. Totals include it, because the target served it; load figures do not.
"""

from __future__ import annotations

import msgspec
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from harness.attempt import ReservedPhase
from harness.trial.store import Trial

PROBE_PREFIX = "probe: "
"""Prefix of an operation's name for its probes."""
PROBE = ReservedPhase.PROBE.value
PREFLIGHT = ReservedPhase.PREFLIGHT.value


def is_probe(table: pa.Table) -> pa.ChunkedArray:
    """Which rows are probes, by ``phase``; booleans without null."""
    return _has_phase(table, PROBE)


def is_preflight(table: pa.Table) -> pa.ChunkedArray:
    """Which rows are of the preflight, as `is_probe`."""
    return _has_phase(table, PREFLIGHT)


def without_preflight(table: pa.Table) -> pa.Table:
    """All rows but the preflight's."""
    return table.filter(pc.invert(is_preflight(table)))


def label_probe_operations(table: pa.Table) -> pa.Table:
    """The table with ``operation`` as text, with `PROBE_PREFIX` in rows of probes."""
    name = pc.fill_null(table["operation"].cast(pa.string()), "")
    label = pc.if_else(is_probe(table), pc.binary_join_element_wise(PROBE_PREFIX, name, ""), name)
    return table.set_column(table.column_names.index("operation"), "operation", label)


def label_probe_outcomes(table: pa.Table) -> pa.Table:
    """The table with ``outcome`` as text, ``probe`` in rows of probes."""
    label = pc.if_else(is_probe(table), PROBE, table["outcome"].cast(pa.string()))
    return table.set_column(table.column_names.index("outcome"), "outcome", label)


def count_probes(trial: Trial) -> pd.DataFrame:
    """
    Probes by kind.

    Columns: ``operation``, ``probe``, ``outcome`` (str), ``count`` (int64). Sorted by the
        names; a probe without a kind is ``other``.
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
