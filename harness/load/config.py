"""
Taking orders: the spec, the plan and the workloads of one load process, all checked.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn

from pydantic import ValidationError

from harness.errors import PlanError, UsageError
from harness.fields import suggestion
from harness.load.fd_limit import check_open_files, load_processes
from harness.load.spec import (
    ALLOW_VARIABLE,
    SPEC_VARIABLE,
    TrialSpec,
    check_host,
    read_key,
    read_spec,
)
from harness.plan.file import PLANS, build_plan, find_plan, format_error, format_errors, read_plan
from harness.plan.model import Plan
from harness.plan.trial_id import new_stamp, new_trial_id
from harness.wire.redaction import KEY_LENGTH_MIN

PLAN_VARIABLE = "HARNESS_PLAN"

_PLAIN_LOCUST_STAMP = new_stamp()
"""Of the trial of plain Locust, which imports this before it forks its ``--processes``."""


@dataclass(frozen=True, slots=True)
class LoadConfig:
    """
    What one load process is to do.

    Attributes:
        spec: The trial's spec.
        plan: Its plan.
        key: The API key; shown by no repr.
        text: The plan's file, for the lines of mistakes; "" when it is not at hand.
        workloads: Workloads made so far; all users of a process share them.
    """

    spec: TrialSpec
    plan: Plan
    key: str = field(repr=False)
    plan_text: str = field(default="", repr=False)

    workloads: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def source(self) -> str:
        """What to call the plan in messages."""
        return self.spec.plan_file if self.plan_text else f"plan {self.plan.name!r}"

    def with_plan(self, spec: TrialSpec, plan: Plan) -> LoadConfig:
        """The same process's orders under another plan: nothing made of its own is kept."""
        return LoadConfig(spec, plan, self.key)

    def workload(self, name: str, kind: Any) -> Any:
        """
        Make a workload with its settings from the plan, once in a process.

        Raises:
            PlanError: The plan's ``[scenario.NAME]`` does not fit its settings.
        """
        document = self.plan.scenario.get(name, {})
        try:
            settings = kind.Settings.model_validate(document)
        except ValidationError as errors:
            at, model = ("scenario", name), kind.Settings
            told = format_errors(errors, self.source, self.plan_text, at=at, model=model)
            raise PlanError(told) from None
        if name not in self.workloads:
            self.workloads[name] = kind(settings, self.plan.seed)
        return self.workloads[name]


def load_config(environment: Any) -> LoadConfig:
    """
    Read the spec that `harness run` wrote, or make one for plain Locust.

    Raises:
        UsageError: No key, a host that may not be loaded, a plan that is wrong, more
            connections than files may be open.
    """
    path = os.environ.get(SPEC_VARIABLE)
    spec = read_spec(Path(path)) if path else default_spec(environment)
    plan = build_plan(spec.plan, f"plan {spec.plan.get('name', '')!r}")
    key = read_key(os.environ, embedded=spec.embedded)
    if len(key) >= KEY_LENGTH_MIN and key in json.dumps(spec.plan, ensure_ascii=False):
        told = spec.plan_file or f"plan {plan.name!r}"
        raise PlanError(f"{told}: holds the API key, and every report shows the plan; take it out")
    config = LoadConfig(spec, plan, key, _read_plan_text(spec.plan_file))
    scenarios = [user for user in environment.user_classes if getattr(user, "workloads", None)]
    if not scenarios:
        raise UsageError("the locustfile has no ScenarioUser; see scenarios/ for examples")
    known = {name: kind for user in scenarios for name, kind in user.workloads.items()}
    mistakes = _check_weights(config, list(known)) if len(known) > 1 else []
    mistakes += check_scenario_names(config, list(known))
    for name, kind in known.items():
        try:
            config.workload(name, kind)
        except PlanError as error:
            mistakes.append(str(error))
    if mistakes:
        raise PlanError("\n".join(mistakes))
    if processes := load_processes(environment.parsed_options):
        check_open_files(plan, known.values(), processes)
    return config


def check_scenario_names(config: LoadConfig, known: list[str]) -> list[str]:
    """
    A mistake for each ``[scenario.NAME]`` that is the slip of a scenario's name.

    A plan may serve several locustfiles, so a name that is like none is another's.
    """
    names = {*known, *(path.stem for path in PLANS.parent.glob("[!_]*.py"))}
    slips = {
        name: f"no such scenario; {suggestion(name, sorted(names))}"
        for name in config.plan.scenario
        if name not in names and get_close_matches(name, names, n=1, cutoff=0.75)
    }
    return [
        format_error(("scenario", name), remark, config.source, config.plan_text)
        for name, remark in slips.items()
    ]


def _check_weights(config: LoadConfig, known: list[str]) -> list[str]:
    weights = config.plan.weights
    wrong = {name: f"no such scenario; {suggestion(name, known)}" for name in weights}
    told = {name: remark for name, remark in wrong.items() if name not in known}
    if not told and not any(weights.get(name, 1.0) for name in known):
        told = {known[0]: "all weights are zero, so nothing would be sent"}
    return [
        format_error(("weights", name), remark, config.source, config.plan_text)
        for name, remark in told.items()
    ]


def _read_plan_text(path: str) -> str:
    """The plan's file, in order to point at lines; "" where it cannot be read any more."""
    try:
        return Path(path).read_text() if path else ""
    except (OSError, UnicodeDecodeError):
        return ""


def exit_with_error(text: str, status: int) -> NoReturn:
    """End this process with one line a mistake: it cannot do what it was told."""
    sys.stderr.writelines(f"harness: {line}\n" for line in text.splitlines())
    sys.stderr.flush()
    # Locust would wrap sys.exit in a listener into a logged traceback.
    os._exit(status)


def default_spec(environment: Any) -> TrialSpec:
    """Orders for plain ``locust -f``: Locust's options, and a closed load of its users."""
    options = environment.parsed_options
    host = environment.host or os.environ.get("OPENSTEER_BASE_URL", "")
    if not host:
        raise UsageError("no target: give --host, or use `harness run`, which brings its own")
    host = check_host(host, os.environ.get(ALLOW_VARIABLE, ""), f"set {ALLOW_VARIABLE}=")
    path = find_plan(os.environ.get(PLAN_VARIABLE, "smoke"))
    plan = read_plan(path)
    if plan.faults:
        raise UsageError(f"{path}: faults need their proxy; use `harness run`, which brings it")
    document = plan.model_dump(mode="json")
    run_time_s = getattr(options, "run_time", None) or 24 * 3600
    document["load"] |= {
        "model": "closed",
        "users": getattr(options, "num_users", None) or 1,
        "phases": [{"name": "load", "duration": f"{run_time_s}s", "rate": 0}],
    }
    scenario = Path(environment.locustfile or "locustfile").stem
    trial_id = new_trial_id(scenario, _PLAIN_LOCUST_STAMP)
    return TrialSpec(
        trial_id=trial_id,
        out=str(Path("trials") / trial_id),
        scenario=scenario,
        host=host,
        shown_host=host,
        plan=document,
        plan_file=str(path),
    )
