"""Deprecated JSON keys: for one release documents carry both names, and readers take either."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")


class Alias(NamedTuple):
    """
    A deprecated key, at the end of a path through objects and lists, and its successor beside it.

    ``values`` are deprecated values and what replaces them; every other value is the same.
    """

    path: str
    successor: str
    values: Mapping[str, str] = {}


ALIASES: Mapping[str, tuple[Alias, ...]] = {
    "capacity": (
        Alias("bounded", "is_lower_bound"),
        Alias("sightings", "ceiling_observations"),
        Alias("lost_answers", "unresolved_creates"),
        Alias("slots_lost_after", "failed_creates_before_refill"),
        Alias("bound", "stopped_by", {"doomed": "infeasible"}),
        Alias("binding", "binding_criterion"),
        Alias("gives_way", "limiting_resource"),
        Alias("steps.decision", "verdict", {"void": "invalid"}),
    ),
    "compare": (
        Alias("baseline.called", "labels"),
        Alias("candidate.called", "labels"),
        Alias("cautions", "warnings"),
        Alias("doubtful", "inconclusive_because"),
        Alias("metrics.needed_runs", "needed_trials"),
    ),
    "findings": (Alias("witness", "evidence"),),
    "rate_limit": (
        Alias("paragraph", "summary"),
        Alias("check_run", "advice_check"),
        Alias("retry_after.trials", "tested_requests"),
        Alias("retry_after.tries", "tests"),
        Alias("retry_after.tries.told_s", "announced_s"),
        Alias("figures.retry_told_s", "retry_announced_s"),
        Alias("figures.tried_told_s", "tested_announced_s"),
        Alias("figures.tried_low_s", "tested_low_s"),
        Alias("figures.tried_high_s", "tested_high_s"),
    ),
    "summary": (Alias("findings.witness", "evidence"),),
    "trend": (Alias("series.shifts", "change_points"),),
}
"""Document → its deprecated keys; a parent comes before what it holds."""


def add_aliases(name: str, document: T) -> T:
    """
    Add the missing one of each pair of names to a document, in place, and return it.

    ``name`` is the document's: ``capacity`` for capacity.json.
    """
    for path, successor, values in ALIASES.get(name, ()):
        *parents, old = path.split(".")
        old_values = {new: value for value, new in values.items()}
        for owner in _objects(document, parents):
            if old in owner:
                owner.setdefault(successor, _replaced(owner[old], values))
            elif successor in owner:
                owner[old] = _replaced(owner[successor], old_values)
    return document


def _replaced(value: Any, values: Mapping[str, str]) -> Any:
    return values.get(value, value) if isinstance(value, str) else value


def _objects(value: Any, parents: list[str]) -> Iterator[dict[str, Any]]:
    """The objects at the end of a path."""
    if isinstance(value, list | tuple):
        for item in value:
            yield from _objects(item, parents)
    elif isinstance(value, dict) and parents:
        yield from _objects(value.get(parents[0]), parents[1:])
    elif isinstance(value, dict):
        yield value
