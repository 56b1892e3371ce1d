"""Latency: each request is forwarded later, by a fixed time plus uniform jitter."""

from __future__ import annotations

import asyncio

from harness.faults.kinds.fault import Connection, Fault
from harness.faults.spec import LatencySpec
from harness.units import NS_PER_S


class Latency(Fault):
    """Delays the first byte of the request; the rest follows at full speed."""

    spec: LatencySpec

    async def before_request(self, connection: Connection) -> None:  # noqa: ARG002  no need of it
        """Wait latency ± jitter, never less than nothing."""
        jitter_ns = self.rng.uniform(-self.spec.jitter_ns, self.spec.jitter_ns)
        await asyncio.sleep(max(0.0, self.spec.latency_ns + jitter_ns) / NS_PER_S)
