"""What stands around the code fits the code: CI, hooks, the image's context, the forms."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from tests.release.check import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
CI = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
FORMS = sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("[!c]*.yml"))


def steps() -> list[str]:
    """Every command of the workflow."""
    return [step["run"] for job in CI["jobs"].values() for step in job["steps"] if "run" in step]


def test_ci_runs_every_part_and_no_other():
    """All that `.ci/run` without a part does is among them."""
    script = (ROOT / ".ci/run").read_text()
    parts = set(re.findall(r"^  ([a-z |-]+)\)", script, re.MULTILINE))
    known = {part.strip() for line in parts for part in line.split("|")} - {"all"}

    assert {f".ci/run {part}" for part in known} == set(steps())
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {"lint", "types", "release-check", "unit", "demo", "test"} <= targets


def test_every_make_target_has_help_and_is_phony():
    """And README and documentation name no target that does not exist."""
    makefile = (ROOT / "Makefile").read_text()
    phony = makefile.partition(".PHONY:")[2].partition("\n\n")[0].replace("\\", "").split()
    targets = re.findall(r"^([a-z-]+):", makefile, re.MULTILINE)
    helped = re.findall(r"^([a-z-]+):.* ## [A-Z]", makefile, re.MULTILINE)
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    named = {name for page in pages for name in re.findall(r"`make ([a-z-]+)", page.read_text())}

    assert sorted(targets) == sorted(phony) == sorted(helped)
    assert set() == named - set(targets)


def test_an_unknown_part_is_refused():
    """A typing error in the workflow must not look like a pass."""
    ended = subprocess.run([ROOT / ".ci/run", "everything"], capture_output=True, check=False)

    assert 2 == ended.returncode


def test_ci_has_the_versions_that_the_package_claims():
    """Each classifier is tested."""
    claimed = re.findall(r"Python :: (3\.\d+)", " ".join(PROJECT["project"]["classifiers"]))

    assert claimed == CI["jobs"]["tests"]["strategy"]["matrix"]["python"]
    assert f">={claimed[0]}" == PROJECT["project"]["requires-python"]
    assert {"contents": "read"} == CI["permissions"]


def test_hooks_use_the_programs_of_the_lint_group():
    """In the versions of constraints.txt, as `make lint` does."""
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    lint = {re.match(r"[\w-]+", item)[0] for item in PROJECT["dependency-groups"]["lint"]}

    assert repository["hooks"]
    for hook in repository["hooks"]:
        assert "system" == hook["language"]
        assert Path(hook["entry"].split()[0]).name in lint


def test_the_image_s_context_has_what_it_copies_and_no_more():
    """The sample report and whatever lies about stays out."""
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    dockerfile = (ROOT / "deploy/Dockerfile").read_text()
    copied = {
        name
        for line in re.findall(r"^COPY (.+)$", dockerfile, re.MULTILINE)
        for name in line.split()[:-1]
    }

    assert copied == {line[1:] for line in ignored if line.startswith("!")}
    assert "*" in ignored
    assert "reports/sample" in ignored
    assert "from=build" in dockerfile
    assert "pip install --no-cache-dir -c /constraints.txt /dist/*.whl" in dockerfile


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.stem)
def test_a_form_is_one(form):
    """GitHub shows nothing of a form that lacks one of these."""
    told = yaml.safe_load(form.read_text())

    assert {"name", "description", "body"} <= told.keys()
    ids = [part.get("id") for part in told["body"] if part["type"] != "markdown"]
    assert len(ids) == len(set(ids)) > 0
    assert all(
        part["attributes"].get("label") or part["type"] == "markdown" for part in told["body"]
    )
