"""Session reads: open a session, read it several times, close it."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from harness.fields import Duration, Table
from harness.load.user import Iteration, ScenarioUser
from harness.units import NS_PER_MS, NS_PER_S


class SessionReads:
    """The workload: what one arrival does."""

    class Settings(Table):
        """The plan's ``[scenario.session_reads]``."""

        reads: Annotated[int, Field(ge=1, le=1000)] = 3
        """How often the session is read."""
        pause: Duration = 50 * NS_PER_MS
        """Pause before each read."""

    def __init__(self, settings: Settings, _seed: int) -> None:
        self._settings = settings

    def run_iteration(self, iteration: Iteration) -> None:
        """Make the calls of one arrival."""
        session_id = iteration.client.create_session(
            iteration.session_body(), iteration.new_idempotency_key()
        ).interpretation.resource_id
        if not session_id:
            return
        try:
            for _ in range(self._settings.reads):
                iteration.sleep(self._settings.pause / NS_PER_S)
                iteration.client.get_session(session_id)
        finally:
            iteration.client.delete_session(session_id)


class SessionReadsUser(ScenarioUser):
    """The Locust user; it names its workloads."""

    workloads: ClassVar = {"session_reads": SessionReads}
