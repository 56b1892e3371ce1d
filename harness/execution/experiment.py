"""The interface between the lifecycle and each kind of trial."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

from rich.console import Console

from harness.execution.load_process import SignalHandler
from harness.execution.orphans import SPEC_FILE, close_orphans
from harness.execution.sidecars import Sidecars, start_target
from harness.execution.transport_options import DEFAULT_TRANSPORT, TransportOptions
from harness.execution.trial_directory import has_started
from harness.exit_codes import ExitCode
from harness.load.spec import TrialSpec
from harness.plan.file import build_plan
from harness.plan.model import Plan
from harness.standin.config import StandinConfig
from harness.standin.launch import Standin


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialJob:
    """
    What every kind of trial needs.

    Attributes:
        host: The target's base URL; "" for the embedded stand-in.
        out: The trial directory; absent or empty.
    """

    host: str
    out: Path
    trial_id: str
    standin: StandinConfig | None = None
    transport_options: TransportOptions = DEFAULT_TRANSPORT


class ProgressView(Protocol):
    """Shows how far an experiment is; the command line supplies it."""

    def __enter__(self) -> Self:
        """Begin to show."""

    def __exit__(self, *error: object) -> None:
        """Leave the terminal as it was."""

    def show(self, update: Any, /) -> None:
        """Show an update; each kind of experiment has its own types of them."""


class SilentView:
    """Shows nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        pass

    def show(self, _update: Any, /) -> None:
        """Ignore the update."""


@dataclass(frozen=True, slots=True)
class ActiveTrial:
    """A trial that is ready for its load; ``progress`` also shows warnings."""

    spec: TrialSpec
    key: str
    progress: Console
    signals: SignalHandler
    sidecars: Sidecars

    @property
    def out(self) -> Path:
        """The trial directory."""
        return Path(self.spec.out)

    @property
    def spec_path(self) -> Path:
        """The file of the spec."""
        return self.out / SPEC_FILE

    def close_orphans(self) -> int:
        """Close the sessions that the load left open; return how many could not be closed."""
        return close_orphans(
            self.out, self.spec_path, self.key, self.progress, embedded=self.spec.embedded
        )


class Experiment(ABC):
    """
    One kind of trial; the lifecycle does the rest.

    Attributes:
        job: Where and against what.
        scenario: The name that the trial's manifest shows.
        plan: The plan of the load.
        sends_key: The preflight checks that the target accepts the key.
        has_sidecars: Start the webhook inbox and the fault injectors of the plan.
    """

    job: TrialJob
    scenario: str
    plan: Plan
    sends_key = True
    has_sidecars = False

    @abstractmethod
    def run(self, trial: ActiveTrial) -> None:
        """Make the load, after setting ``trial.signals.stop``; raises HarnessError."""

    @abstractmethod
    def exit_code(self, evaluated: ExitCode) -> ExitCode:
        """Return the exit code, given that of the trial's verdict."""

    def start_target(self, stack: ExitStack) -> Standin | None:
        """Start the embedded stand-in; None for another target."""
        return None if self.job.host else start_target(self.plan, self.job.standin, stack)

    def spec_fields(self) -> dict[str, Any]:
        """Return further fields of the `TrialSpec`."""
        return {}

    def has_begun(self) -> bool:
        """Return whether there is a measurement to keep."""
        return has_started(self.job.out)

    def write_result(self, left_open: int) -> None:  # noqa: B027  most loads have none
        """Write the experiment's own document, given how many sessions could not be closed."""


def build_lab_plan(name: str, description: str, seed: int, *, duration: str, rate: float) -> Plan:
    """Build the plan of a lab, which decides itself what to send within the duration."""
    document = {
        "name": name,
        "description": description,
        "seed": seed,
        "load": {"phases": [{"name": "load", "duration": duration, "rate": rate}]},
        "retry": {"attempts": 1},
        "slo": {"must": []},
    }
    return build_plan(document, "the lab's plan")
