"""Tables that HTML, Markdown and CSV share."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from harness.analysis.distributions import METRICS, PERCENTILES
from harness.analysis.probes import PROBE_PREFIX
from harness.units import NS_PER_S
from harness.verdicts import Finding
from reports.model import ReportModel
from reports.section import Cell, Table

ERRORS_MAX = 50
_UNITS = re.compile(r"_(ms|s)$")
EVIDENCE_ROWS_MAX = 20

_HEADINGS = {"p50": "p50", "p90": "p90", "p99": "p99", "p99_9": "p99.9", "max": "max"}


def operations_table(model: ReportModel) -> Table:
    """
    One row per operation: counts, share of ok, latencies in ms; the load first, then probes.

    Probes show no share of ok, as a refusal can be the correct response.
    """
    latency = tuple(
        f"{metric} {_HEADINGS[name]}, ms" for metric in METRICS for name in (*PERCENTILES, "max")
    )
    return Table(
        "Operations",
        ("operation", "attempts", "per second", "ok, %", *latency),
        (*_load_rows(model), *_probe_rows(model)),
    )


def _load_rows(model: ReportModel) -> Iterator[tuple[Cell, ...]]:
    for name, row in model.summary["operations"].items():
        if (load := row["load"])["attempts"]:
            amount = (load["attempts"], load["attempts_per_s"], _ok_percent(load))
            yield (name, *amount, *_latency(row))


def _probe_rows(model: ReportModel) -> Iterator[tuple[Cell, ...]]:
    for name, row in model.summary["operations"].items():
        if (probes := row["probes"])["attempts"]:
            amount = (probes["attempts"], probes["attempts_per_s"], None)
            yield (f"{PROBE_PREFIX}{name}", *amount, *_latency(probes))


def grouped_operations_table(model: ReportModel) -> tuple[Table, tuple[tuple[str, int], ...]]:
    """`operations_table` with short heads under a row of groups (name, number of columns)."""
    plain = operations_table(model)
    first = len(plain.head) - len(METRICS) * len(_HEADINGS)
    head = (*plain.head[:first], *(tuple(_HEADINGS.values()) * len(METRICS)))
    groups = (("", first), *((f"{metric} time, ms", len(_HEADINGS)) for metric in METRICS))
    return Table("Attempts of all phases; latencies of measured phases", head, plain.rows), groups


def errors_table(model: ReportModel, rows_max: int = ERRORS_MAX) -> Table:
    """The most frequent errors of the load, without probes: their refusals can be correct."""
    return Table(
        "Attempts that did not end ok, by code (without probes)",
        ("code", "status", "operation", "outcome", "attempts", "share of operation, %"),
        tuple(
            (
                row.code or f"({row.outcome})",
                int(row.status) or None,
                row.operation,
                row.outcome,
                int(row.count),
                round(row.share * 100, 2),
            )
            for row in load_errors(model).head(rows_max).itertuples(index=False)
        ),
    )


def load_errors(model: ReportModel) -> Any:
    """``model.errors`` without probes."""
    return model.errors[~model.errors["operation"].str.startswith(PROBE_PREFIX)]


def phases_table(model: ReportModel) -> Table:
    """The phases; attempts that were due in a phase may have been sent later."""
    return Table(
        "Phases",
        ("phase", "from, s", "for, s", "measured", "attempts due", "due per second", "ok"),
        tuple(
            (
                phase["name"],
                round(phase["start_s"], 1),
                round(phase["duration_s"], 1),
                "yes" if phase["measured"] else "no",
                phase["attempts"],
                phase["attempts_per_s"] or None,
                phase["ok"],
            )
            for phase in model.summary["phases"]
        ),
    )


def generator_table(model: ReportModel) -> Table:
    """State, counts and load of each generator process."""
    return Table(
        "Generator processes",
        (
            "worker",
            "state",
            "attempts",
            "planned",
            "late starts",
            "late by generator",
            "not started",
            "max CPU, %",
            "loop lag p99, ms",
            "saturated, s",
        ),
        tuple(
            (
                worker.worker,
                worker.state,
                worker.attempts,
                worker.planned,
                worker.late_starts,
                worker.late_by_generator,
                worker.unstarted_arrivals,
                round(worker.cpu_max_fraction * 100, 1),
                round(worker.loop_lag_p99_ms, 2),
                worker.saturated_s,
            )
            for worker in model.manifest.workers
        ),
    )


def evidence_table(
    model: ReportModel, finding: Finding, rows_max: int = EVIDENCE_ROWS_MAX
) -> Table | None:
    """A finding's evidence, with times since load start; None without evidence."""
    if not finding.witness:
        return None
    started_s = model.manifest.started_ns // NS_PER_S
    shown = finding.witness[:rows_max]
    # Columns that are empty in every row are left out.
    head = tuple(
        dict.fromkeys(key for row in shown for key, value in row.items() if value not in (None, ""))
    )
    left = len(finding.witness) - len(shown)
    caption = f"Evidence for {finding.name}" + f" ({left} more rows in summary.json)" * bool(left)
    rows = ({**row, **_since(row.get("second"), started_s)} for row in shown)
    return Table(
        caption,
        tuple(_name(key) for key in head),
        tuple(tuple(_cell(row.get(key)) for key in head) for row in rows),
    )


def _name(key: str) -> str:
    """A column's head: ``from_s`` becomes ``from, s``."""
    return "second of the load" if key == "second" else _UNITS.sub(r", \1", key)


def _since(second: Any, started_s: int) -> dict[str, int]:
    """A Unix second as a second of the load."""
    return {"second": second - started_s} if isinstance(second, int) else {}


def _ok_percent(row: Mapping[str, Any]) -> float | None:
    good: int = row["outcomes"].get("ok", 0)
    return round(100 * good / row["attempts"], 2) if row["attempts"] else None


def _latency(row: Mapping[str, Any]) -> list[Cell]:
    return [row[f"{m}_ms"][name] for m in METRICS for name in (*PERCENTILES, "max")]


def _cell(value: Any) -> Cell:
    return value if value is None or isinstance(value, str | int | float) else str(value)
