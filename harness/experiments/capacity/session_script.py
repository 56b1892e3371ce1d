"""
The steps of a session search, as generators that wait for results.

1. **Fill** in parallel, in doubling batches, until a create is refused as full.
2. **Probe** with single creates until one is refused: one *ceiling observation*.
3. **Cycle**: delete one session, poll creates until one succeeds (the release time), then
   probe that one more is refused. If no create succeeds, a race during the fill opened too
   many, or the ceiling fell: delete more and more until one does, then fill to the ceiling.
4. **Race** at the ceiling: free a few slots, send more concurrent creates than slots. The
   excess was over-admitted, unless a probe shows that the ceiling rose.
5. **Refill**, only if creates failed for other reasons (launch failed, timeout, lost
   response): close everything and fill again. The missing slots are lost to those creates.
6. **Replay**: send one key again; it must name the same session.
7. **Cleanup**: resolve unknown creates by repeating their keys, close everything. It also
   runs after the operator's stop.
"""

from __future__ import annotations

import statistics
from collections.abc import Generator
from dataclasses import dataclass, field

from harness.experiments.capacity.messages import (
    Action,
    CeilingObservation,
    CreateResult,
    Purpose,
    Results,
    SessionEstimate,
    Wait,
)
from harness.experiments.capacity.open_sessions import ActionGenerator, OpenSessions
from harness.experiments.capacity.release_times import POLL_S, ReleaseTimes

RACE_FREE = 4
RACE_EXTRA = 8
CLOSE_GROWTH = 4
"""Factor on the number of deletes if a slot does not come back."""
FAILURES_IN_A_ROW = 60
CLOSE_TRIES = 4


class _StoppedError(Exception):
    """The operator stopped the search."""


