"""
Select the faults of each request: by window, by probability, or every n-th, all seeded.

Each fault draws from its own random stream, once per request (or connection) in its window. So
its n-th decision is the same in every trial with one seed. Which request is the n-th depends on
the load's concurrency.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from random import Random
from typing import Literal

from harness.clock import unix_ns
from harness.faults.event_log import EventLog
from harness.faults.kinds import FAULTS, Fault
from harness.faults.spec import NetworkFault

FaultPoint = Literal["accept", "request"]


class FaultSchedule:
    """The faults of one proxy; before `begin` none is injected, so that the preflight passes."""

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
        """Take the start signal: windows count from `begun_ns` (Unix ns)."""
        self.begun_ns = begun_ns

    def next_faults(
        self, moment: FaultPoint, connection: int, request: int, what: str = ""
    ) -> tuple[Fault, ...]:
        """
        The faults to inject now, at most one of which closes the connection.

        Args:
            moment: ``accept`` selects the refusals, ``request`` all other kinds.
            request: The number of the request on the connection, from 1; 0 for the connection.
            what: The request's method and path, for the event log; "" if unknown.
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
        """Forget the decisions for a connection that has ended."""
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
