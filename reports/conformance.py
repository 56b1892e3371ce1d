"""Results of conformance cases as TAP or JUnit XML."""

from __future__ import annotations

import json
from collections.abc import Sequence

from junitparser import Failure, Skipped, TestCase, TestSuite

from harness.conformance.case import CaseResult
from harness.text import one_line
from reports.junit import render_suite, xml_text

_TEXT_MAX = 10_000


def render_tap(found: Sequence[CaseResult]) -> str:
    """
    TAP version 13, with a YAML block below each failure. Perl's ``prove`` rejects version 14.

    Source: https://testanything.org/tap-version-13-specification.html
    """
    lines = ["TAP version 13", f"1..{len(found)}"]
    for number, result in enumerate(found, start=1):
        word = "not ok" if result.verdict == "fail" else "ok"
        line = f"{word} {number} - {result.case.name}"
        if result.verdict == "skip":
            line += f" # SKIP {one_line(result.detail, _TEXT_MAX).replace('#', '')}"
        lines.append(line)
        if result.verdict == "fail":
            lines += [
                "  ---",
                f"  states: {_quoted(result.case.statement)}",
                f"  source: {result.case.source}",
                f"  seen: {_quoted(result.detail)}",
                "  ...",
            ]
    return "\n".join(lines) + "\n"


def render_junit(found: Sequence[CaseResult], host: str) -> str:
    """A JUnit suite with a test case per conformance case."""
    suite = TestSuite("harness conform")
    suite.add_property("host", xml_text(host))
    for result in found:
        case = TestCase(
            result.case.name,
            classname=f"conform.{result.case.source}",
            time=round(result.seconds, 3),
        )
        detail = xml_text(result.detail)
        if result.verdict == "fail":
            failure = Failure(detail, "fail")
            failure.text = f"{result.case.statement}\n{detail}"
            case.result = [failure]
        elif result.verdict == "skip":
            case.result = [Skipped(detail)]
        suite.add_testcase(case)
    return render_suite(suite).decode()


def _quoted(text: str) -> str:
    """A YAML scalar; JSON strings are valid YAML."""
    return json.dumps(one_line(text, _TEXT_MAX), ensure_ascii=False)
