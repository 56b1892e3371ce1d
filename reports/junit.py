"""
junit.xml: a test case a finding, so that any CI shows what failed.

A failed finding is a *failure*. An unknown one is an *error*, JUnit's word for a test
that could not be carried out, because the command exits non-zero on it too; *skipped*
would be shown green. A trial without findings has one such error: a pipeline that
checked nothing must not look as if all were well.
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
# Whatever XML 1.0 has no way to write (production [2] Char), lone surrogates included.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(model: ReportModel) -> bytes:
    """The findings as one JUnit suite, UTF-8."""
    suite = TestSuite(_clean(f"{model.summary['scenario']} ({model.summary['trial_id']})"))
    suite.timestamp = _timestamp(model)
    suite.add_property("verdict", str(model.verdict))
    suite.add_property("host", _clean(model.summary["host"]))
    for finding in model.findings or _no_findings():
        suite.add_testcase(_case(finding))
    suite.update_statistics()
    document = JUnitXml("harness")
    document.add_testsuite(suite)
    document.update_statistics()
    # The cases share the trial's time; their sum, zero, would be no one's.
    suite.time = document.time = round(model.summary["duration_s"], 3)
    text: bytes = document.tostring()
    return b'<?xml version="1.0" encoding="utf-8"?>\n' + text + b"\n"


def _case(finding: Finding) -> TestCase:
    case = TestCase(_clean(finding.name), classname=f"harness.{finding.kind}", time=0)
    kind = {Verdict.FAIL: Failure, Verdict.UNKNOWN: Error}.get(finding.verdict)
    if kind is None:
        return case
    result = kind(_clean(finding.detail), str(finding.verdict))
    result.text = _clean(_text(finding))
    case.result = [result]
    return case


def _text(finding: Finding) -> str:
    rows = [", ".join(f"{k}={v}" for k, v in row.items()) for row in finding.witness]
    left = len(rows) - _EVIDENCE_ROWS_MAX
    more = [f"… {left} more in summary.json"] if left > 0 else []
    return "\n".join([finding.detail, *rows[:_EVIDENCE_ROWS_MAX], *more])


def _no_findings() -> Sequence[Finding]:
    return [Finding("harness.checked", "invariant", Verdict.UNKNOWN, "nothing was checked")]


def _timestamp(model: ReportModel) -> str:
    started = datetime.fromtimestamp(model.manifest.started_ns // NS_PER_S, UTC)
    return started.strftime("%Y-%m-%dT%H:%M:%S")


def _clean(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
