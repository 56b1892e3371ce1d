"""Names of trials: sortable, unique, safe as a folder and inside an Idempotency-Key."""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime


def new_trial_id(scenario: str) -> str:
    """``20261124T101530Z-mixed-3fa9``: UTC stamp, scenario, four random hex digits."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    name = re.sub(r"[^A-Za-z0-9_]", "_", scenario)[:40]
    return f"{stamp}-{name}-{secrets.token_hex(2)}"
