"""Plan files: every key that is wrong is pointed at, by file, line and name."""

from __future__ import annotations

import re

import pytest
from pydantic import ValidationError

from harness.errors import PlanError
from harness.fields import Table
from harness.load.config import LoadConfig, check_scenario_names
from harness.load.spec import TrialSpec
from harness.plan.file import format_error, format_errors, parse_plan, read_plan

WHOLE = """\
name = "whole"
description = "every key there is"
seed = 7
[load]
model = "closed"
users = 200
connections = 3
wait = [0.1, 0.5]
grace = "15s"
[[load.phases]]
name = "warm-up"
duration = "10s"
rate = 20
measured = false
[[load.phases]]
name = "ramp"
duration = "60s"
rate = [100, 300]
spacing = "poisson"
[weights]
session_churn = 3
[contract]
version = "v3"
[retry]
attempts = 5
budget_fraction = 0.1
deadline = "30s"
base = "100ms"
cap = "5s"
[timeouts]
connect = "2s"
read = "10s"
[slo]
must = ["create_session.p99<2s", "errors<1%"]
[probes]
share = 0.05
[webhooks]
slow = 0.1
slow_by = "2s"
fail = 0.1
silent = 0.1
hold = "30s"
[compare]
threshold = 0.05
outcomes = 0.005
[compare.metrics]
p99 = 0.1
[[faults]]
kind = "latency"
from = "1s"
"""
KEYS = [
    (number, match[1])
    for number, line in enumerate(WHOLE.splitlines(), 1)
    if (match := re.match(r"(\w+) = ", line))
]
FAULTS = 48  # the line of [[faults]]: a fault that has no known kind is wrong as a whole
KIND = FAULTS + 1
WRONG = {"must": '["p99<<2s"]', "name": "7", "description": "7"}


def complaint(text: str) -> str:
    """What is said of a plan that is wrong."""
    with pytest.raises(PlanError) as caught:
        parse_plan(text, "plan.toml")
    return str(caught.value)


def test_the_whole_plan_is_one():
    """Every key of it is known, and holds what it says."""
    plan = parse_plan(WHOLE, "plan.toml")

    assert ("whole", 7, 2, 70) == (
        plan.name, plan.seed, len(plan.phases()), plan.duration_ns // 10**9,
    )  # fmt: skip


@pytest.mark.parametrize(("number", "key"), KEYS, ids=[f"{n}-{key}" for n, key in KEYS])
def test_a_wrong_value_is_pointed_at(number, key):
    """One line: the file, the key's own line, and the key."""
    lines = WHOLE.splitlines()
    lines[number - 1] = f"{key} = {WRONG.get(key, '{nonsense = true}')}"
    told = complaint("\n".join(lines)).splitlines()

    assert 1 == len(told)
    assert told[0].startswith(f"plan.toml:{FAULTS if number == KIND else number}: ")
    assert key in told[0] or number == KIND


def test_a_threshold_s_key_that_names_no_metric_is_pointed_at():
    """Its line, and the nearest metric that there is."""
    text = '[compare.metrics]\n"get_run.responce.p99" = 0.1\n'

    assert (
        "plan.toml:2: compare.metrics.get_run.responce.p99: 'get_run.responce.p99' names no "
        "metric of a comparison; did you mean 'response.p99'?"
    ) == complaint(text)


@pytest.mark.parametrize(("number", "key"), KEYS, ids=[f"{n}-{key}" for n, key in KEYS])
def test_a_misspelled_key_is_located(number, key):
    """An unknown key is told with the nearest one that is known; free names have none."""
    lines = WHOLE.splitlines()
    lines[number - 1] = lines[number - 1].replace(key, f"{key}x", 1)
    if lines[number - 1].startswith("session_churnx"):
        return  # which scenarios there are the load process knows
    told = complaint("\n".join(lines)).splitlines()
    where = FAULTS if number == KIND else number
    about = [line for line in told if line.startswith(f"plan.toml:{where}: ")]

    assert about
    assert any("did you mean" in line or "known are latency" in line for line in about)


def test_all_mistakes_are_told_at_once():
    """Whoever mends one need not come back for the next."""
    told = complaint("sed = 1\n[load]\nusers = 0\n[retry]\nattempts = 0\n").splitlines()

    assert [
        "plan.toml:1: sed is unknown; did you mean 'seed'?",
        "plan.toml:3: load.users: Input should be greater than or equal to 1",
        "plan.toml:5: retry.attempts: Input should be greater than or equal to 1",
    ] == sorted(told)


