"""
Service level objectives: one grammar, in plans and on the command line.

::

    p99<250ms, errors<1%, create_session.p99<2s, create_session.service.p99.9<=1s

    slos       = slo *( "," slo )
    slo        = [operation "."] subject comparison limit
    subject    = [("response" | "service") "."] ("p" percent | "max" | "mean")
               | "errors" | "ok_rate" | outcome | "throughput"
    comparison = "<" | "<=" | ">" | ">="          a latency takes the first two only
    limit      = duration (250ms) | share (0.1%) | rate (100/s), as the subject demands

- **Latency**: over the *ok* attempts of the measured phases. ``response`` (the default)
  counts from the intended start, so that a stall shows in everything that queued behind it.
  ``service`` counts from the sending. ``p99`` is the smallest value that at least 99 % of
  the attempts do not exceed.
- **errors**: the share of the attempts of the measured phases whose outcome is none of
  ``ok``, ``rate_limited`` and ``capacity_full``, which a healthy API gives too.
- **an outcome's name**: the share of the attempts of the measured phases that ended so.
  ``ok_rate`` is another spelling of ``ok``.
- **throughput**: ok attempts per second, over the length of the measured phases.
- **operation**: only attempts of that operation; without one, all operations together.
  ``action`` and ``cdp`` select everything on that socket, ``action.goto`` and
  ``cdp.Page.navigate`` one method of it.

An `Slo` keeps its source text, which names its finding. All SLOs are parsed before the first
request.
"""

from __future__ import annotations

from harness.plan.slo.grammar import SloError, parse_slos
from harness.plan.slo.names import NOT_ERRORS, OPERATIONS, OUTCOMES, SOCKET_GROUPS
from harness.plan.slo.objective import Latency, Share, Slo, Subject, Throughput

__all__ = [
    "NOT_ERRORS", "OPERATIONS", "OUTCOMES", "SOCKET_GROUPS", "Latency", "Share", "Slo", "SloError",
    "Subject", "Throughput", "parse_slos",
]  # fmt: skip
