"""
Locust's events, in their order, and what the harness does on each.

::

    init            check plan and target; create the trial
    spawning done   start the load (local process or coordinator)
    test_stopping   end the load in order (also from Locust's web page)
    quitting        the same, for Ctrl-C and SIGTERM
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Callable
from itertools import accumulate
from typing import Any

import gevent
from locust import events
from locust.runners import MasterRunner, WorkerRunner

from harness.errors import HarnessError
from harness.exit_codes import ExitCode
from harness.load.config import LoadConfig, exit_with_error, load_config
from harness.load.coordinator import CoordinatorLifecycle
from harness.load.generator import LoadGenerator
from harness.load.lifecycle import LoadLifecycle, LocalLifecycle
from harness.load.locust_stats import stats_updater, trim_periodically
from harness.load.spec import progress_fd
from harness.load.trial_writer import TrialWriter
from harness.load.worker import WorkerLifecycle

log = logging.getLogger(__name__)
_ATTRIBUTE = "opensteer_harness"
_attached = False


def attach() -> None:
    """Listen to Locust's events; a second call does nothing."""
    global _attached  # noqa: PLW0603  Locust's events are global to the process as well
    if not _attached:
        _attached = True
        events.init.add_listener(_on_init)


def generator_of(environment: Any) -> LoadGenerator:
    """The generator of this process."""
    lifecycle: LoadLifecycle = getattr(environment, _ATTRIBUTE)
    while lifecycle.generator is None:  # a worker gets its index after it connects
        gevent.sleep(0.01)
    return lifecycle.generator


def report_crash(environment: Any) -> None:
    """Log a scenario's exception and make the exit code report it."""
    text = traceback.format_exc()
    environment.runner.log_exception("local", str(sys.exc_info()[1]), text)
    lifecycle: LoadLifecycle = getattr(environment, _ATTRIBUTE)
    lifecycle.on_crash(text)


def workload_picker(environment: Any, user: Any) -> Callable[[Any], Any]:
    """A function that picks the workload of an arrival by the plan's weights."""
    lifecycle: LoadLifecycle = getattr(environment, _ATTRIBUTE)
    plan = lifecycle.config.plan
    workloads = [lifecycle.config.workload(name, kind) for name, kind in user.workloads.items()]
    if len(workloads) == 1:
        return lambda _iteration: workloads[0]
    weights = [plan.weights.get(name, 1.0) for name in user.workloads]
    bounds = list(accumulate(weights))

    def pick(iteration: Any) -> Any:
        at = iteration.rng.random() * bounds[-1]
        return next(item for item, bound in zip(workloads, bounds, strict=True) if at < bound)

    return pick


def _on_init(environment: Any, runner: Any, **_rest: Any) -> None:
    """Check everything before anything is sent; an error ends the process."""
    try:
        config = load_config(environment)
        lifecycle = _make_lifecycle(environment, runner, config)
    except HarnessError as error:
        exit_with_error(str(error), int(error.exit_code))
    except OSError as error:
        exit_with_error(str(error), int(ExitCode.UNKNOWN))
    except Exception:  # noqa: BLE001  Locust would log it and continue without us
        sys.stderr.write(traceback.format_exc())
        exit_with_error("the harness failed in this process; see the traceback above", 1)
    setattr(environment, _ATTRIBUTE, lifecycle)
    grace_s = config.plan.load.grace / 1e9
    environment.stop_timeout = max(environment.stop_timeout or 0.0, grace_s)
    environment.process_exit_code = int(ExitCode.PASS)
    gevent.spawn(trim_periodically, environment.stats)
    environment.events.spawning_complete.add_listener(lambda **_: lifecycle.start())
    environment.events.test_stopping.add_listener(lambda **_: lifecycle.finish())
    environment.events.quitting.add_listener(lambda **_: lifecycle.finish())
    if lifecycle.generator is not None:
        lifecycle.generator.observers.append(stats_updater(environment))


def _make_lifecycle(environment: Any, runner: Any, config: LoadConfig) -> LoadLifecycle:
    headless = bool(environment.parsed_options and environment.parsed_options.headless)
    if isinstance(runner, WorkerRunner):
        return WorkerLifecycle(runner, config, stats_updater(environment))
    writer = TrialWriter(config.spec, config.plan, progress_fd())
    if isinstance(runner, MasterRunner):
        return CoordinatorLifecycle(runner, config, writer, headless=headless)
    return LocalLifecycle(runner, config, writer, headless=headless)
