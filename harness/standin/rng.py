"""
One random stream per purpose, all from one seed.

Separate streams keep a change in one purpose (more failures) from changing another (the runs'
durations). A restarted server uses new streams, so that no id repeats.
"""

from __future__ import annotations

import random


class RandomStreams:
    """The streams of one start of the server."""

    def __init__(self, seed: int, start: int) -> None:
        self.ids = random.Random(f"{seed}/{start}/ids")
        self.latency = random.Random(f"{seed}/{start}/latency")
        self.service = random.Random(f"{seed}/{start}/service")
        self.failures = random.Random(f"{seed}/{start}/failures")
        self.lies = random.Random(f"{seed}/{start}/lies")
        self.runs = random.Random(f"{seed}/{start}/runs")

    def make_id(self, prefix: str) -> str:
        """A new id: the prefix and 96 random bits in hex."""
        return f"{prefix}_{self.ids.getrandbits(96):024x}"
