"""
What a session search does, written as one script of waiting generators.

1. **Fill** in parallel, in doubling batches, until a create is refused as full.
2. **Probe** one at a time until one is refused: a *sighting* of the ceiling.
3. **Cycle**: delete one, poll creates until the slot is given again (that is the release
   time), then probe that one more is refused. When the slot does not come back, more were
   open than the ceiling allows (a race while filling) or the ceiling fell: more and more
   are deleted, until a create succeeds again, and then opened up to the ceiling.
4. **Race** at the edge: free a few slots, send more creates at once than there are slots;
   whatever is then open beyond the ceiling was over-admitted, unless a probe shows that
   the ceiling itself rose.
5. **Refill**, only when creates failed for other reasons (launch failed, timeout, answer
   lost): close everything and fill again. What is missing now, the failed creates have
   taken with them.
6. **Replay**: one key is sent again, which must name the same session.
7. **Cleanup**: resolve what is unsure by repeating its key, close everything. It also runs
   after the operator said stop.
"""

from __future__ import annotations

import statistics
from collections.abc import Generator
from dataclasses import dataclass, field

from harness.experiments.capacity.messages import (
    Action,
    Created,
    Purpose,
    Sighting,
    Told,
    Wait,
)
from harness.experiments.capacity.open_sessions import Holdings, Script
from harness.experiments.capacity.release_times import POLL_S, Releases

RACE_FREE = 4
RACE_EXTRA = 8
EXCESS_GROWTH = 4
"""Where a slot does not come back, so many times more are deleted the next time."""
FAILURES_IN_A_ROW = 60
CLOSE_TRIES = 4


class _StoppedError(Exception):
    """The operator wants the cleanup now."""


