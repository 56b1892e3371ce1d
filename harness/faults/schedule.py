"""
Which faults strike next: windows, probabilities and every n-th, all seeded.

Every fault has a random stream of its own, drawn from once for each request (or
connection) that begins inside its window. So the n-th decision of a fault is the same in every
trial of one seed, whatever the other faults do; which request is the n-th is up to the
load's concurrency.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from random import Random
from typing import Literal

from harness.clock import unix_ns
from harness.faults.event_log import EventLog
from harness.faults.kinds import FAULTS
from harness.faults.kinds.fault import Fault
from harness.faults.spec import NetworkFault

FaultPoint = Literal["accept", "request"]


class FaultSchedule:
    """
    The faults of one proxy.

    Before `begin` nothing strikes: the preflight and the harness's own set-up pass.

    Args:
        specs: The faults, in the plan's order.
        seed: The seed of every decision.
        event_log: Where hits are told.
        now_ns: The clock.
    """

    def __init__(
        self,
        specs: Iterable[NetworkFault],
        *,
        seed: int,
        event_log: EventLog,
        now_ns: Callable[[], int] = unix_ns,
    ) -> None:
        self.specs: Sequence[NetworkFault] = tuple(specs)
        self.begun_ns: int | None = None
        self._event_log = event_log
        self._now_ns = now_ns
        self._faults = [
            FAULTS[spec.kind](spec, Random(f"{seed}/{index}/{spec.kind}/effect"))
            for index, spec in enumerate(self.specs)
        ]
        self._decision_rngs = [
            Random(f"{seed}/{index}/{spec.kind}/draw") for index, spec in enumerate(self.specs)
        ]
        self._seen = [0] * len(self.specs)
        self._decided: list[dict[int, bool]] = [{} for _ in self.specs]

    def begin(self, begun_ns: int) -> None:
        """The start signal: windows count from `begun_ns` (Unix ns)."""
        self.begun_ns = begun_ns

    def next_faults(
        self, moment: FaultPoint, connection: int, request: int, what: str = ""
    ) -> tuple[Fault, ...]:
        """
        The faults that strike now: any number of shapers, at most one cutter.

        Args:
            moment: ``accept`` asks the refusals, ``request`` all the others.
            connection: The connection's number, for the journal.
            request: The number of the request on it, from 1; 0 for the connection.
            what: The request's method and path, for the journal; "" where unknown.
        """
        if self.begun_ns is None or not self._faults:
            return ()
        now_ns = self._now_ns()
        selected: list[Fault] = []
        has_closer = False
        for index, fault in enumerate(self._faults):
            if (fault.spec.kind == "refuse") != (moment == "accept"):
                continue
            if not fault.spec.covers(now_ns - self.begun_ns):
                continue
            if not self._decide(index, connection):
                continue
            if fault.closes_connection and has_closer:
                continue
            has_closer = has_closer or fault.closes_connection
            selected.append(fault)
            self._log_injection(index, now_ns, connection, request, what)
        return tuple(selected)

    def forget_connection(self, connection: int) -> None:
        """A connection has ended: nothing is decided for it any more."""
        for decided in self._decided:
            decided.pop(connection, None)

    def _decide(self, index: int, connection: int) -> bool:
        if self.specs[index].per != "connection":
            return self._draw(index)
        decided = self._decided[index]
        if connection not in decided:
            decided[connection] = self._draw(index)
        return decided[connection]

    def _draw(self, index: int) -> bool:
        spec = self.specs[index]
        self._seen[index] += 1
        if spec.every:
            return self._seen[index] % spec.every == 0
        return self._decision_rngs[index].random() < spec.probability

    def _log_injection(
        self, index: int, now_ns: int, connection: int, request: int, what: str
    ) -> None:
        data: dict[str, object] = {"fault": self.specs[index].kind, "number": index}
        data |= {"edge": "hit", "connection": connection, "request": request}
        if what:
            data["what"] = what
        self._event_log.append("fault", data, time_ns=now_ns)
