"""Injected faults and probes, with counts."""

from __future__ import annotations

from typing import Any

from harness.analysis.fault_windows import FaultWindow, describe_settings
from reports.formatting import plural
from reports.model import ReportModel
from reports.section import Section, Table


def build(model: ReportModel) -> Section | None:
    """The section; None for a trial without faults and probes."""
    tables = [table for table in (_faults(model), _probes(model)) if table.rows]
    if not tables:
        return None
    prose = []
    if model.faults:
        injections = plural(sum(map(_injection_count, model.faults)), "injection")
        prose.append(
            f"{plural(len(model.faults), 'fault')} made {injections}. events.jsonl lists each "
            "injection with its time."
        )
    if len(model.probes):
        sent = int(model.probes["count"].sum())
        prose.append(
            f"{plural(sent, 'attempt')} of this trial tested promises of the API (probes). Probes "
            "count in no objective, and a refusal can be the correct response."
        )
    return Section("reliability", "Faults and probes", tuple(prose), tuple(tables))


def _injection_count(fault: FaultWindow) -> int:
    """Injections of a fault; a restart is one, though it has no injection events."""
    return len(fault.injections_s) or int(fault.name == "restart")


def _faults(model: ReportModel) -> Table:
    return Table(
        "Faults",
        ("fault", "settings", "from, s", "to, s", "injections"),
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
        ("operation", "probe", "attempts", "ok", "other outcomes"),
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
