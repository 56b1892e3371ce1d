"""What options take: from the command line, from the environment, and nothing empty."""

from __future__ import annotations

import json
from typing import get_args, get_type_hints

import pytest

from harness.cli import serve
from harness.cli.commands import COMMANDS
from harness.cli.lazy import load_command, refuse_empty
from harness.cli.ratelimit import Operation
from harness.cli.target_options import TargetOptions
from harness.contract.operations import OPERATIONS
from harness.errors import UsageError
from harness.standin import config
from harness.wire import TransportKind
from tests.e2e.conftest import Command
from tests.schemas import schema_errors
from tests.trials import ladder, write_trial


@pytest.fixture
def harness(tmp_path):
    """A command's exit code, stdout and stderr."""

    def run(*words, **environ):
        ended = Command(tmp_path)(*map(str, words), **environ)
        return ended.code, ended.out, ended.err

    return run


@pytest.mark.parametrize(
    ("args", "option"),
    [
        (["run", "mixed", "--host", ""], "--host"),
        (["run", "mixed", "--host=", "--closed"], "--host"),
        (["run", "mixed", "--plan", "", "--closed"], "--plan"),
        (["conform", "--webhook-url", ""], "--webhook-url"),
        (["run", ""], "an argument"),
    ],
)
def test_an_empty_value_is_refused(args, option):
    with pytest.raises(UsageError, match=rf"^{option} is empty"):
        refuse_empty(args)


def test_what_only_looks_empty_is_not_refused():
    refuse_empty(["run", "mixed", "--proxy", "http://p/?a=", "--", "--tags", ""])
    refuse_empty(["serve", "--fail", "CLOUD_TIMEOUT=0.1"])


def test_an_empty_option_is_one_line_and_exit_2(harness):
    """An unset variable of a pipeline must not lead to another target."""
    assert (
        2,
        "",
        "harness: --host is empty; give a value (is a variable unset?)\n",
    ) == harness("run", "mixed", "--host", "")


def test_options_come_from_the_environment(harness):
    """The command line is stronger, an empty variable is none."""
    far = {"OPENSTEER_BASE_URL": "https://api.example.com", "OPENSTEER_API_KEY": "k"}
    code, _, err = harness("ratelimit", **far)
    assert (2, True) == (code, "api.example.com is not loopback" in err)
    code, _, err = harness("ratelimit", "--host", "ftp://x", **far)
    assert (2, True) == (code, "--host 'ftp://x'" in err)
    code, _, err = harness("run", "mixed", HARNESS_PLAN="smok", OPENSTEER_BASE_URL="")
    assert (2, True) == (code, "no plan named 'smok'" in err)
    allowed = {"HARNESS_ALLOW_HOST": "api.example.com", "HARNESS_CA_FILE": "absent.pem"}
    code, _, err = harness("ratelimit", **far, **allowed)
    assert (2, True) == (code, "'absent.pem' cannot be read" in err)


def test_no_option_takes_the_key():
    """It would stand in the process list."""

    def params(command):
        return [
            *command.params,
            *(p for sub in getattr(command, "commands", {}).values() for p in params(sub)),
        ]

    for name, entry in COMMANDS.items():
        for param in params(load_command(name, entry)):
            assert param.envvar not in {"OPENSTEER_API_KEY", "OPENSTEER_ACCESS_TOKEN"}
            assert name == "serve" or "key" not in param.name.split("_")


def test_check_prints_the_summary_as_json(harness, tmp_path):
    """On stdout, the document of summary.json; -q leaves stderr silent."""
    path = write_trial(tmp_path / "trial", ladder())
    code, out, err = harness("check", path, "--json", "-q")

    assert code in {0, 1, 4}
    assert "" == err
    assert [] == schema_errors("summary", json.loads(out))


def test_baselines_are_listed_and_shown_as_json(harness, tmp_path):
    kept = tmp_path / "kept"
    assert [] == json.loads(harness("baseline", "list", "--dir", kept, "--json")[1])
    path = write_trial(tmp_path / "trial", ladder())
    assert 0 == harness("baseline", "save", "main", path, "--dir", kept)[0]
    (listed,) = json.loads(harness("baseline", "list", "--dir", kept, "--json")[1])
    shown = json.loads(harness("baseline", "show", "main", "--dir", kept, "--json")[1])

    assert [] == schema_errors("baseline", listed) + schema_errors("baseline", shown)
    assert "main" == listed["name"]
    assert listed == {key: value for key, value in shown.items() if key != "response_ms"}
    (row,) = shown["response_ms"].values()
    assert row["ok"] > 0
    assert row["p50"] <= row["p99"] <= row["max"]


def test_doctor_prints_its_remarks_as_json(harness):
    code, out, _ = harness(
        "doctor", "--host", "http://127.0.0.1:9", "--json", OPENSTEER_API_KEY="k"
    )
    document = json.loads(out)

    assert 3 == code == document["exit_code"]
    assert [] == schema_errors("doctor", document)
    assert ("target", "bad") == tuple(document["diagnostics"][-1][key] for key in ("name", "state"))


def test_literals_of_options_are_those_of_what_they_set():
    """Options repeat them, for their rooms take a second to import."""
    assert get_args(serve.Limiter) == get_args(config.Limiter)
    hints = get_type_hints(TargetOptions)
    assert get_args(hints["transport"]) == get_args(TransportKind)
    assert set(get_args(Operation)) <= set(OPERATIONS)
