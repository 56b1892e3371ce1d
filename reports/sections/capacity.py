"""Results of the capacity lab: session ceiling or highest rate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from harness.experiments.capacity.phrases import (
    describe_bound,
    describe_ceiling,
    describe_refusal,
    describe_release,
    served_at_highest,
)
from reports.figures.capacity import draw_ceiling_over_time, draw_releases, draw_steps, draw_usl
from reports.formatting import number
from reports.model import ReportModel
from reports.section import Cell, Figure, Section, Table

_COLUMNS = {
    "number": "step",
    "purpose": "purpose",
    "rate_per_s": "offered, 1/s",
    "served_per_s": "served, 1/s",
    "p50_ms": "p50, ms",
    "p99_ms": "p99, ms",
    "p99_low_ms": "p99 low, ms",
    "p99_high_ms": "p99 high, ms",
    "decision": "decision",
}

_PARAMETERS = {
    "lambda": "throughput of one call at a time, 1/s",
    "sigma": "contention",
    "kappa": "coherency",
}


def build(model: ReportModel) -> Section | None:
    """The section; None without capacity.json."""
    lab = model.labs.get("capacity")
    if lab is None:
        return None
    notes = tuple(map(str, lab.get("notes", ())))
    if lab.get("kind") != "throughput":
        drawn = (draw_releases(lab), draw_ceiling_over_time(lab))
        return Section("capacity", "Capacity", notes, _sessions(lab), _present(drawn), first=True)
    drawn = (draw_steps(lab), draw_usl(lab))
    return Section("capacity", "Capacity", notes, _throughput(lab), _present(drawn), first=True)


def _present(figures: Iterable[Figure | None]) -> tuple[Figure, ...]:
    return tuple(figure for figure in figures if figure is not None)


def _sessions(lab: Mapping[str, Any]) -> tuple[Table, ...]:
    refusals = (lab.get("refusal") or {}).get("count")
    found: tuple[tuple[str, Cell], ...] = (
        ("ceiling", describe_ceiling(lab)),
        ("refusals", refusals),
        ("refusal code", lab.get("refusal_code")),
        ("refusal latency", describe_refusal(lab)),
        ("slot release time, p50", describe_release(lab, "p50")),
        ("slot release time, p99", describe_release(lab, "p99")),
        ("sessions beyond the ceiling", lab.get("over_admitted")),
        ("failed creates", lab.get("failed_creates")),
        ("lost responses", lab.get("lost_answers")),
        ("slots lost with them", lab.get("slots_lost")),
        ("429 responses retried", lab.get("rate_limited")),
        ("sessions opened", lab.get("opened")),
        ("sessions not closed", lab.get("leaked")),
    )
    return (Table("Session ceiling", ("property", "result"), _as_text(found), facts=True),)


def _as_text(found: Iterable[tuple[str, Cell]]) -> tuple[tuple[Cell, ...], ...]:
    """Rows with their values as text, without those that are None."""
    return tuple(
        (name, cell if isinstance(cell, str) else number(cell))
        for name, cell in found
        if cell is not None
    )


def _throughput(lab: Mapping[str, Any]) -> tuple[Table, ...]:
    rate, knee = lab.get("max_rate_per_s") or {}, lab.get("knee") or {}
    found: tuple[tuple[str, Cell], ...] = (
        ("objectives", lab.get("slo")),
        ("highest rate, 1/s", rate.get("estimate")),
        ("served at that rate, 1/s", served_at_highest(lab)),
        ("99 % interval, low", rate.get("low")),
        ("99 % interval, high", rate.get("high")),
        ("ended by", describe_bound(lab)),
        ("binding objective", lab.get("binding")),
        ("fails first", lab.get("gives_way")),
        ("held in all confirmation steps, 1/s", lab.get("confirmed_per_s")),
        ("knee, 1/s", knee.get("rate_per_s")),
        *((("no USL fit: reason", reason),) if (reason := lab.get("usl_reason")) else ()),
    )
    rows = _as_text(found)
    steps = tuple(tuple(step.get(name) for name in _COLUMNS) for step in lab.get("steps", ()))
    return (
        Table("Highest rate within the objectives", ("property", "result"), rows, facts=True),
        Table("Search steps", tuple(_COLUMNS.values()), steps),
        *_usl_table(lab.get("usl") or {}),
    )


def _usl_table(usl: Mapping[str, Any]) -> tuple[Table, ...]:
    """The fitted parameters with their intervals; nothing without a fit."""
    if not usl:
        return ()
    intervals = usl.get("intervals", {})
    rows = tuple(
        (f"{name}, {what}", usl.get(name), *intervals.get(name, (None, None)))
        for name, what in _PARAMETERS.items()
    )
    rows += (
        ("R²", usl.get("r2"), None, None),
        ("calls in flight at the peak", usl.get("peak_concurrency"), None, None),
    )
    head = ("parameter", "estimate", "95 % low", "95 % high")
    return (Table("Universal Scalability Law", head, rows, facts=True),)