@dataclass(slots=True)
class SessionScript:
    """One search; fields as in `SessionSearch`, its results so far in `open_sessions.found`."""

    max_sessions: int
    parallel: int
    cycles: int
    races: int
    open_sessions: OpenSessions
    stage: str = "fill"
    releases: ReleaseTimes = field(default_factory=ReleaseTimes)
    cycles_done: int = 0
    _failures_at_first: int = 0

    @property
    def found(self) -> SessionEstimate:
        """The results so far."""
        return self.open_sessions.found

    def run(self) -> ActionGenerator:
        """All steps in order."""
        try:
            yield from self._explore()
            yield from self._replay()
        except _StoppedError:
            self.found.notes.append("stopped before the end")
        yield from self._cleanup()

    def _explore(self) -> ActionGenerator:
        if not (yield from self._fill("fill")):
            return
        peak, failures = len(self.open_sessions.open), self._failures()
        self.stage = "cycle"
        for _ in range(self.cycles):
            yield from self._cycle()
            self.cycles_done += 1
        ceiling = self.ceiling()
        if ceiling is None:
            return
        # Creates that failed in between may have taken slots.
        lost = self._failures_at_first - failures
        highest = max(s.sessions for s in self.found.ceiling_observations)
        self.found.over_admitted = max(0, peak - highest - lost)
        self.stage = "race"
        for _ in range(self.races):
            yield from self._race()
        if self._failures():
            self.stage = "refill"
            yield from self._refill()

    def _replay(self) -> ActionGenerator:
        """Send the key of an open session again: the cleanup relies on that promise."""
        if self.open_sessions.open:
            key = next(reversed(self.open_sessions.open.values()))
            yield from self.open_sessions.resolve([key], "probe")

    def _fill(self, purpose: Purpose) -> Generator[Action, Results, bool]:
        """Create until one is refused; False if none was."""
        batch, failures = 1, 0
        while (room := self.max_sessions - len(self.open_sessions.open)) > 0:
            self._check_stop()
            answers = yield from self.open_sessions.create(min(batch, room, self.parallel), purpose)
            if any(answer.outcome == "capacity_full" for answer in answers):
                return True
            admitted = sum(answer.outcome == "ok" for answer in answers)
            failures = 0 if admitted else failures + len(answers)
            if failures >= FAILURES_IN_A_ROW:
                self.found.notes.append(
                    f"the fill ended after {failures} failed creates in a row, the last with "
                    f"{answers[-1].outcome}"
                )
                return False
            batch = min(2 * batch, self.parallel)
        self.found.bounded = True
        return False

    def _create_one(self, purpose: Purpose) -> Generator[Action, Results, CreateResult | None]:
        """Repeat a create until it is admitted or refused; None if it only failed."""
        for _ in range(FAILURES_IN_A_ROW):
            self._check_stop()
            answers = yield from self.open_sessions.create(1, purpose)
            if answers and answers[0].outcome in {"ok", "capacity_full"}:
                return answers[0]
        return None

    def _create_until_refused(self) -> ActionGenerator:
        """Create one at a time until one is refused; record the ceiling observation."""
        while len(self.open_sessions.open) < self.max_sessions:
            answer = yield from self._create_one("probe")
            if answer is None:
                return
            if answer.outcome == "capacity_full":
                if not self.found.ceiling_observations:
                    self._failures_at_first = self._failures()
                self.found.ceiling_observations.append(
                    CeilingObservation(answer.end_s, len(self.open_sessions.open))
                )
                return
        self.found.bounded = True

    def _cycle(self) -> ActionGenerator:
        tries, count = 0, 1
        while self.open_sessions.open and tries < CLOSE_TRIES:
            self._check_stop()
            open_sessions = len(self.open_sessions.open)
            yield from self.open_sessions.close(self.open_sessions.newest(count), "cycle")
            if len(self.open_sessions.open) == open_sessions:
                tries += 1
            elif (yield from self._await_slot()):
                yield from self._create_until_refused()
                return
            else:
                count *= CLOSE_GROWTH

    def _await_slot(self) -> Generator[Action, Results, bool]:
        """Poll creates after a delete; record the release time; False if none succeeded."""
        deleted_s = refused_s = self.open_sessions.now_s
        pause_s = POLL_S[0]
        disturbed = self._disturbances()
        while True:
            answer = yield from self._create_one("cycle")
            if answer is None:
                return False
            if answer.outcome == "ok":
                if disturbed == self._disturbances():
                    self.releases.record(deleted_s, refused_s, answer.start_s)
                return True
            refused_s = answer.start_s
            if answer.end_s - deleted_s > self.releases.timeout_s:
                return False
            pause_s = self.releases.pause_s(pause_s, answer.end_s - deleted_s)
            yield Wait(pause_s, "the slot is not free yet")

    def _race(self) -> ActionGenerator:
        self._check_stop()
        ceiling = self.ceiling()
        if ceiling is None or self.found.bounded:
            return
        free = min(RACE_FREE, len(self.open_sessions.open))
        yield from self.open_sessions.close(self.open_sessions.newest(free), "race")
        yield Wait(self.releases.wait_s, "the freed slots come back")
        count = free + RACE_EXTRA
        yield from self.open_sessions.create(count, "race")
        self.found.races += 1
        excess = len(self.open_sessions.open) - ceiling
        if excess > 0:
            yield from self.open_sessions.close(self.open_sessions.newest(excess), "race")
            yield Wait(self.releases.wait_s, "the excess is released")
        before = len(self.open_sessions.open)
        yield from self._create_until_refused()
        rose = len(self.open_sessions.open) - before
        self.found.over_admitted = max(self.found.over_admitted, excess - rose if excess > 0 else 0)

    def _refill(self) -> ActionGenerator:
        yield from self.open_sessions.close(list(self.open_sessions.open), "refill")
        yield Wait(self.releases.wait_s, "everything is released")
        if not (yield from self._fill("refill")):
            return
        yield from self._create_until_refused()
        self.found.refill_failed = self._failures() - self._failures_at_first
        first, last = self.found.ceiling_observations[0], self.found.ceiling_observations[-1]
        self.found.slots_lost = max(0, first.sessions - last.sessions)

    def _disturbances(self) -> int:
        return self.found.rate_limited + self.found.failed

    def _failures(self) -> int:
        return self.found.failed + self.found.lost

    def _cleanup(self) -> ActionGenerator:
        self.stage = "cleanup"
        if self.open_sessions.unresolved_keys:
            yield from self.open_sessions.resolve(
                sorted(self.open_sessions.unresolved_keys), "cleanup"
            )
        for attempt in range(CLOSE_TRIES):
            if not self.open_sessions.open:
                return
            if attempt:
                yield Wait(0.5 * 2**attempt, "some sessions could not be closed")
            yield from self.open_sessions.close(list(self.open_sessions.open), "cleanup")

    def _check_stop(self) -> None:
        if self.open_sessions.stopping:
            raise _StoppedError

    def ceiling(self) -> int | None:
        """The most frequent ceiling observation; the latest of equally frequent ones."""
        if not self.found.ceiling_observations:
            return None
        return statistics.mode(s.sessions for s in reversed(self.found.ceiling_observations))
