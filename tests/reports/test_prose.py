"""Sentences contain the numbers, and only what is known."""

from __future__ import annotations

import pytest

from harness.trial.schema import WorkerSummary
from reports.formatting import milliseconds, percent
from reports.prose import brief, headline, sentences, trial_kind
from tests.reports.conftest import build, has_facts
from tests.reports.pages import LONG, comparison, trend
from tests.trials import NS, T0, attempt, finding, rate_limited


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (["pass"], "The only check passed."),
        (["pass"] * 3, "All 3 checks passed."),
        (["fail"], "The only check failed: c0 (0.99 s of 2 s)."),
        (["pass", "fail", "unknown"], "1 of 3 checks failed: c1 (0.99 s of 2 s)."),
        (["unknown", "pass"], "1 of 2 checks is unknown: c0 (0.99 s of 2 s)."),
        (["fail"] * 5, "All 5 checks failed: c0, c1, c2 and 2 more."),
        ([], "Result unknown: no checks ran."),
    ],
)
def test_the_headline_counts_what_failed(tmp_path, verdicts, expected):
    """Failures come before unknown ones, at most three; a single one has its detail."""
    findings = [finding(v, name=f"c{n}") for n, v in enumerate(verdicts)]

    assert expected == headline(build(tmp_path / "t", [attempt()], findings=findings))


def test_nothing_observed_is_not_a_pass(tmp_path):
    """Passed checks of an empty trial do not count."""
    model = build(tmp_path / "t", [], findings=[finding()])

    assert headline(model).startswith("Result unknown: no attempts")


def test_three_sentences_for_a_manager(tmp_path):
    """Four attempts, three ok: load, outcomes, latency."""
    rows = [attempt(call_id=n, late_ms=90.0) for n in range(3)]
    rows += [rate_limited(call_id=3)]

    done, ended, took = sentences(build(tmp_path / "t", rows))
    assert has_facts(
        done, "20 s of open", "session_churn", "4 attempts for 4 calls", "0.2 attempts"
    )
    assert "http://127.0.0.1:8787" in done
    assert has_facts(ended, "75.0 % of attempts", "rate_limited 1", "75.0 % of calls")
    assert has_facts(took, "create_session", "99 %", "10 ms", "service", "100 ms", "response")


def test_probes_are_not_taken_for_load(tmp_path):
    """They have their own count and do not change the share of ok."""
    rows = [attempt(call_id=1)]
    rows += [rate_limited(call_id=2 + n, phase="probe") for n in range(3)]
    done, ended, _ = sentences(build(tmp_path / "t", rows))

    assert "1 attempt for 1 call (0.05 attempts per second) and 3 probes to" in done
    assert "Every attempt ended ok." == ended


def test_the_brief_is_three_sentences_whatever_there_is(tmp_path, empty_model):
    """Verdict, bottleneck and change, with or without attempts."""
    for model in (empty_model, build(tmp_path / "t", [attempt()], findings=[finding()])):
        passed, limited, changed = brief(model)

        assert passed == headline(model)
        assert "ottleneck" in limited
        assert "No baseline for this load yet." in changed
        assert "harness baseline save" in changed
        assert all(said.endswith(".") for said in (passed, limited, changed))


def test_a_generator_at_its_limit_is_blamed_once(tmp_path):
    """Late starts appear only once if the generator was saturated."""
    ends = [WorkerSummary("a", planned=100, late_starts=9, late_by_generator=5)]

    assert 3 == len(sentences(build(tmp_path / "t", [attempt()], workers=ends)))


def test_what_was_cut_off_says_so_first(tmp_path):
    """The length of a stopped load comes before the verdict; a worker lost at the end does not count."""
    cut = build(
        tmp_path / "t",
        [attempt()],
        findings=[finding()],
        state="interrupted",
        ended_ns=(T0 + 1) * NS,
    )
    lost = build(
        tmp_path / "u",
        [attempt()],
        findings=[finding()],
        state="interrupted",
        workers=[WorkerSummary("a", state="lost")],
    )

    assert has_facts(headline(cut), "Stopped after 6 s of the planned 20 s", "check passed")
    assert "The only check passed." == headline(lost)


def test_the_line_above_the_title_says_what_and_when(tmp_path):
    """The plan's name and the start; a lab says what it measured, an old plan has no name."""
    model = build(tmp_path / "t", [attempt()])
    lab = build(
        tmp_path / "u", [attempt()], plan={}, documents={"rate_limit.json": {"limited": False}}
    )

    when = "2023-11-14 22:13:15 UTC"
    assert f"Load and reliability trial · plan smoke · {when}" == trial_kind(model)
    assert f"Rate limiter measured · plan without name · {when}" == trial_kind(lab)


def test_what_was_cut_off_is_compared_with_nothing(tmp_path):
    """Even with a baseline; and the sentence covers only the part that ran."""
    rows = [attempt(), attempt(call_id=2)]
    _, limited, changed = brief(build(tmp_path / "t", rows, state="interrupted"))

    assert has_facts(limited, "No bottleneck", "stopped after 20 s", "100 % of measured attempts")
    assert changed.startswith("Change unknown: ")


def test_without_a_baseline_earlier_trials_count(tmp_path):
    """The largest change against the earlier level; a comparison takes precedence."""
    documents = {"trend.json": trend().document("smoke")}
    changed = brief(build(tmp_path / "t", [attempt()], documents=documents))[2]
    documents["compare.json"] = comparison().document()
    compared = brief(build(tmp_path / "u", [attempt()], documents=documents))[2]

    assert has_facts(changed, "No baseline", "7 earlier trials", f"{LONG} response.p50 (+10.0 %)")
    assert compared.startswith("Against the baseline v12, 20261125T121000Z-mixed-bbbb: ")


@pytest.mark.parametrize(
    ("given", "facts"),
    [
        (
            {"workers": [WorkerSummary("a", unstarted_arrivals=3)]},
            ("3 planned arrivals", "never"),
        ),
        ({"workers": [WorkerSummary("a", state="lost")]}, ("processes were lost", "(a)")),
        (
            {"workers": [WorkerSummary("a", planned=100, late_starts=9, late_by_generator=2)]},
            ("7 of 100 arrivals", "late", "no user was free"),
        ),
        (
            {"ended_ns": (T0 + 155) * NS},
            ("last response", "2 min 20 s after"),
        ),
    ],
)
def test_what_spoils_the_numbers_is_said(tmp_path, given, facts):
    """A caveat follows the three sentences."""
    *_, caveat = found = sentences(build(tmp_path / "t", [attempt()], **given))

    assert 4 == len(found)
    assert has_facts(caveat, *facts)


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0, "0 %"), (1, "100 %"), (0.5, "50.0 %"), (1e-9, "0.01 %"), (1 - 1e-9, "99.99 %")],
)
def test_only_the_whole_is_all(share, expected):
    """One failure in a billion is not rounded away."""
    assert expected == percent(share)


def test_a_missing_latency_is_a_dash():
    """Not measured is not zero."""
    assert ("–", "12.3 ms") == (milliseconds(None), milliseconds(12.345))


def test_the_fourth_kind_is_one_other_kind(tmp_path):
    """At most three outcomes have names; a single other one is singular."""
    kinds = ["timeout", "not_found", "server_error", "connection_lost"]
    rows = [attempt()] + [rate_limited(call_id=2 + n, outcome=k) for n, k in enumerate(kinds)]
    ended = sentences(build(tmp_path / "t", rows))[1]

    assert "connection_lost 1, not_found 1, server_error 1 and 1 other outcome)" in ended
