"""The session search as a pure state machine over the script of `session_script`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from harness.experiments.capacity.messages import Action, Results, SearchProgress, SessionEstimate
from harness.experiments.capacity.open_sessions import ActionGenerator, OpenSessions
from harness.experiments.capacity.session_script import SessionScript

PARALLEL = 32
CYCLES = 10
RACES = 3


@dataclass(slots=True)
class SessionSearch:
    """Find the ceiling, the release time, over-admission and leaks."""

    max_sessions: int  # The most sessions to hold
    prefix: str  # Of every Idempotency-Key; unique to the trial
    parallel: int = PARALLEL  # Most concurrent creates during the fill
    cycles: int = CYCLES  # Number of delete-one, create-one cycles
    races: int = RACES  # Number of rounds of concurrent creates at the ceiling
    _script: SessionScript = field(init=False)
    _actions: ActionGenerator = field(init=False)
    _pending: Action | None = None

    def __post_init__(self) -> None:
        self._script = SessionScript(
            self.max_sessions, self.parallel, self.cycles, self.races, OpenSessions(self.prefix)
        )
        self._actions = self._script.run()
        self._advance(None)

    def next_action(self) -> Action | None:
        """The pending action; the same until its results are recorded; None at the end."""
        return self._pending

    def record(self, results: Results) -> None:
        """Take one result per request of `next_action`; ``()`` after a `Wait`."""
        self._advance(results)

    def stop(self) -> None:
        """Begin the cleanup after the pending action."""
        self._script.open_sessions.stopping = True

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._script.open_sessions.stopping

    @property
    def stage(self) -> SearchProgress:
        """The progress of the search."""
        script = self._script
        steps = script.cycles_done + script.found.races
        held = len(script.open_sessions.open)
        return SearchProgress(script.stage, held, steps, self.cycles + self.races)

    def _advance(self, results: Results | None) -> None:
        try:
            self._pending = next(self._actions) if results is None else self._actions.send(results)
        except StopIteration:
            self._pending = None

    def result(self) -> SessionEstimate:
        """The estimate; complete once `next_action` gives None."""
        script, open_sessions = self._script, self._script.open_sessions
        ceiling = script.ceiling()
        if ceiling is None and script.found.bounded:
            ceiling = self.max_sessions
        return replace(
            script.found,
            ceiling=ceiling,
            releases_s=script.releases.times_s,
            release_step_s=script.releases.step_s,
            leaked=len(open_sessions.open),
            unresolved=len(open_sessions.unresolved_keys),
        )
