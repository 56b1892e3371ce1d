"""
The scope of the limit: per operation, per key, or shared.

While one operation is drained, requests of the other operation (or key) alternate with its
own. If only its own are refused the limits are separate, if both are it is shared.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from harness.experiments.rate_limit.observations import Observation

Shared = Literal["shared", "separate", "unknown"]
OWN, OTHER_OPERATION, OTHER_KEY = "scope-own", "scope-operation", "scope-key"


def assess_scope(observations: Iterable[Observation], other: str) -> Shared:
    """
    Compare the share of refusals of the ``other`` requests with the drained one's own.

    ``unknown`` with fewer than three decisions on a side, if the drained one passed too, or
    if the shares lie between.
    """
    rows = [o for o in observations if o.accepted is not None]
    own = [bool(o.accepted) for o in rows if o.purpose == OWN + "/" + other]
    theirs = [bool(o.accepted) for o in rows if o.purpose == other]
    if min(len(own), len(theirs)) < 3 or sum(own) / len(own) > 0.5:
        return "unknown"
    passed = sum(theirs) / len(theirs)
    if passed >= 0.75:
        return "separate"
    return "shared" if passed <= sum(own) / len(own) + 0.25 else "unknown"
