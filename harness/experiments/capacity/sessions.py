"""
The session ceiling: how many sessions can be open at once.

A pure state machine, written as one script of waiting generators: `SessionSearch.next_action`
says what to do, `SessionSearch.tell` takes the answers, `SessionSearch.result` answers.

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
   after `SessionSearch.stop`.
"""

from __future__ import annotations

import statistics
from collections.abc import Generator
from dataclasses import dataclass, field

from harness.experiments.capacity.holdings import Holdings, Script
from harness.experiments.capacity.releases import POLL_S, Releases
from harness.experiments.capacity.session_words import (
    Action,
    Created,
    Purpose,
    Sessions,
    Sighting,
    Stage,
    Told,
    Wait,
)

PARALLEL = 32
CYCLES = 10
RACES = 3
RACE_FREE = 4
RACE_EXTRA = 8
EXCESS_GROWTH = 4
"""Where a slot does not come back, so many times more are deleted the next time."""
FAILURES_IN_A_ROW = 60
CLOSE_TRIES = 4


class _StoppedError(Exception):
    """The operator wants the cleanup now."""


@dataclass(slots=True)
class SessionSearch:
    """
    Finds the ceiling, the release time, over-admission and leaks.

    Attributes:
        max_sessions: Never hold more than this many.
        prefix: Begins every Idempotency-Key; unique for the trial.
        parallel: Most creates at once while filling.
        cycles: How many delete-one, create-one cycles.
        races: How many rounds of concurrent creates at the edge.
    """

    max_sessions: int
    prefix: str
    parallel: int = PARALLEL
    cycles: int = CYCLES
    races: int = RACES
    _held: Holdings = field(init=False)
    _script: Script = field(init=False)
    _pending: Action | None = None
    _done: bool = False
    _sightings: list[Sighting] = field(default_factory=list)
    _releases: Releases = field(default_factory=Releases)
    _over_admitted: int = 0
    _races_done: int = 0
    _slots_lost: int = 0
    _refill_failed: int | None = None
    _failures_at_first: int = 0
    _stage: str = "fill"
    _cycles_done: int = 0
    _bounded: bool = False
    _notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._held = Holdings(self.prefix)
        self._script = self._run()
        self._advance(None)

    def next_action(self) -> Action | None:
        """What to do now; the same until it is told; None when all is closed."""
        return self._pending

    def tell(self, told: Told) -> None:
        """Take the answers to `next_action`, one each; ``()`` after a `Wait`."""
        self._advance(told)

    def stop(self) -> None:
        """Go to the cleanup as soon as the pending action is told."""
        self._held.stopping = True

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._held.stopping

    @property
    def stage(self) -> Stage:
        """How far it is."""
        done = self._cycles_done + self._races_done
        return Stage(self._stage, len(self._held.open), done, self.cycles + self.races)

    def _advance(self, told: Told | None) -> None:
        try:
            self._pending = next(self._script) if told is None else self._script.send(told)
        except StopIteration:
            self._pending = None
            self._done = True

    def _run(self) -> Script:
        try:
            yield from self._explore()
            yield from self._replay()
        except _StoppedError:
            self._notes.append("stopped before the end")
        yield from self._cleanup()

    def _explore(self) -> Script:
        if not (yield from self._fill("fill")):
            return
        peak, failures = len(self._held.open), self._failures()
        self._stage = "cycle"
        for _ in range(self.cycles):
            yield from self._cycle()
            self._cycles_done += 1
        ceiling = self._ceiling()
        if ceiling is None:
            return
        # What failed between the two may have taken slots with it.
        lost = self._failures_at_first - failures
        highest = max(s.sessions for s in self._sightings)
        self._over_admitted = max(0, peak - highest - lost)
        self._stage = "race"
        for _ in range(self.races):
            yield from self._race()
        if self._failures():
            self._stage = "refill"
            yield from self._refill()

    def _replay(self) -> Script:
        """Send a key again that opened a session: the cleanup lives on that promise."""
        if self._held.open:
            key = next(reversed(self._held.open.values()))
            yield from self._held.resolve([key], "probe")

    def _fill(self, purpose: Purpose) -> Generator[Action, Told, bool]:
        """Open until a create is refused; False when that did not come about."""
        batch, failures = 1, 0
        while (room := self.max_sessions - len(self._held.open)) > 0:
            self._check_stop()
            answers = yield from self._held.create(min(batch, room, self.parallel), purpose)
            if any(answer.outcome == "capacity_full" for answer in answers):
                return True
            admitted = sum(answer.outcome == "ok" for answer in answers)
            failures = 0 if admitted else failures + len(answers)
            if failures >= FAILURES_IN_A_ROW:
                self._notes.append(
                    f"gave up filling: {failures} creates in a row failed, the last with "
                    f"{answers[-1].outcome}"
                )
                return False
            batch = min(2 * batch, self.parallel)
        self._bounded = True
        return False

    def _create_one(self, purpose: Purpose) -> Generator[Action, Told, Created | None]:
        """One create that was admitted or refused; None when all it did was fail."""
        for _ in range(FAILURES_IN_A_ROW):
            self._check_stop()
            answers = yield from self._held.create(1, purpose)
            if answers and answers[0].outcome in {"ok", "capacity_full"}:
                return answers[0]
        return None

    def _climb(self) -> Script:
        """Create one at a time until one is refused; note the sighting."""
        while len(self._held.open) < self.max_sessions:
            answer = yield from self._create_one("probe")
            if answer is None:
                return
            if answer.outcome == "capacity_full":
                if not self._sightings:
                    self._failures_at_first = self._failures()
                self._sightings.append(Sighting(answer.end_s, len(self._held.open)))
                return
        self._bounded = True

    def _cycle(self) -> Script:
        tries, count = 0, 1
        while self._held.open and tries < CLOSE_TRIES:
            self._check_stop()
            held = len(self._held.open)
            yield from self._held.close(self._held.newest(count), "cycle")
            if len(self._held.open) == held:
                tries += 1
            elif (yield from self._await_slot()):
                yield from self._climb()
                return
            else:
                count *= EXCESS_GROWTH

    def _await_slot(self) -> Generator[Action, Told, bool]:
        """Poll creates after a delete; note the release time; False when none came."""
        deleted_s = refused_s = self._held.now_s
        pause_s = POLL_S[0]
        tallies = (self._held.rate_limited, self._held.failed)
        while True:
            answer = yield from self._create_one("cycle")
            if answer is None:
                return False
            if answer.outcome == "ok":
                if tallies == (self._held.rate_limited, self._held.failed):
                    self._releases.note(deleted_s, refused_s, answer.start_s)
                return True
            refused_s = answer.start_s
            if answer.end_s - deleted_s > self._releases.timeout_s:
                return False
            pause_s = self._releases.pause_s(pause_s, answer.end_s - deleted_s)
            yield Wait(pause_s, "the slot is not free yet")

    def _race(self) -> Script:
        self._check_stop()
        ceiling = self._ceiling()
        if ceiling is None or self._bounded:
            return
        free = min(RACE_FREE, len(self._held.open))
        yield from self._held.close(self._held.newest(free), "race")
        yield Wait(self._releases.wait_s, "the freed slots come back")
        count = free + RACE_EXTRA
        yield from self._held.create(count, "race")
        self._races_done += 1
        excess = len(self._held.open) - ceiling
        if excess > 0:
            yield from self._held.close(self._held.newest(excess), "race")
            yield Wait(self._releases.wait_s, "the excess is released")
            before = len(self._held.open)
            yield from self._climb()
            rose = len(self._held.open) - before
            self._over_admitted = max(self._over_admitted, excess - rose)
        else:
            yield from self._climb()

    def _refill(self) -> Script:
        yield from self._held.close(list(self._held.open), "refill")
        yield Wait(self._releases.wait_s, "everything is released")
        if not (yield from self._fill("refill")):
            return
        yield from self._climb()
        self._refill_failed = self._failures() - self._failures_at_first
        first, last = self._sightings[0], self._sightings[-1]
        self._slots_lost = max(0, first.sessions - last.sessions)

    def _failures(self) -> int:
        return self._held.failed + self._held.lost

    def _cleanup(self) -> Script:
        self._stage = "cleanup"
        if self._held.unsure:
            yield from self._held.resolve(sorted(self._held.unsure), "cleanup")
        for attempt in range(CLOSE_TRIES):
            if not self._held.open:
                return
            if attempt:
                yield Wait(0.5 * 2**attempt, "some sessions could not be closed")
            yield from self._held.close(list(self._held.open), "cleanup")

    def _check_stop(self) -> None:
        if self._held.stopping:
            raise _StoppedError

    def _ceiling(self) -> int | None:
        """The sighting seen most often; of equals the latest."""
        if not self._sightings:
            return None
        return statistics.mode(s.sessions for s in reversed(self._sightings))

    def result(self) -> Sessions:
        """The answer; `leaked` is right once `next_action` gives None."""
        ceiling = self._ceiling()
        if ceiling is None and self._bounded:
            ceiling = self.max_sessions
        return Sessions(
            ceiling=ceiling,
            bounded=self._bounded,
            sightings=tuple(self._sightings),
            refusals=tuple(self._held.refusals),
            releases_s=tuple(self._releases.times_s),
            release_step_s=self._releases.step_s,
            over_admitted=self._over_admitted,
            races=self._races_done,
            failed=self._held.failed,
            lost=self._held.lost,
            slots_lost=self._slots_lost,
            refill_failed=self._refill_failed,
            rate_limited=self._held.rate_limited,
            leaked=len(self._held.open),
            unresolved=len(self._held.unsure),
            opened=self._held.opened,
            notes=tuple(self._notes),
        )
