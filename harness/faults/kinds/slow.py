"""Slow: the answer comes byte by byte."""

from __future__ import annotations

import asyncio
from random import Random

from harness.faults.kinds.fault import Fault
from harness.faults.spec import SlowSpec


class Slow(Fault):
    """Sends single bytes of the answer, evenly spaced."""

    spec: SlowSpec

    def __init__(self, spec: SlowSpec, rng: Random) -> None:
        super().__init__(spec, rng)
        self.piece_bytes = 1

    async def pace_response(self, size_bytes: int) -> None:
        """Wait one byte's time."""
        await asyncio.sleep(size_bytes / self.spec.rate_bytes_per_s)
