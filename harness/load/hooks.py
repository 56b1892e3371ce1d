"""
How the harness sits in Locust: its events, in the order in which they come.

::

    init            roles are known; plan and target are checked; the trial begins
    spawning done   the local process, or the master for all workers, says go
    test_stopping   the load ends in order (also from Locust's web page)
    quitting        the same, for Ctrl-C and SIGTERM

Locust's own statistics are fed from here for its display only: its listeners
swallow exceptions and its percentiles have two digits.
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
from harness.exit_codes import Exit
from harness.load.config import Orders, refuse, take_orders
from harness.load.coordinator import MasterConductor
from harness.load.generator import Generator
from harness.load.lifecycle import Conductor, LocalConductor
from harness.load.locust_stats import bound_often, display_for
from harness.load.spec import progress_fd
from harness.load.trial_writer import Collector
from harness.load.worker import WorkerConductor

log = logging.getLogger(__name__)
_ATTRIBUTE = "opensteer_harness"
_attached = False


def attach() -> None:
    """Listen to Locust's events; a second call does nothing."""
    global _attached  # noqa: PLW0603  Locust's events are global to the process as well
    if not _attached:
        _attached = True
        events.init.add_listener(_on_init)


def generator_of(environment: Any) -> Generator:
    """The generator of this process."""
    conductor: Conductor = getattr(environment, _ATTRIBUTE)
    while conductor.generator is None:  # a worker learns its name a moment after it connects
        gevent.sleep(0.01)
    return conductor.generator


def report_crash(environment: Any) -> None:
    """A scenario raised: say so, once an error, and make the trial's exit code tell."""
    text = traceback.format_exc()
    environment.runner.log_exception("local", str(sys.exc_info()[1]), text)
    conductor: Conductor = getattr(environment, _ATTRIBUTE)
    conductor.crashed(text)


def chooser_of(environment: Any, user: Any) -> Callable[[Any], Any]:
    """A function that picks the workload of an arrival, by the plan's weights."""
    conductor: Conductor = getattr(environment, _ATTRIBUTE)
    plan = conductor.orders.plan
    made = [conductor.orders.workload(name, kind) for name, kind in user.workloads.items()]
    if len(made) == 1:
        return lambda _visit: made[0]
    weights = [plan.weights.get(name, 1.0) for name in user.workloads]
    bounds = list(accumulate(weights))

    def choose(visit: Any) -> Any:
        at = visit.chance.random() * bounds[-1]
        return next(item for item, bound in zip(made, bounds, strict=True) if at < bound)

    return choose


def _on_init(environment: Any, runner: Any, **_rest: Any) -> None:
    """Check everything before anything is sent; a mistake ends the process in one line."""
    try:
        orders = take_orders(environment)
        conductor = _conductor(environment, runner, orders)
    except HarnessError as error:
        refuse(str(error), int(error.exit_code))
    except OSError as error:
        refuse(str(error), int(Exit.UNKNOWN))
    except Exception:  # noqa: BLE001  Locust would log it, and go on without us for ever
        sys.stderr.write(traceback.format_exc())
        refuse("the harness failed in this process; see the traceback above", 1)
    setattr(environment, _ATTRIBUTE, conductor)
    grace_s = orders.plan.load.grace / 1e9
    environment.stop_timeout = max(environment.stop_timeout or 0.0, grace_s)
    environment.process_exit_code = int(Exit.PASS)
    gevent.spawn(bound_often, environment.stats)
    environment.events.spawning_complete.add_listener(lambda **_: conductor.go())
    environment.events.test_stopping.add_listener(lambda **_: conductor.finish())
    environment.events.quitting.add_listener(lambda **_: conductor.finish())
    if conductor.generator is not None:
        conductor.generator.observers.append(display_for(environment))


def _conductor(environment: Any, runner: Any, orders: Orders) -> Conductor:
    headless = bool(environment.parsed_options and environment.parsed_options.headless)
    if isinstance(runner, WorkerRunner):
        return WorkerConductor(runner, orders, display_for(environment))
    collector = Collector(orders.spec, orders.plan, progress_fd())
    if isinstance(runner, MasterRunner):
        return MasterConductor(runner, orders, collector, headless=headless)
    return LocalConductor(runner, orders, collector, headless=headless)