@dataclass(slots=True)
class Exploration:
    """
    One search's script, and what it has found so far.

    Attributes:
        max_sessions, parallel, cycles, races: As of `SessionSearch`.
        held: What is open.
        stage: What is being done.
        sightings: Ceilings seen, in order of time.
        releases: Release times.
        over_admitted: Most sessions open beyond the ceiling.
        cycles_done, races_done: How many of each.
        slots_lost: Slots that failed creates took with them.
        refill_failed: Creates that failed between the first ceiling and the last; None
            without a refill.
        bounded: `max_sessions` was reached before a ceiling.
        notes: What did not go as it should, in words.
    """

    max_sessions: int
    parallel: int
    cycles: int
    races: int
    held: Holdings
    stage: str = "fill"
    sightings: list[Sighting] = field(default_factory=list)
    releases: Releases = field(default_factory=Releases)
    over_admitted: int = 0
    cycles_done: int = 0
    races_done: int = 0
    slots_lost: int = 0
    refill_failed: int | None = None
    bounded: bool = False
    notes: list[str] = field(default_factory=list)
    _failures_at_first: int = 0

    def run(self) -> Script:
        """Everything that is to be done, in order."""
        try:
            yield from self._explore()
            yield from self._replay()
        except _StoppedError:
            self.notes.append("stopped before the end")
        yield from self._cleanup()

    def _explore(self) -> Script:
        if not (yield from self._fill("fill")):
            return
        peak, failures = len(self.held.open), self._failures()
        self.stage = "cycle"
        for _ in range(self.cycles):
            yield from self._cycle()
            self.cycles_done += 1
        ceiling = self.ceiling()
        if ceiling is None:
            return
        # What failed between the two may have taken slots with it.
        lost = self._failures_at_first - failures
        highest = max(s.sessions for s in self.sightings)
        self.over_admitted = max(0, peak - highest - lost)
        self.stage = "race"
        for _ in range(self.races):
            yield from self._race()
        if self._failures():
            self.stage = "refill"
            yield from self._refill()

    def _replay(self) -> Script:
        """Send a key again that opened a session: the cleanup lives on that promise."""
        if self.held.open:
            key = next(reversed(self.held.open.values()))
            yield from self.held.resolve([key], "probe")

    def _fill(self, purpose: Purpose) -> Generator[Action, Told, bool]:
        """Open until a create is refused; False when that did not come about."""
        batch, failures = 1, 0
        while (room := self.max_sessions - len(self.held.open)) > 0:
            self._check_stop()
            answers = yield from self.held.create(min(batch, room, self.parallel), purpose)
            if any(answer.outcome == "capacity_full" for answer in answers):
                return True
            admitted = sum(answer.outcome == "ok" for answer in answers)
            failures = 0 if admitted else failures + len(answers)
            if failures >= FAILURES_IN_A_ROW:
                self.notes.append(
                    f"gave up filling: {failures} creates in a row failed, the last with "
                    f"{answers[-1].outcome}"
                )
                return False
            batch = min(2 * batch, self.parallel)
        self.bounded = True
        return False

    def _create_one(self, purpose: Purpose) -> Generator[Action, Told, Created | None]:
        """One create that was admitted or refused; None when all it did was fail."""
        for _ in range(FAILURES_IN_A_ROW):
            self._check_stop()
            answers = yield from self.held.create(1, purpose)
            if answers and answers[0].outcome in {"ok", "capacity_full"}:
                return answers[0]
        return None

    def _climb(self) -> Script:
        """Create one at a time until one is refused; note the sighting."""
        while len(self.held.open) < self.max_sessions:
            answer = yield from self._create_one("probe")
            if answer is None:
                return
            if answer.outcome == "capacity_full":
                if not self.sightings:
                    self._failures_at_first = self._failures()
                self.sightings.append(Sighting(answer.end_s, len(self.held.open)))
                return
        self.bounded = True

    def _cycle(self) -> Script:
        tries, count = 0, 1
        while self.held.open and tries < CLOSE_TRIES:
            self._check_stop()
            held = len(self.held.open)
            yield from self.held.close(self.held.newest(count), "cycle")
            if len(self.held.open) == held:
                tries += 1
            elif (yield from self._await_slot()):
                yield from self._climb()
                return
            else:
                count *= EXCESS_GROWTH

    def _await_slot(self) -> Generator[Action, Told, bool]:
        """Poll creates after a delete; note the release time; False when none came."""
        deleted_s = refused_s = self.held.now_s
        pause_s = POLL_S[0]
        tallies = (self.held.rate_limited, self.held.failed)
        while True:
            answer = yield from self._create_one("cycle")
            if answer is None:
                return False
            if answer.outcome == "ok":
                if tallies == (self.held.rate_limited, self.held.failed):
                    self.releases.note(deleted_s, refused_s, answer.start_s)
                return True
            refused_s = answer.start_s
            if answer.end_s - deleted_s > self.releases.timeout_s:
                return False
            pause_s = self.releases.pause_s(pause_s, answer.end_s - deleted_s)
            yield Wait(pause_s, "the slot is not free yet")

    def _race(self) -> Script:
        self._check_stop()
        ceiling = self.ceiling()
        if ceiling is None or self.bounded:
            return
        free = min(RACE_FREE, len(self.held.open))
        yield from self.held.close(self.held.newest(free), "race")
        yield Wait(self.releases.wait_s, "the freed slots come back")
        count = free + RACE_EXTRA
        yield from self.held.create(count, "race")
        self.races_done += 1
        excess = len(self.held.open) - ceiling
        if excess > 0:
            yield from self.held.close(self.held.newest(excess), "race")
            yield Wait(self.releases.wait_s, "the excess is released")
            before = len(self.held.open)
            yield from self._climb()
            rose = len(self.held.open) - before
            self.over_admitted = max(self.over_admitted, excess - rose)
        else:
            yield from self._climb()

    def _refill(self) -> Script:
        yield from self.held.close(list(self.held.open), "refill")
        yield Wait(self.releases.wait_s, "everything is released")
        if not (yield from self._fill("refill")):
            return
        yield from self._climb()
        self.refill_failed = self._failures() - self._failures_at_first
        first, last = self.sightings[0], self.sightings[-1]
        self.slots_lost = max(0, first.sessions - last.sessions)

    def _failures(self) -> int:
        return self.held.failed + self.held.lost

    def _cleanup(self) -> Script:
        self.stage = "cleanup"
        if self.held.unsure:
            yield from self.held.resolve(sorted(self.held.unsure), "cleanup")
        for attempt in range(CLOSE_TRIES):
            if not self.held.open:
                return
            if attempt:
                yield Wait(0.5 * 2**attempt, "some sessions could not be closed")
            yield from self.held.close(list(self.held.open), "cleanup")

    def _check_stop(self) -> None:
        if self.held.stopping:
            raise _StoppedError

    def ceiling(self) -> int | None:
        """The sighting seen most often; of equals the latest."""
        if not self.sightings:
            return None
        return statistics.mode(s.sessions for s in reversed(self.sightings))