def test_every_mistake_of_a_fault_is_reported_at_its_key():
    """Also of the second of two faults, and of keys that other kinds have."""
    text = """\
[[faults]]
kind = "latency"
latency = 5
[[faults]]
kind = "slow"
rate_bytes_per_s = 0
latncy = "5ms"
fro = "1s"
"""

    assert [
        'plan.toml:3: faults[0].latency: a duration is text with a unit, such as "30s" or "250ms"',
        "plan.toml:6: faults[1].rate_bytes_per_s: Input should be greater than or equal to 1",
        "plan.toml:7: faults[1].latncy is unknown; known are every, for, from, kind, per, probability, rate_bytes_per_s",
        "plan.toml:8: faults[1].fro is unknown; did you mean 'from'?",
    ] == complaint(text).splitlines()


class Settings(Table):
    """A scenario's, as its file has them."""

    batch: int = 1


def test_a_scenarios_own_settings_are_pointed_at_in_the_plan():
    """They are checked where the scenario is, and told as if by the plan itself."""
    text = "[scenario.mine]\nbtch = 3\nbatch = 'x'\n"
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate({"btch": 3, "batch": "x"})
    told = format_errors(caught.value, "plan.toml", text, at=("scenario", "mine"), model=Settings)

    assert [
        "plan.toml:2: scenario.mine.btch is unknown; did you mean 'batch'?",
        "plan.toml:3: scenario.mine.batch: Input should be a valid integer",
    ] == [line.partition(", unable")[0] for line in sorted(told.splitlines())]


def test_a_mistake_that_no_model_sees_has_its_line_too():
    """Without the file's text there is no line to tell."""
    at = ("weights", "mxed")
    text = "[weights]\nother = 1\nmxed = 2\n"

    assert "plan.toml:3: weights.mxed: no" == format_error(at, "no", "plan.toml", text)
    assert "plan 'x': weights.mxed: no" == format_error(at, "no", "plan 'x'")


def test_a_misspelled_scenario_is_located(tmp_path):
    """Its settings would be passed over; a name like no other is another locustfile's."""
    path = tmp_path / "plan.toml"
    path.write_text("[scenario.cache_imports]\nbatch = [1, 2]\n[scenario.our_own]\na = 1\n")
    spec = TrialSpec(
        "t", str(tmp_path), "mixed", "", "", plan={}, plan_file=str(path),
    )  # fmt: skip
    orders = LoadConfig(spec, read_plan(path), "k", path.read_text())

    assert [
        f"{path}:1: scenario.cache_imports: no such scenario; did you mean 'cache_import'?"
    ] == check_scenario_names(orders, ["session_churn"])
    assert not check_scenario_names(orders, ["cache_imports"])


def test_comments_and_texts_that_name_a_key_are_not_its_line():
    """A hunt for the name through the lines would stop at the first of them."""
    text = (
        '# users = 0\ndescription = """\n[load]\nusers = 0\n"""\n[load] # users\n'
        'grace = "1s" # users = 0\nusers = 0\n'
    )

    assert complaint(text).startswith("plan.toml:8: load.users: ")


def test_a_wrong_objective_has_the_line_on_which_it_stands():
    """Within an array of several lines; so has a phase."""
    text = '[slo]\nmust = [\n  "errors<1%", # p99<<2s\n  "p99<<2s",\n]\n'
    phases = (
        '[load]\nphases = [\n  {duration = "1s", rate = 1},\n  {duration = "1s", rate = -1},\n]\n'
    )

    assert complaint(text).startswith("plan.toml:4: slo.must[1]: ")
    assert complaint(phases).startswith("plan.toml:4: load.phases[1].rate: ")


def test_a_text_that_is_no_toml_has_the_line_where_it_ends_to_be():
    """As tomllib says it."""
    assert complaint('name = "x"\n[load\n').startswith("plan.toml:2: not TOML: ")
    assert complaint("a = [\n").startswith("plan.toml: not TOML: ")


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path):
    """Some editors write one; the lines stay as they are shown."""
    path = tmp_path / "plan.toml"
    path.write_bytes('\ufeffname = "mine"\r\nsed = 1\r\n'.encode())
    with pytest.raises(PlanError, match=r"plan.toml:2: sed is unknown"):
        read_plan(path)
    path.write_bytes('\ufeffname = "mine"\r\n'.encode())

    assert "mine" == read_plan(path).name
