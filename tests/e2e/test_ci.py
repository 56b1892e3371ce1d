"""The workflow of docs/how-to/ci.md, its steps run by plain bash as a runner runs them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from harness.standin.config import Lies, StandinConfig
from harness.standin.launch import Standin
from harness.trial.baselines import save_baseline
from harness.trial.store import open_trial
from tests.e2e.conftest import KEY, _clean_environ, summary_of
from tests.trials import attempt, write_trial

ROOT = Path(__file__).resolve().parents[2]
EXPRESSION = re.compile(r"\$\{\{\s*(?:secrets|vars)\.(\w+)\s*\}\}")


def examples() -> list:
    """The YAML of the page: the workflow, and the step that is its gate."""
    text = (ROOT / "docs/how-to/ci.md").read_text()
    return [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)]


def environ_of(folder: Path) -> dict[str, str]:
    """What a step sees: our commands, and where the job's page is."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    page = str(folder / "step_summary.md")
    return {**_clean_environ(), "PATH": path, "GITHUB_STEP_SUMMARY": page}


def workflow() -> dict:
    """The example of the page."""
    return examples()[0]


def run_step(step: dict, folder: Path, environ: dict) -> subprocess.CompletedProcess[str]:
    """One step, as GitHub's runner does it."""
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
        check=False, cwd=folder, env=environ, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


def run_steps(url: str, folder: Path) -> tuple[dict[str, int], str]:
    """
    Run the job's steps until one fails, as GitHub's runner does (`bash -eo pipefail`).

    Actions are GitHub's own, and installing is what made this environment: neither runs.

    Returns:
        Exit code by step, and what the last one wrote to stdout.
    """
    values = {"OPENSTEER_API_KEY": KEY, "OPENSTEER_URL": url, "OPENSTEER_NAME": "127.0.0.1"}
    job = workflow()["jobs"]["load"]
    given = {name: EXPRESSION.sub(lambda m: values[m[1]], v) for name, v in job["env"].items()}
    environ = environ_of(folder) | given
    codes, out = {}, ""
    for step in job["steps"]:
        if "run" not in step or step["name"] == "install":
            continue
        ended = run_step(step, folder, environ)
        codes[step["name"]], out = ended.returncode, ended.stdout
        if ended.returncode:
            break
    return codes, out


def test_the_workflow_installs_what_is_there() -> None:
    """The file of pins that the install step names, and the folder that it keeps."""
    steps = {
        step.get("name", step.get("uses")): step for step in workflow()["jobs"]["load"]["steps"]
    }

    assert "-c constraints.txt ." in steps["install"]["run"]
    assert (ROOT / "constraints.txt").is_file()
    assert f"--out {steps['keep the trial']['with']['path']}" in steps["load"]["run"]


def test_the_workflow_is_red_on_a_target_that_lies(tmp_path: Path) -> None:
    """A failed check: exit 1, an error on its line, and the report on the job's page."""
    lies = StandinConfig(lies=Lies(cache_miscounts=1.0))
    with Standin(lies) as standin:
        codes, out = run_steps(standin.url, tmp_path)
    page = (tmp_path / "step_summary.md").read_text()

    assert codes == {"doctor": 0, "load": 1}
    assert "\n::error title=" in out
    assert "::notice" not in out
    assert page == (tmp_path / "trials/ci/report.md").read_text()
    assert page.startswith("# ❌ Fail")
    assert KEY not in out + page


def test_the_workflow_is_green_on_a_target_that_behaves(tmp_path: Path) -> None:
    """A pass: exit 0, no error, one notice, the report; a busy runner is a doubt, no pass."""
    with Standin() as standin:
        codes, out = run_steps(standin.url, tmp_path)
    verdict = summary_of(tmp_path / "trials/ci")["verdict"]
    page = (tmp_path / "step_summary.md").read_text()

    assert verdict in {"pass", "unknown"}
    assert codes == {"doctor": 0, "load": {"pass": 0, "unknown": 4}[verdict]}
    assert ("::notice" if verdict == "pass" else "::warning") in out
    assert "\n::error " not in out
    assert page == (tmp_path / "trials/ci/report.md").read_text()


def test_the_gate_is_red_on_a_slower_trial(tmp_path: Path) -> None:
    """Its step, word for word, where the other steps left a trial 30 % slower."""
    ended, page = pass_gate(examples()[1][0], tmp_path, slower=1.3)

    assert ended.returncode == 1, ended.stderr
    assert "\n::error title=create_session response.p50 regressed::+" in ended.stdout
    assert page.startswith("# ❌ Regressed")


@pytest.mark.parametrize(("compared", "code"), [(0, 0), (4, 0), (1, 1), (2, 1)])
def test_only_the_undecided_may_pass_where_one_wants_them_to(
    tmp_path: Path, compared: int, code: int
) -> None:
    """The other way to write it: exit 4 of the comparison is green, no other."""
    text = (ROOT / "docs/how-to/ci.md").read_text()
    command = re.search(r"`(harness compare .* -eq 4 \])`", text)[1]
    stub = tmp_path / "harness"
    stub.write_text(f"#!/bin/sh\nexit {compared}\n")
    stub.chmod(0o755)
    environ = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}

    assert run_step({"run": command}, tmp_path, environ).returncode == code


def pass_gate(
    step: dict, folder: Path, slower: float
) -> tuple[subprocess.CompletedProcess[str], str]:
    """A baseline ``v12``, a trial in ``trials/ci``; how the step ended, and the job's page."""
    for name, times in (("trials/v12", 1.0), ("trials/ci", slower)):
        rows = [
            attempt(call_id=n, at_s=n * 0.0074, service_ms=times * (10 + n % 3))
            for n in range(2000)
        ]
        write_trial(folder / name, rows, trial_id=name)
    trial = open_trial(folder / "trials/v12")
    save_baseline(trial, "v12", ["steady"], folder / "baselines")
    ended = run_step(step, folder, environ_of(folder))
    page = (folder / "step_summary.md").read_text()

    assert page == (folder / "trials/ci/compare.md").read_text()
    return ended, page
