"""The tables that pages share: what HTML and Markdown both show, as plain cells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.analysis.probes import PREFIX
from harness.analysis.spectra import METRICS, PERCENTILES
from harness.verdicts import Finding
from reports.model import ReportModel
from reports.section import Cell, Table

ERRORS_MAX = 50
WITNESS_MAX = 20

_HEADINGS = {"p50": "p50", "p90": "p90", "p99": "p99", "p99_9": "p99.9", "max": "max"}


def operations_table(model: ReportModel) -> Table:
    """
    One row an operation: how much, how well, and its latencies in ms.

    Probes are operations of their own kind, after the load's; how well they went their
    share of ok cannot tell, a refusal may be what was asked for.
    """
    latency = tuple(
        f"{metric} {_HEADINGS[name]}, ms"
        for metric in METRICS
        for name in (*PERCENTILES, "max")
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
            yield (f"{PREFIX}{name}", *amount, *_latency(probes))


def operations_grouped(model: ReportModel) -> tuple[Table, tuple[tuple[str, int], ...]]:
    """`operations_table` with short names under a row of groups: (name, columns)."""
    plain = operations_table(model)
    first = len(plain.head) - len(METRICS) * len(_HEADINGS)
    head = (*plain.head[:first], *(tuple(_HEADINGS.values()) * len(METRICS)))
    groups = (("", first), *((f"{metric} time, ms", len(_HEADINGS)) for metric in METRICS))
    return Table("Attempts of every phase, and latencies", head, plain.rows), groups


def errors_table(model: ReportModel, rows_max: int = ERRORS_MAX) -> Table:
    """The most frequent ways of not ending ok."""
    return Table(
        "Attempts that did not end ok, by code",
        ("code", "status", "operation", "outcome", "attempts", "of the operation's, %"),
        tuple(
            (
                row.code or None,
                int(row.status) or None,
                row.operation,
                row.outcome,
                int(row.count),
                round(row.share * 100, 2),
            )
            for row in _rows(model, rows_max)
        ),
    )


def phases_table(model: ReportModel) -> Table:
    """The load's phases as they took place."""
    return Table(
        "Phases",
        ("phase", "from, s", "for, s", "measured", "attempts", "per second", "ok"),
        tuple(
            (
                phase["name"],
                round(phase["start_s"], 1),
                round(phase["duration_s"], 1),
                "yes" if phase["measured"] else "no",
                phase["attempts"],
                phase["attempts_per_s"],
                phase["ok"],
            )
            for phase in model.summary["phases"]
        ),
    )


def generator_table(model: ReportModel) -> Table:
    """How each generator process fared."""
    return Table(
        "Generator processes",
        (
            "worker",
            "end",
            "attempts",
            "planned",
            "late starts",
            "late by itself",
            "never begun",
            "most CPU, %",
            "loop lag p99, ms",
            "at its limit, s",
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


def witness_table(finding: Finding, rows_max: int = WITNESS_MAX) -> Table | None:
    """A finding's evidence; None when it has none."""
    if not finding.witness:
        return None
    head = tuple(dict.fromkeys(key for row in finding.witness for key in row))
    shown = finding.witness[:rows_max]
    left = len(finding.witness) - len(shown)
    caption = f"Witness of {finding.name}" + (
        f", {left} more rows in summary.json" * bool(left)
    )
    return Table(
        caption, head, tuple(tuple(_cell(row.get(key)) for key in head) for row in shown)
    )


def _rows(model: ReportModel, rows_max: int) -> Any:
    return model.errors.head(rows_max).itertuples(index=False)


def _ok_percent(row: Mapping[str, Any]) -> float | None:
    good: int = row["outcomes"].get("ok", 0)
    return round(100 * good / row["attempts"], 2) if row["attempts"] else None


def _latency(row: Mapping[str, Any]) -> list[Cell]:
    return [row[f"{m}_ms"][name] for m in METRICS for name in (*PERCENTILES, "max")]


def _cell(value: Any) -> Cell:
    return value if value is None or isinstance(value, str | int | float) else str(value)
