"""Bandwidth: request and answer each flow at a given number of bytes per second."""

from __future__ import annotations

import asyncio
from random import Random

from harness.faults.kinds.fault import Fault
from harness.faults.spec import BandwidthSpec

_PIECES_PER_S = 50


class Bandwidth(Fault):
    """Sends pieces of a fiftieth of a second's bytes and waits for each one's time."""

    spec: BandwidthSpec

    def __init__(self, spec: BandwidthSpec, rng: Random) -> None:
        super().__init__(spec, rng)
        self.piece_bytes = max(1, spec.rate_bytes_per_s // _PIECES_PER_S)

    async def pace_request(self, size_bytes: int) -> None:
        """Wait as long as the bytes take."""
        await asyncio.sleep(size_bytes / self.spec.rate_bytes_per_s)

    pace_response = pace_request
