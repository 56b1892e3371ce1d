"""The sentences say the numbers, and never more than is known."""

from __future__ import annotations

import pytest

from harness.trial.schema import WorkerSummary
from reports.formatting import milliseconds, percent
from reports.prose import brief, headline, sentences, trial_kind
from tests.reports.conftest import build
from tests.reports.pages import LONG, comparison, trend
from tests.trials import NS, T0, attempt, finding, rate_limited


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (["pass"], "The one check passed."),
        (["pass"] * 3, "All 3 checks passed."),
        (["fail"], "The one check failed: c0 (0.99 s of 2 s)."),
        (["pass", "fail", "unknown"], "1 of 3 checks failed: c1 (0.99 s of 2 s)."),
        (["unknown", "pass"], "1 of 2 checks could not be answered: c0 (0.99 s of 2 s)."),
        (["fail"] * 5, "All 5 checks failed: c0, c1, c2 and 2 more."),
        ([], "Nothing was checked, so there is nothing to pass."),
    ],
)
def test_the_headline_counts_what_failed(tmp_path, verdicts, expected):
    """Failures are named before doubts, no more than three; a lone one with what was seen."""
    findings = [finding(v, name=f"c{n}") for n, v in enumerate(verdicts)]

    assert expected == headline(build(tmp_path / "t", [attempt()], findings=findings))


def test_nothing_observed_is_not_a_pass(tmp_path):
    """Passed checks of an empty trial are not boasted of."""
    model = build(tmp_path / "t", [], findings=[finding()])

    assert "No attempt was observed, so nothing can be said." == headline(model)


def test_three_sentences_for_a_manager(tmp_path):
    """Four attempts, three good: what was done, how it ended, how long it took."""
    rows = [attempt(call_id=n, late_ms=90.0) for n in range(3)]
    rows += [rate_limited(call_id=3)]

    done = (
        "In 20 s of open load, session_churn sent 4 attempts for 4 calls (0.2 attempts a "
        "second) to http://127.0.0.1:8787."
    )
    ended = (
        "75.0 % of the attempts ended ok (the others: rate_limited 1), and 75.0 % of the "
        "calls came to a good end."
    )
    took = (
        "The slowest operation was create_session: 99 % of its good answers took 10 ms or "
        "less once sent, and 100 ms or less counted from when they were due."
    )
    assert (done, ended, took) == sentences(build(tmp_path / "t", rows))


def test_probes_are_not_taken_for_load(tmp_path):
    """They are counted apart, and their refusals make no share of ok worse."""
    rows = [attempt(call_id=1)]
    rows += [rate_limited(call_id=2 + n, phase="probe") for n in range(3)]
    done, ended, _ = sentences(build(tmp_path / "t", rows))

    assert "1 attempt for 1 call (0.05 attempts a second) and 3 probes to" in done
    assert "Every attempt ended ok." == ended


def test_the_brief_is_three_sentences_whatever_there_is(tmp_path, empty_model):
    """Did it pass, what limited it, what changed: each a sentence, no baseline said plainly."""
    for model in (empty_model, build(tmp_path / "t", [attempt()], findings=[finding()])):
        passed, limited, changed = brief(model)

        assert passed == headline(model)
        assert "limited it" in limited
        assert "there is no baseline of the same load" in changed
        assert all(said.endswith(".") for said in (passed, limited, changed))


def test_a_generator_at_its_limit_is_blamed_once(tmp_path):
    """Late starts are told where it was at its limit, and nowhere else."""
    ends = [WorkerSummary("a", planned=100, late_starts=9, late_by_generator=5)]

    assert 3 == len(sentences(build(tmp_path / "t", [attempt()], workers=ends)))


def test_what_was_cut_off_says_so_first(tmp_path):
    """How long it ran of what was planned, before any verdict; a late loss of a worker not."""
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

    assert "Cut off after 6 s of the planned 20 s: the one check passed." == headline(cut)
    assert "The one check passed." == headline(lost)


def test_the_line_above_the_title_says_what_and_when(tmp_path):
    """The plan's name and the begin; a lab says what was measured, an old plan has no name."""
    model = build(tmp_path / "t", [attempt()])
    lab = build(
        tmp_path / "u", [attempt()], plan={}, documents={"rate_limit.json": {"limited": False}}
    )

    when = "2023-11-14 22:13:15 UTC"
    assert f"Load and reliability trial · plan smoke · {when}" == trial_kind(model)
    assert f"Rate limiter measured · plan without a name · {when}" == trial_kind(lab)


def test_what_was_cut_off_is_compared_with_nothing(tmp_path):
    """A baseline may be there; nothing is claimed of the rest of the plan either."""
    rows = [attempt(), attempt(call_id=2)]
    _, limited, changed = brief(build(tmp_path / "t", rows, state="interrupted"))

    assert limited == (
        "Nothing limited it until it was cut off after 20 s: 100 % of the measured attempts "
        "ended ok."
    )
    assert changed == ("What changed cannot be told, for the trial did not run to its planned end.")


def test_without_a_baseline_earlier_trials_are_told_of(tmp_path):
    """What moved most against the level before; a comparison comes first where there is one."""
    documents = {"trend.json": trend().document("smoke")}
    told = brief(build(tmp_path / "t", [attempt()], documents=documents))[2]
    documents["compare.json"] = comparison().document()
    compared = brief(build(tmp_path / "u", [attempt()], documents=documents))[2]

    assert told == (
        "There is no baseline of the same load to compare with; against 7 earlier trials the "
        f"largest change is that of {LONG} response.p50 (+10.0 %)."
    )
    assert compared.startswith("Against the baseline v12, 20261125T121000Z-mixed-bbbb: ")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"workers": [WorkerSummary("a", unstarted_arrivals=3)]},
            "3 planned arrivals were never",
        ),
        ({"workers": [WorkerSummary("a", state="lost")]}, "Generator processes were lost (a)"),
        (
            {"workers": [WorkerSummary("a", planned=100, late_starts=9, late_by_generator=2)]},
            "7 of 100 arrivals began late, for no user was free in time.",
        ),
        (
            {"ended_ns": (T0 + 155) * NS},
            "The last answer came 2 min 20 s after the plan.",
        ),
    ],
)
def test_what_spoils_the_numbers_is_said(tmp_path, given, said):
    """A caveat follows the three sentences."""
    told = sentences(build(tmp_path / "t", [attempt()], **given))

    assert 4 == len(told)
    assert told[3].startswith(said)


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0, "0 %"), (1, "100 %"), (0.5, "50.0 %"), (1e-9, "0.01 %"), (1 - 1e-9, "99.99 %")],
)
def test_only_the_whole_is_all(share, expected):
    """One failure in a thousand million is not rounded away."""
    assert expected == percent(share)


def test_a_missing_latency_is_a_dash():
    """Nothing measured is not zero."""
    assert ("–", "12.3 ms") == (milliseconds(None), milliseconds(12.345))


def test_the_fourth_kind_is_one_other_kind(tmp_path):
    """No more than three are named, and a lone one left is told in the singular."""
    kinds = ["timeout", "not_found", "server_error", "connection_lost"]
    rows = [attempt()] + [rate_limited(call_id=2 + n, outcome=k) for n, k in enumerate(kinds)]
    ended = sentences(build(tmp_path / "t", rows))[1]

    assert "(the others: connection_lost 1, not_found 1, server_error 1 and 1 other kind)" in ended
