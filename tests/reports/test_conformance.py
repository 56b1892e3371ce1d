"""The output of `harness conform`, read by Perl's TAP parser, a YAML and an XML parser."""

from __future__ import annotations

import re
import shutil
import subprocess
from xml.etree import ElementTree as ET

import pytest
import yaml

from harness.conformance.case import CaseResult, ConformanceCase
from reports.conformance import render_junit, render_tap
from tests.reports.conftest import HOSTILE

NASTY = f"{HOSTILE}\nok 9 - forged # TODO\n...\n{{: - 'x'"


def seen(name, verdict="pass", detail=""):
    """The result of one case; the detail comes from the target."""
    return CaseResult(ConformanceCase(name, "It holds.", print), verdict, detail, 0.25)


FOUND = [
    seen("health.ok"),
    seen("get_run.status", "fail", NASTY),
    seen("auth.no_key", "skip", NASTY),
    seen("queue_run.answer", "fail", "a 500"),
]


def prove(tap, folder):
    """The exit code and the report of ``prove``."""
    binary = shutil.which("prove")
    if binary is None:
        pytest.skip("prove is not installed (make test-deps)")
    path = folder / "conform.tap"
    path.write_text(tap)
    ended = subprocess.run(
        [binary, "--directives", "--exec", "cat", path],
        check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    return ended.returncode, ended.stdout + ended.stderr


def test_prove_counts_what_failed(tmp_path):
    """Four tests, the second and the last failed, no parse error whatever was seen."""
    code, said = prove(render_tap(FOUND), tmp_path)

    assert code == 1
    assert "Failed 2/4 subtests" in said
    assert re.search(r"Failed tests: +2, 4", said)
    assert "Parse errors" not in said


def test_prove_passes_if_all_passed_or_were_skipped(tmp_path):
    """Exit 0; the skip is reported as one."""
    code, said = prove(render_tap([FOUND[0], FOUND[2]]), tmp_path)

    assert (code, "Result: PASS" in said) == (0, True), said
    assert "ok 2 - auth.no_key # SKIP" in said
    assert "health.ok" not in said


def test_the_block_below_a_failure_is_yaml():
    """Statement, source, and what was seen, on one line each and nothing lost but controls."""
    blocks = re.findall(r"^  ---\n(.*?)^  \.\.\.$", render_tap(FOUND), re.DOTALL | re.MULTILINE)
    first, last = map(yaml.safe_load, blocks)

    assert {"states": "It holds.", "source": "seed", "seen": "a 500"} == last
    assert "<script>alert(1)</script>" in first["seen"]
    assert "ok 9 - forged # TODO" in first["seen"]


def test_an_xml_parser_reads_the_suite():
    """Cases, failures and skips, as the totals say."""
    suite = ET.fromstring(render_junit(FOUND, HOSTILE)).find("testsuite")  # noqa: S314  ours

    assert [seen.case.name for seen in FOUND] == [c.get("name") for c in suite.iter("testcase")]
    assert ("4", "2", "1") == tuple(suite.get(k) for k in ("tests", "failures", "skipped"))
    assert [2, 1] == [len(list(suite.iter(kind))) for kind in ("failure", "skipped")]
