"""Load configuration: the checked spec, plan and workloads of one load process."""

from __future__ import annotations

import json
import os
import sys
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from pydantic import ValidationError

from harness.errors import PlanError, UsageError
from harness.load.fd_limit import check_open_files, load_processes
from harness.load.spec import (
    ALLOW_VARIABLE,
    SPEC_VARIABLE,
    TrialSpec,
    check_host,
    read_key,
    read_spec,
)
from harness.plan.file import (
    PLANS,
    build_plan,
    find_plan,
    format_error,
    format_errors,
    read_plan,
    read_text,
)
from harness.plan.model import Plan
from harness.plan.trial_id import new_stamp, new_trial_id
from harness.suggestions import nearest, suggest
from harness.wire.redaction import KEY_LENGTH_MIN

PLAN_VARIABLE = "HARNESS_PLAN"

_PLAIN_LOCUST_STAMP = new_stamp()
"""For plain Locust, which imports this before it forks its ``--processes``."""


@dataclass(frozen=True, slots=True)
class LoadConfig:
    """
    What one load process does.

    ``plan_text`` is the plan's file, for line numbers in errors; "" when unavailable. All users of
    the process share the ``workloads`` made so far.
    """

    spec: TrialSpec
    plan: Plan
    key: str = field(repr=False)
    plan_text: str = field(default="", repr=False)
    workloads: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def source(self) -> str:
        """The plan's name in messages."""
        return self.spec.plan_file if self.plan_text else f"plan {self.plan.name!r}"

    def with_plan(self, spec: TrialSpec, plan: Plan) -> LoadConfig:
        """The configuration under another plan; workloads are made again."""
        return LoadConfig(spec, plan, self.key)

    def workload(self, name: str, kind: Any) -> Any:
        """The workload of this name, made once per process; raises PlanError for wrong settings."""
        try:
            settings = kind.Settings.model_validate(self.plan.scenario.get(name, {}))
        except ValidationError as errors:
            at, model = ("scenario", name), kind.Settings
            text = format_errors(errors, self.source, self.plan_text, at=at, model=model)
            raise PlanError(text) from None
        if name not in self.workloads:
            _accept_round(kind)
            self.workloads[name] = kind(settings, self.plan.seed)
        return self.workloads[name]


def _accept_round(kind: Any) -> None:
    """Accept a workload whose ``run_iteration`` has its old name ``round``, with a warning."""
    if not hasattr(kind, "run_iteration") and hasattr(kind, "round"):
        text = f"{kind.__name__}.round is deprecated; rename it to run_iteration"
        warnings.warn(text, DeprecationWarning, stacklevel=2)
        sys.stderr.write(f"harness: {text}\n")  # Python hides the warning outside __main__
        kind.run_iteration = kind.round


def load_config(environment: Any) -> LoadConfig:
    """
    Read the spec that `harness run` wrote, or make one for plain Locust.

    Raises UsageError for no key, a host that is not allowed, a wrong plan, or too few open files.
    """
    path = os.environ.get(SPEC_VARIABLE)
    spec = read_spec(Path(path)) if path else default_spec(environment)
    plan = build_plan(spec.plan, f"plan {spec.plan.get('name', '')!r}")
    key = read_key(os.environ, embedded=spec.embedded)
    if len(key) >= KEY_LENGTH_MIN and key in json.dumps(spec.plan, ensure_ascii=False):
        file = spec.plan_file or f"plan {plan.name!r}"
        raise PlanError(f"{file}: holds the API key, which every report would show; remove it")
    config = LoadConfig(spec, plan, key, _read_plan_text(spec.plan_file))
    scenarios = [user for user in environment.user_classes if getattr(user, "workloads", None)]
    if not scenarios:
        raise UsageError("the locustfile has no ScenarioUser; see scenarios/ for examples")
    known = {name: kind for user in scenarios for name, kind in user.workloads.items()}
    errors = _check_weights(config, list(known)) if len(known) > 1 else []
    errors += check_scenario_names(config, list(known))
    for name, kind in known.items():
        try:
            config.workload(name, kind)
        except PlanError as error:
            errors.append(str(error))
    if errors:
        raise PlanError("\n".join(errors))
    if processes := load_processes(environment.parsed_options):
        check_open_files(plan, known.values(), processes)
    return config


def check_scenario_names(config: LoadConfig, known: list[str]) -> list[str]:
    """
    One error for each ``[scenario.NAME]`` that looks like a misspelled scenario.

    A plan may serve several locustfiles: a name without a close match belongs to another one.
    """
    names = {*known, *(path.stem for path in PLANS.parent.glob("[!_]*.py"))}
    remarks = {
        name: f"no such scenario; {suggest(name, sorted(names))}"
        for name in config.plan.scenario
        if name not in names and nearest(name, names, likeness=0.75)
    }
    return _format_errors(config, "scenario", remarks)


def _check_weights(config: LoadConfig, known: list[str]) -> list[str]:
    weights = config.plan.weights
    unknown = [name for name in weights if name not in known]
    wrong = {name: f"no such scenario; {suggest(name, known)}" for name in unknown}
    if not wrong and not any(weights.get(name, 1.0) for name in known):
        wrong = {known[0]: "all weights are zero, so nothing would be sent"}
    return _format_errors(config, "weights", wrong)


def _format_errors(config: LoadConfig, table: str, remarks: dict[str, str]) -> list[str]:
    return [
        format_error((table, name), remark, config.source, config.plan_text)
        for name, remark in remarks.items()
    ]


def _read_plan_text(path: str) -> str:
    """The plan's file; "" if it cannot be read."""
    try:
        return read_text(Path(path)) if path else ""
    except PlanError:
        return ""


def exit_with_error(text: str, status: int) -> NoReturn:
    """End this process; print each line of the error to stderr."""
    sys.stderr.writelines(f"harness: {line}\n" for line in text.splitlines())
    sys.stderr.flush()
    # Locust would wrap sys.exit in a listener into a logged traceback.
    os._exit(status)


def default_spec(environment: Any) -> TrialSpec:
    """The spec for plain ``locust -f``: Locust's options and a closed load of its users."""
    options = environment.parsed_options
    host = environment.host or os.environ.get("OPENSTEER_BASE_URL", "")
    if not host:
        raise UsageError("no target: give --host, or use `harness run`, which can start its own")
    host = check_host(host, os.environ.get(ALLOW_VARIABLE, ""), f"set {ALLOW_VARIABLE}=")
    path = find_plan(os.environ.get(PLAN_VARIABLE, "smoke"))
    plan = read_plan(path)
    if plan.faults:
        raise UsageError(f"{path}: faults need the fault proxy; use `harness run`, which starts it")
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
