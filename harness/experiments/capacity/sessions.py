"""The session search as a pure state machine over the script of `session_script`."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.experiments.capacity.messages import Action, Results, SearchProgress, SessionEstimate
from harness.experiments.capacity.open_sessions import ActionGenerator, OpenSessions
from harness.experiments.capacity.session_script import SessionScript

PARALLEL = 32
CYCLES = 10
RACES = 3


@dataclass(slots=True)
class SessionSearch:
    """
    Find the ceiling, the release time, over-admission and leaks.

    Attributes:
        max_sessions: The most sessions to hold.
        prefix: Of every Idempotency-Key; unique to the trial.
        parallel: Most concurrent creates during the fill.
        cycles: Number of delete-one, create-one cycles.
        races: Number of rounds of concurrent creates at the ceiling.
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
        """The pending action; the same until its results are recorded; None at the end."""
        return self._pending

    def record(self, results: Results) -> None:
        """Take one result per request of `next_action`; ``()`` after a `Wait`."""
        self._advance(results)

    def stop(self) -> None:
        """Begin the cleanup after the pending action."""
        self._state.open_sessions.stopping = True

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._state.open_sessions.stopping

    @property
    def stage(self) -> SearchProgress:
        """The progress of the search."""
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
        """The estimate; complete once `next_action` gives None."""
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
