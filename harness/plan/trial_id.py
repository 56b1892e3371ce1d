"""Trial ids: sortable, unique, safe as a folder name and inside an Idempotency-Key."""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime
from typing import NamedTuple


class Stamp(NamedTuple):
    """What distinguishes the trials of one scenario: a UTC time, four random hex digits."""

    timestamp: str
    digits: str


def new_stamp() -> Stamp:
    """A stamp of now."""
    return Stamp(datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ"), secrets.token_hex(2))


def new_trial_id(scenario: str, stamp: Stamp | None = None) -> str:
    """An id such as ``20261124T101530Z-mixed-3fa9``: time, scenario, digits."""
    timestamp, digits = stamp or new_stamp()
    name = re.sub(r"[^A-Za-z0-9_]", "_", scenario)[:40]
    return f"{timestamp}-{name}-{digits}"
