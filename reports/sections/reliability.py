"""Faults and probes: what was done to the trial on purpose, and how often."""

from __future__ import annotations

from typing import Any

from harness.analysis.fault_windows import FaultWindow, describe_settings
from reports.formatting import plural
from reports.model import ReportModel
from reports.section import Section, Table


def build(model: ReportModel) -> Section | None:
    """The section; None for a trial with neither."""
    tables = [table for table in (_faults(model), _probes(model)) if table.rows]
    if not tables:
        return None
    prose = []
    if model.faults:
        struck = sum(_injection_count(fault) for fault in model.faults)
        prose.append(
            f"{plural(len(model.faults), 'fault')} struck {plural(struck, 'time')}; each "
            "strike is in events.jsonl with its time."
        )
    if len(model.probes):
        sent = int(model.probes["count"].sum())
        prose.append(
            f"{sent:,} attempts were probes: requests sent again to see whether the target "
            "keeps its promises. They stand outside every objective, and a refusal can be "
            "the right answer."
        )
    return Section("reliability", "Faults and probes", tuple(prose), tuple(tables))


def _injection_count(fault: FaultWindow) -> int:
    """A fault that has a window and no hits struck once: its window is the strike."""
    return len(fault.injections_s) or int(fault.name == "restart")


def _faults(model: ReportModel) -> Table:
    return Table(
        "Faults",
        ("fault", "settings", "from, s", "to, s", "strikes"),
        tuple(
            (
                fault.name,
                describe_settings(fault),
                round(fault.start_s, 1),
                round(fault.end_s, 1),
                _injection_count(fault),
            )
            for fault in model.faults
        ),
    )


def _probes(model: ReportModel) -> Table:
    grouped: dict[tuple[str, str], dict[str, int]] = {}
    for row in model.probes.itertuples(index=False):
        group: Any = row
        grouped.setdefault((group.operation, group.probe), {})[group.outcome] = int(group.count)
    return Table(
        "Probes",
        ("operation", "probe", "attempts", "ok", "answered otherwise"),
        tuple(
            (
                operation,
                probe,
                sum(outcomes.values()),
                outcomes.get("ok", 0),
                ", ".join(f"{name} {number:,}" for name, number in outcomes.items() if name != "ok")
                or None,
            )
            for (operation, probe), outcomes in grouped.items()
        ),
    )
