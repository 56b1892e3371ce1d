"""
The session ceiling: how many sessions can be open at once.

A pure state machine: `SessionSearch.next_action` says what to do, `SessionSearch.tell` takes
the answers, `SessionSearch.result` answers. What it does, and why, is told in `exploration`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.experiments.capacity.messages import Action, Sessions, Stage, Told
from harness.experiments.capacity.open_sessions import Holdings, Script
from harness.experiments.capacity.session_script import Exploration

PARALLEL = 32
CYCLES = 10
RACES = 3


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
    _exploration: Exploration = field(init=False)
    _script: Script = field(init=False)
    _pending: Action | None = None

    def __post_init__(self) -> None:
        self._exploration = Exploration(
            self.max_sessions, self.parallel, self.cycles, self.races, Holdings(self.prefix)
        )
        self._script = self._exploration.run()
        self._advance(None)

    def next_action(self) -> Action | None:
        """What to do now; the same until it is told; None when all is closed."""
        return self._pending

    def tell(self, told: Told) -> None:
        """Take the answers to `next_action`, one each; ``()`` after a `Wait`."""
        self._advance(told)

    def stop(self) -> None:
        """Go to the cleanup as soon as the pending action is told."""
        self._exploration.held.stopping = True

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._exploration.held.stopping

    @property
    def stage(self) -> Stage:
        """How far it is."""
        done = self._exploration
        steps = done.cycles_done + done.races_done
        return Stage(done.stage, len(done.held.open), steps, self.cycles + self.races)

    def _advance(self, told: Told | None) -> None:
        try:
            self._pending = next(self._script) if told is None else self._script.send(told)
        except StopIteration:
            self._pending = None

    def result(self) -> Sessions:
        """The answer; `leaked` is right once `next_action` gives None."""
        done, held = self._exploration, self._exploration.held
        ceiling = done.ceiling()
        if ceiling is None and done.bounded:
            ceiling = self.max_sessions
        return Sessions(
            ceiling=ceiling,
            bounded=done.bounded,
            sightings=tuple(done.sightings),
            refusals=tuple(held.refusals),
            releases_s=tuple(done.releases.times_s),
            release_step_s=done.releases.step_s,
            over_admitted=done.over_admitted,
            races=done.races_done,
            failed=held.failed,
            lost=held.lost,
            slots_lost=done.slots_lost,
            refill_failed=done.refill_failed,
            rate_limited=held.rate_limited,
            leaked=len(held.open),
            unresolved=len(held.unsure),
            opened=held.opened,
            notes=tuple(done.notes),
        )
