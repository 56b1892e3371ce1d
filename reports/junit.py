"""
junit.xml: a test case per finding, for any CI.

A failed finding is a *failure*, an unknown one an *error*: the command exits non-zero on both, and
CI shows *skipped* as green. A trial without findings has one error.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from junitparser import Error, Failure, JUnitXml, TestCase, TestSuite

from harness.units import NS_PER_S
from harness.verdicts import Finding, Verdict
from reports.model import ReportModel

_EVIDENCE_ROWS_MAX = 20
# Characters outside XML 1.0 (production [2] Char), lone surrogates included.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(model: ReportModel) -> bytes:
    """The findings as one JUnit suite, UTF-8."""
    suite = TestSuite(xml_text(f"{model.summary['scenario']} ({model.summary['trial_id']})"))
    suite.timestamp = _timestamp(model)
    suite.add_property("verdict", str(model.verdict))
    suite.add_property("host", xml_text(model.summary["host"]))
    for finding in model.findings or _no_findings():
        suite.add_testcase(_case(finding))
    # The cases have no times of their own; the suite has the trial's.
    return render_suite(suite, round(model.summary["duration_s"], 3))


def render_suite(suite: TestSuite, duration_s: float | None = None) -> bytes:
    """A document with one suite; `duration_s` replaces the sum of its cases' times."""
    suite.update_statistics()
    document = JUnitXml("harness")
    document.add_testsuite(suite)
    document.update_statistics()
    if duration_s is not None:
        suite.time = document.time = duration_s
    text: bytes = document.tostring()
    return b'<?xml version="1.0" encoding="utf-8"?>\n' + text + b"\n"


def _case(finding: Finding) -> TestCase:
    case = TestCase(xml_text(finding.name), classname=f"harness.{finding.kind}", time=0)
    kind = {Verdict.FAIL: Failure, Verdict.UNKNOWN: Error}.get(finding.verdict)
    if kind is None:
        return case
    result = kind(xml_text(finding.detail), str(finding.verdict))
    result.text = xml_text(_text(finding))
    case.result = [result]
    return case


def _text(finding: Finding) -> str:
    rows = [", ".join(f"{k}={v}" for k, v in row.items()) for row in finding.witness]
    left = len(rows) - _EVIDENCE_ROWS_MAX
    more = [f"… {left} more in summary.json"] if left > 0 else []
    return "\n".join([finding.detail, *rows[:_EVIDENCE_ROWS_MAX], *more])


def _no_findings() -> Sequence[Finding]:
    return [Finding("harness.checked", "invariant", Verdict.UNKNOWN, "no checks ran")]


def _timestamp(model: ReportModel) -> str:
    started = datetime.fromtimestamp(model.manifest.started_ns // NS_PER_S, UTC)
    return started.strftime("%Y-%m-%dT%H:%M:%S")


def xml_text(text: str) -> str:
    """Text with U+FFFD for characters that XML cannot represent."""
    return _NOT_XML.sub("\ufffd", text)
