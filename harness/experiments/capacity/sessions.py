"""
The session ceiling: how many sessions can be open at once.

A pure state machine: `SessionSearch.next_action` says what to do, `SessionSearch.record` takes
the answers, `SessionSearch.result` answers. What it does, and why, is told in `exploration`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.experiments.capacity.messages import (
    Action,
    Results,
    SearchProgress,
    SessionEstimate,
)
from harness.experiments.capacity.open_sessions import ActionGenerator, OpenSessions
from harness.experiments.capacity.session_script import SessionScript

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
    _state: SessionScript = field(init=False)
    _actions: ActionGenerator = field(init=False)
    _pending: Action | None = None

    def __post_init__(self) -> None:
        self._state = SessionScript(
            self.max_sessions, self.parallel, self.cycles, self.races, OpenSessions(self.prefix)
        )
        self._actions = self._state.run()
        self._advance(None)

    def next_action(self) -> Action | None:
        """What to do now; the same until it is told; None when all is closed."""
        return self._pending

    def record(self, results: Results) -> None:
        """Take the answers to `next_action`, one each; ``()`` after a `Wait`."""
        self._advance(results)

    def stop(self) -> None:
        """Go to the cleanup as soon as the pending action is told."""
        self._state.open_sessions.stopping = True

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._state.open_sessions.stopping

    @property
    def stage(self) -> SearchProgress:
        """How far it is."""
        done = self._state
        steps = done.cycles_done + done.races_done
        return SearchProgress(
            done.stage, len(done.open_sessions.open), steps, self.cycles + self.races
        )

    def _advance(self, results: Results | None) -> None:
        try:
            self._pending = next(self._actions) if results is None else self._actions.send(results)
        except StopIteration:
            self._pending = None

    def result(self) -> SessionEstimate:
        """The answer; `leaked` is right once `next_action` gives None."""
        done, open_sessions = self._state, self._state.open_sessions
        ceiling = done.ceiling()
        if ceiling is None and done.bounded:
            ceiling = self.max_sessions
        return SessionEstimate(
            ceiling=ceiling,
            bounded=done.bounded,
            ceiling_observations=tuple(done.ceiling_observations),
            refusals=tuple(open_sessions.refusals),
            releases_s=tuple(done.releases.times_s),
            release_step_s=done.releases.step_s,
            over_admitted=done.over_admitted,
            races=done.races_done,
            failed=open_sessions.failed,
            lost=open_sessions.lost,
            slots_lost=done.slots_lost,
            refill_failed=done.refill_failed,
            rate_limited=open_sessions.rate_limited,
            leaked=len(open_sessions.open),
            unresolved=len(open_sessions.unresolved_keys),
            opened=open_sessions.opened,
            notes=tuple(done.notes),
        )
