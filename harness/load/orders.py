"""
Taking orders: the spec, the plan and the workloads of one load process, all checked.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from pydantic import ValidationError

from harness.errors import PlanError, UsageError
from harness.load.naming import new_mark, new_trial_id
from harness.load.open_files import check_open_files, load_processes
from harness.load.plan import Plan
from harness.load.plan_file import (
    PLANS,
    build_plan,
    find_plan,
    read_plan,
    read_text,
    say_mistake,
    say_mistakes,
)
from harness.load.spec import (
    ALLOW_VARIABLE,
    SPEC_VARIABLE,
    Spec,
    check_host,
    read_key,
    read_spec,
)
from harness.suggestions import nearest, suggest
from harness.wire.echoes import KEY_LEAST

PLAN_VARIABLE = "HARNESS_PLAN"

_PLAIN_MARK = new_mark()
"""Of the trial of plain Locust, which imports this before it forks its ``--processes``."""


@dataclass(frozen=True, slots=True)
class Orders:
    """
    What one load process is to do.

    Attributes:
        spec: The trial's spec.
        plan: Its plan.
        key: The API key; shown by no repr.
        text: The plan's file, for the lines of mistakes; "" when it is not at hand.
        made: Workloads made so far; all users of a process share them.
    """

    spec: Spec
    plan: Plan
    key: str = field(repr=False)
    text: str = field(default="", repr=False)

    made: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def source(self) -> str:
        """What to call the plan in messages."""
        return self.spec.plan_file if self.text else f"plan {self.plan.name!r}"

    def under(self, spec: Spec, plan: Plan) -> Orders:
        """The same process's orders under another plan: nothing made of its own is kept."""
        return Orders(spec, plan, self.key)

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
            told = say_mistakes(errors, self.source, self.text, at=at, model=model)
            raise PlanError(told) from None
        if name not in self.made:
            self.made[name] = kind(settings, self.plan.seed)
        return self.made[name]


def take_orders(environment: Any) -> Orders:
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
    if len(key) >= KEY_LEAST and key in json.dumps(spec.plan, ensure_ascii=False):
        told = spec.plan_file or f"plan {plan.name!r}"
        raise PlanError(
            f"{told}: holds the API key, and every report shows the plan; take it out"
        )
    orders = Orders(spec, plan, key, _text_of(spec.plan_file))
    scenarios = [user for user in environment.user_classes if getattr(user, "workloads", None)]
    if not scenarios:
        raise UsageError("the locustfile has no ScenarioUser; see scenarios/ for examples")
    known = {name: kind for user in scenarios for name, kind in user.workloads.items()}
    mistakes = _judge_weights(orders, list(known)) if len(known) > 1 else []
    mistakes += judge_names(orders, list(known))
    for name, kind in known.items():
        try:
            orders.workload(name, kind)
        except PlanError as error:
            mistakes.append(str(error))
    if mistakes:
        raise PlanError("\n".join(mistakes))
    if processes := load_processes(environment.parsed_options):
        check_open_files(plan, known.values(), processes)
    return orders


def judge_names(orders: Orders, known: list[str]) -> list[str]:
    """
    A mistake for each ``[scenario.NAME]`` that is the slip of a scenario's name.

    A plan may serve several locustfiles, so a name that is like none is another's.
    """
    names = {*known, *(path.stem for path in PLANS.parent.glob("[!_]*.py"))}
    slips = {
        name: f"no such scenario; {suggest(name, sorted(names))}"
        for name in orders.plan.scenario
        if name not in names and nearest(name, names, likeness=0.75)
    }
    return [
        say_mistake(("scenario", name), remark, orders.source, orders.text)
        for name, remark in slips.items()
    ]


def _judge_weights(orders: Orders, known: list[str]) -> list[str]:
    weights = orders.plan.weights
    wrong = {name: f"no such scenario; {suggest(name, known)}" for name in weights}
    told = {name: remark for name, remark in wrong.items() if name not in known}
    if not told and not any(weights.get(name, 1.0) for name in known):
        told = {known[0]: "all weights are zero, so nothing would be sent"}
    return [
        say_mistake(("weights", name), remark, orders.source, orders.text)
        for name, remark in told.items()
    ]


def _text_of(path: str) -> str:
    """The plan's file, in order to point at lines; "" where it cannot be read any more."""
    try:
        return read_text(Path(path)) if path else ""
    except PlanError:
        return ""


def refuse(text: str, status: int) -> NoReturn:
    """End this process with one line a mistake: it cannot do what it was told."""
    sys.stderr.writelines(f"harness: {line}\n" for line in text.splitlines())
    sys.stderr.flush()
    # Locust would wrap sys.exit in a listener into a logged traceback.
    os._exit(status)


def default_spec(environment: Any) -> Spec:
    """Orders for plain ``locust -f``: Locust's options, and a closed load of its users."""
    options = environment.parsed_options
    host = environment.host or os.environ.get("OPENSTEER_BASE_URL", "")
    if not host:
        raise UsageError("no target: give --host, or use `harness run`, which brings its own")
    host = check_host(host, os.environ.get(ALLOW_VARIABLE, ""), f"set {ALLOW_VARIABLE}=")
    path = find_plan(os.environ.get(PLAN_VARIABLE, "smoke"))
    plan = read_plan(path)
    if plan.fault_specs():
        raise UsageError(f"{path}: faults need their proxy; use `harness run`, which brings it")
    document = plan.model_dump(mode="json")
    run_time_s = getattr(options, "run_time", None) or 24 * 3600
    document["load"] |= {
        "model": "closed",
        "users": getattr(options, "num_users", None) or 1,
        "phases": [{"name": "load", "duration": f"{run_time_s}s", "rate": 0}],
    }
    scenario = Path(environment.locustfile or "locustfile").stem
    trial_id = new_trial_id(scenario, _PLAIN_MARK)
    return Spec(
        trial_id=trial_id,
        out=str(Path("trials") / trial_id),
        scenario=scenario,
        host=host,
        shown_host=host,
        plan=document,
        plan_file=str(path),
    )
