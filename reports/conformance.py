"""What came of conformance checks, as TAP or JUnit XML."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from junitparser import Failure, JUnitXml, Skipped, TestCase, TestSuite

from harness.conformance.check import Seen
from harness.text import one_line

# Whatever XML 1.0 has no way to write (production [2] Char), lone surrogates included.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TEXT_MAX = 10_000


def render_tap(found: Sequence[Seen]) -> str:
    """
    TAP version 13: a line a check, and what was seen instead below one that failed.

    Nothing here needs version 14, and the most common reader, Perl's ``prove``, takes the
    line "TAP version 14" for a mistake.

    Source: https://testanything.org/tap-version-13-specification.html
    """
    lines = ["TAP version 13", f"1..{len(found)}"]
    for number, seen in enumerate(found, start=1):
        word = "not ok" if seen.verdict == "fail" else "ok"
        line = f"{word} {number} - {seen.check.name}"
        if seen.verdict == "skip":
            line += f" # SKIP {one_line(seen.detail, _TEXT_MAX).replace('#', '')}"
        lines.append(line)
        if seen.verdict == "fail":
            lines += [
                "  ---",
                f"  states: {_quoted(seen.check.states)}",
                f"  source: {seen.check.source}",
                f"  seen: {_quoted(seen.detail)}",
                "  ...",
            ]
    return "\n".join(lines) + "\n"


def render_junit(found: Sequence[Seen], host: str) -> str:
    """A JUnit suite with a test case a check."""
    suite = TestSuite("harness conform")
    suite.add_property("host", _NOT_XML.sub("\ufffd", host))
    for seen in found:
        case = TestCase(
            seen.check.name,
            classname=f"conform.{seen.check.source}",
            time=round(seen.seconds, 3),
        )
        detail = _NOT_XML.sub("\ufffd", seen.detail)
        if seen.verdict == "fail":
            failure = Failure(detail, "fail")
            failure.text = f"{seen.check.states}\n{detail}"
            case.result = [failure]
        elif seen.verdict == "skip":
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
