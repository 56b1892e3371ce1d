"""What GitHub gets to see: the job summary and the annotations."""

from __future__ import annotations

import io

from harness.cli.github import (
    ANNOTATIONS_MAX,
    STEP_SUMMARY,
    SUMMARY_BYTES_MAX,
    annotate,
    append_step_summary,
)


def summary(*findings: tuple[str, str, str], verdict: str = "fail") -> dict:
    """A summary.json with these findings."""
    rows = [{"verdict": v, "name": n, "detail": d} for v, n, d in findings]
    return {
        "verdict": verdict,
        "scenario": "mixed",
        "totals": {"attempts": 1234},
        "findings": rows,
    }


def annotations(document: dict) -> list[str]:
    """The lines that GitHub would read."""
    out = io.StringIO()
    annotate(document, out)
    return out.getvalue().splitlines()


def test_a_report_is_appended_once(tmp_path) -> None:
    """After what other steps wrote; the second time it is there already."""
    report, page, err = tmp_path / "report.md", tmp_path / "summary.md", io.StringIO()
    report.write_text("# ✅ Pass\n")
    page.write_text("of another step")
    for _ in range(2):
        assert append_step_summary(report, {STEP_SUMMARY: str(page)}, err)

    assert page.read_text() == "of another step\n\n# ✅ Pass\n"
    assert not err.getvalue()


def test_without_a_summary_nothing_is_written(tmp_path) -> None:
    """Outside GitHub there is no variable, and no word about it."""
    err = io.StringIO()
    assert not append_step_summary(tmp_path / "absent.md", {}, err)
    assert not err.getvalue()


def test_a_report_that_no_longer_fits_is_left_out(tmp_path) -> None:
    """Beyond 1 MiB GitHub would show nothing, what stands there included."""
    report, page, err = tmp_path / "report.md", tmp_path / "summary.md", io.StringIO()
    report.write_text("# Pass\n")
    page.write_bytes(b"x" * (SUMMARY_BYTES_MAX - 3))

    assert not append_step_summary(report, {STEP_SUMMARY: str(page)}, err)
    assert page.stat().st_size == SUMMARY_BYTES_MAX - 3
    assert "1 MiB" in err.getvalue()


def test_a_summary_that_cannot_be_written_is_a_word_on_stderr(tmp_path) -> None:
    """The verdict stands all the same."""
    report, err = tmp_path / "report.md", io.StringIO()
    report.write_text("# Pass\n")

    assert not append_step_summary(report, {STEP_SUMMARY: str(tmp_path)}, err)
    assert err.getvalue().startswith(f"harness: {STEP_SUMMARY}: ")
    assert err.getvalue().count("\n") == 1


def test_failures_are_errors_and_doubts_are_warnings() -> None:
    """Failures first; what passed is not spoken of."""
    lines = annotations(
        summary(("unknown", "webhooks", "none"), ("pass", "a", "b"), ("fail", "p99<2s", "3 s"))
    )
    assert lines == ["::error title=p99<2s::3 s", "::warning title=webhooks::none"]


def test_a_pass_is_one_notice() -> None:
    """So that the job's page says what was checked."""
    assert annotations(summary(("pass", "a", "b"), verdict="pass")) == [
        "::notice title=harness%3A pass::mixed: 1 checks passed on 1,234 attempts"
    ]


def test_text_of_the_target_starts_no_command() -> None:
    """Line ends, percent signs and title separators do not leave their place."""
    lines = annotations(summary(("fail", "a:b,c%", "x\r\n::set-output name=y::z\x1b 5%")))

    assert lines == ["::error title=a%3Ab%2Cc%25::x ::set-output name=y::z\ufffd 5%25"]


def test_more_findings_than_github_keeps_are_counted() -> None:
    """The last that is kept says how many are not."""
    many = [("fail", f"n{n}", "d") for n in range(ANNOTATIONS_MAX + 3)]
    lines = annotations(summary(*many))

    assert len(lines) == ANNOTATIONS_MAX
    assert lines[-1] == "::error title=harness::4 more are in summary.json"
    assert len(annotations(summary(*many[:ANNOTATIONS_MAX]))) == ANNOTATIONS_MAX
