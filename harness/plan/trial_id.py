"""Names of trials: sortable, unique, safe as a folder and inside an Idempotency-Key."""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime
from typing import NamedTuple


class Stamp(NamedTuple):
    """What tells one trial of a scenario from another: a UTC stamp, four random hex digits."""

    timestamp: str
    digits: str


def new_stamp() -> Stamp:
    """One that no other trial has."""
    return Stamp(datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ"), secrets.token_hex(2))


def new_trial_id(scenario: str, stamp: Stamp | None = None) -> str:
    """``20261124T101530Z-mixed-3fa9``: stamp, scenario, digits; of a new mark without one."""
    timestamp, digits = stamp or new_stamp()
    name = re.sub(r"[^A-Za-z0-9_]", "_", scenario)[:40]
    return f"{timestamp}-{name}-{digits}"
