"""The kinds of network faults, one a module; named as in ``harness.faults.spec.KINDS``."""

from __future__ import annotations

from collections.abc import Mapping

from harness.faults.kinds.bandwidth import Bandwidth
from harness.faults.kinds.blackhole import Blackhole
from harness.faults.kinds.fault import Fault
from harness.faults.kinds.latency import Latency
from harness.faults.kinds.refuse import Refuse
from harness.faults.kinds.reset_after import ResetAfter
from harness.faults.kinds.reset_before import ResetBefore
from harness.faults.kinds.response_lost import ResponseLost
from harness.faults.kinds.response_truncated import ResponseTruncated
from harness.faults.kinds.slow import Slow

FAULTS: Mapping[str, type[Fault]] = {
    "latency": Latency,
    "bandwidth": Bandwidth,
    "refuse": Refuse,
    "reset-before": ResetBefore,
    "reset-after": ResetAfter,
    "response-lost": ResponseLost,
    "response-truncated": ResponseTruncated,
    "blackhole": Blackhole,
    "slow": Slow,
}
"""Kind → class."""
