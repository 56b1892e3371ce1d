"""Checks of other packages: run like ours; one that fails is unknown and names its package."""

from __future__ import annotations

import json
from dataclasses import replace

import msgspec
import pytest

from harness.checks.plugins import installed_checks
from harness.checks.registry import CHECKS as OURS
from harness.checks.registry import run_checks
from harness.plugins import CHECKS
from harness.verdicts import Verdict
from tests.checks.test_registry import reader
from tests.histories import context, create, delete, get_session, history
from tests.plugins import install, install_example

NAMES = [check.name for check in OURS]
OPEN = (create("s1", at=0), get_session("s1", at=1), delete("s1", at=2))
LOST = get_session("s1", at=1.5, status=404, outcome="client_error")
HEAD = """
from harness.checks.check import Check
from harness.verdicts import Finding, Verdict
NAME = "their.promise"
def make_check(function, **given):
    plain = dict(columns=("status",), operations=("create_session",), check=function)
    return Check(**{"name": NAME, **plain, **given})
def passing(frame, context):
    return Finding(NAME, "invariant", Verdict.PASS, f"{len(frame)} attempts")
"""


@pytest.fixture
def offer(tmp_path, monkeypatch, request):
    """Offer ``CHECK`` of a module with this source."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(source: str, value: str = "") -> None:
        module = f"their_{abs(hash(request.node.name))}"
        (tmp_path / f"{module}.py").write_text(HEAD + source)
        install(tmp_path, "their-plugin", {CHECKS: {"theirs": value or f"{module}:CHECK"}}, "2.3")

    return write


def judge(*rows):
    """Findings of the plugins' checks by name."""
    found = run_checks(reader(history(*rows)), context(), installed_checks(NAMES))
    return {finding.name: finding for finding in found}


@pytest.mark.parametrize(
    ("rows", "verdict", "detail"),
    [
        (OPEN, Verdict.PASS, "1 reads of open sessions, none answered 404"),
        ((*OPEN, LOST), Verdict.FAIL, "1 of 2 reads of open sessions were answered 404"),
        (OPEN[:2], Verdict.PASS, "1 reads of open sessions"),
        (OPEN[1:], Verdict.UNKNOWN, "no open session was read"),
        (OPEN[:1], Verdict.UNKNOWN, "no open session was read"),
        ((*OPEN, get_session("s1", at=3, status=404)), Verdict.PASS, "1 reads of open"),
    ],
)
def test_the_documented_example_is_right(tmp_path, monkeypatch, rows, verdict, detail):
    """Its answers are known by hand."""
    for entry in install_example(tmp_path):
        monkeypatch.syspath_prepend(entry)
    finding = judge(*rows)["example.readable"]

    assert verdict is finding.verdict
    assert finding.detail.startswith(detail)
    assert (verdict is Verdict.FAIL) == bool(finding.witness)


def test_a_check_is_run_where_its_operations_were(offer):
    """As ours are: a trial without them owes it no word."""
    offer("CHECK = make_check(passing)")

    assert Verdict.PASS is judge(*OPEN)["their.promise"].verdict
    assert {} == judge(get_session("s1", at=1))


@pytest.mark.parametrize(
    ("kind", "verdict"), [("slo", Verdict.UNKNOWN), ("invariant", Verdict.FAIL)]
)
def test_a_saturated_generator_makes_performance_unknown(offer, kind, verdict):
    """What a promise of correctness found, stands."""
    finding = f"Finding(NAME, {kind!r}, Verdict.FAIL, 'slow')"
    offer(f"CHECK = make_check(lambda f, c: {finding}, kind={kind!r})")
    told = context()
    (worker,) = told.manifest.workers
    worker = msgspec.structs.replace(worker, saturated_s=60, loop_lag_p99_ms=500.0)
    manifest = msgspec.structs.replace(told.manifest, workers=[worker])
    checks = installed_checks(NAMES)
    (found,) = run_checks(reader(history(*OPEN)), replace(told, manifest=manifest), checks)

    assert (verdict, True) == (found.verdict, "slow" in found.detail)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("CHECK = make_check(lambda f, c: 1 / 0)", "ZeroDivisionError: division by zero"),
        ("CHECK = make_check(lambda f, c: exit('bye'))", "SystemExit: bye"),
        ("CHECK = make_check(lambda f, c: None)", "TypeError: it returned None, not its finding"),
        (
            "CHECK = make_check(lambda f, c: Finding('other', 'slo', Verdict.PASS, ''))",
            "it returned",
        ),
        (
            "CHECK = make_check(lambda f, c: Finding(NAME, 'slo', Verdict.FAIL, '', ({'x': f},)))",
            "TypeError: Encoding objects of type DataFrame",
        ),
        (
            "CHECK = make_check(lambda f, c: Finding(NAME, 'slo', Verdict.FAIL, '', ({'x': 1e999},)))",
            "ValueError: Out of range float",
        ),
    ],
)
def test_a_check_that_fails_is_unknown_with_its_package(offer, source, reason):
    """Never a pass, never the end of the evaluation; what it gives can always be written."""
    offer(source)
    finding = judge(*OPEN)["their.promise"]

    assert Verdict.UNKNOWN is finding.verdict
    assert finding.detail.startswith("the check of their-plugin 2.3 failed: ")
    assert reason in finding.detail
    json.dumps(msgspec.to_builtins(finding), allow_nan=False)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("raise RuntimeError('out of order')", "RuntimeError: out of order"),
        ("raise SystemExit('bye')", "SystemExit: bye"),
        ("", "AttributeError: module"),
        ("CHECK = passing", "is a function, not a Check"),
        ("CHECK = make_check(passing, columns=('state',))", "attempts have no column state"),
        (
            "CHECK = make_check(passing, name='runs.lifecycle')",
            "another check named runs.lifecycle",
        ),
    ],
)
def test_a_check_that_cannot_be_had_is_unknown_with_its_package(offer, source, reason):
    """Who installed it wants its answer: silence would look like a pass."""
    offer(source)
    (finding,) = judge(*OPEN).values()

    assert ("theirs (their-plugin 2.3)", Verdict.UNKNOWN) == (finding.name, finding.verdict)
    assert finding.detail.startswith("cannot be loaded: ")
    assert reason in finding.detail


def test_two_packages_with_one_check_are_two_findings(offer, tmp_path):
    """The second one is not lost."""
    offer("CHECK = make_check(passing)")
    (module,) = (path.stem for path in tmp_path.glob("their_*.py"))
    install(tmp_path, "zz-copy", {CHECKS: {"theirs": f"{module}:CHECK"}})

    assert ["their.promise", "theirs (zz-copy 1.0)"] == list(judge(*OPEN))
