"""What came of conformance checks, as TAP or JUnit XML."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from junitparser import Failure, JUnitXml, Skipped, TestCase, TestSuite

from harness.conformance.case import CaseResult
from harness.text import one_line

# Whatever XML 1.0 has no way to write (production [2] Char), lone surrogates included.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TEXT_MAX = 10_000


def render_tap(found: Sequence[CaseResult]) -> str:
    """
    TAP version 13: a line a check, and what was seen instead below one that failed.

    Nothing here needs version 14, and the most common reader, Perl's ``prove``, takes the
    line "TAP version 14" for a mistake.

    Source: https://testanything.org/tap-version-13-specification.html
    """
    lines = ["TAP version 13", f"1..{len(found)}"]
    for number, result in enumerate(found, start=1):
        word = "not ok" if result.verdict == "fail" else "ok"
        line = f"{word} {number} - {result.check.name}"
        if result.verdict == "skip":
            line += f" # SKIP {one_line(result.detail, _TEXT_MAX).replace('#', '')}"
        lines.append(line)
        if result.verdict == "fail":
            lines += [
                "  ---",
                f"  states: {_quoted(result.check.states)}",
                f"  source: {result.check.source}",
                f"  seen: {_quoted(result.detail)}",
                "  ...",
            ]
    return "\n".join(lines) + "\n"


def render_junit(found: Sequence[CaseResult], host: str) -> str:
    """A JUnit suite with a test case a check."""
    suite = TestSuite("harness conform")
    suite.add_property("host", _NOT_XML.sub("\ufffd", host))
    for result in found:
        case = TestCase(
            result.check.name,
            classname=f"conform.{result.check.source}",
            time=round(result.seconds, 3),
        )
        detail = _NOT_XML.sub("\ufffd", result.detail)
        if result.verdict == "fail":
            failure = Failure(detail, "fail")
            failure.text = f"{result.check.states}\n{detail}"
            case.result = [failure]
        elif result.verdict == "skip":
            case.result = [Skipped(detail)]
        suite.add_testcase(case)
    suite.update_statistics()
    document = JUnitXml("harness")
    document.add_testsuite(suite)
    document.update_statistics()
    text: bytes = document.tostring()
    return '<?xml version="1.0" encoding="utf-8"?>\n' + text.decode() + "\n"


def _quoted(text: str) -> str:
    """A YAML scalar: JSON's strings are YAML's."""
    return json.dumps(one_line(text, _TEXT_MAX), ensure_ascii=False)
