"""The rate-limit section: says what rate_limit.json says, and survives what it lacks."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from reports.sections.rate_limit import build

LAB = {
    "schema": 1,
    "limited": True,
    "algorithm": "token-bucket",
    "rate_per_s": {"estimate": 49.96, "low": 49.4, "high": 50.2},
    "burst": {"estimate": 20.0, "low": 20.0, "high": 20.0},
    "window_s": None,
    "retry_after": {
        "kind": "too late", "present_fraction": 1.0, "honest_fraction": 1.0,
        "overshoot_p50_s": 2.5,
        "tries": [{"told_s": 3.0, "refused_s": 0.0, "passed_s": 1.95},
                  {"told_s": 3.0, "refused_s": 3.4, "passed_s": None}],
    },
    "rejected_count_against_limit": False,
    "attempts": 8,
    "scope": {"operation": "shared", "key": "separate"},
    "models": [{"variant": "token-bucket", "parameters": 2, "contradictions": 1,
                "explained_fraction": 0.875, "cost": 5.1}],
    "advice": {"rate_per_s": 48.4, "burst": 16, "concurrency": None},
    "check_run": {"sent": 400, "refused": 0, "holds": True},
    "notes": ["3 of 8 requests ended in neither pass nor refusal."],
    "paragraph": "50 requests a second, bursts to 20 (token bucket).",
    "ended": "the intervals are tight",
    "figures": {
        "timeline_s": [0.0, 0.1, 0.2, 0.3],
        "timeline_accepted": [True, True, False, True],
        "timeline_contradicted": [False, False, False, True],
        "room": [2.0, 1.0, 0.0, 0.4],
        "refill_silence_s": [0.1, 0.4], "refill_passed": [1, 4], "refill_all": [True, False],
        "retry_told_s": [3.0], "retry_needed_s": [0.5],
        "tried_told_s": [3.0, 3.0], "tried_low_s": [0.0, 3.4], "tried_high_s": [1.95, None],
    },
}  # fmt: skip


def section(lab):
    """The section of a trial whose lab said this."""
    return build(SimpleNamespace(labs={} if lab is None else {"rate_limit": lab}))


def test_says_the_words_the_advice_and_the_check():
    """The paragraph can be pasted; the advice comes with what its check saw."""
    text = " ".join(section(LAB).prose)

    assert "“50 requests a second, bursts to 20 (token bucket).”" in text
    assert "at most 48.4 requests per second and bursts of at most 16" in text
    assert "verified, 0 of 400 requests were refused" in text
    assert "neither pass nor refusal" in text


def test_draws_three_figures_whose_alt_texts_say_what_they_show():
    """Timeline, refill, Retry-After."""
    timeline, refill, retry = section(LAB).figures

    assert "3 requests were accepted and 1 refused" in timeline.alt
    assert "does not explain 1 of them" in timeline.alt
    assert "at most 4 accepted requests (after 0.4 s)" in refill.alt
    assert "is 2.50 s longer than required" in retry.alt
    assert "1 still refused after the advertised wait" in retry.alt
    assert "1 accepted a request before its end" in retry.alt


def test_refill_is_a_curve_with_what_was_not_the_whole_of_it_set_apart():
    """A burst of which all passed says "at least"; a bucket's gain is drawn through."""
    (refill,) = [f for f in section(LAB).figures if f.name == "limiter-refill"]

    assert "all accepted (lower bound)" in refill.svg
    assert "fitted token bucket" in refill.svg


def test_shows_what_was_put_to_the_test():
    """A row a try: told, still refused, passed; nothing where nothing passed."""
    (table,) = [t for t in section(LAB).tables if t.caption == "Retry-After tests"]

    assert ((3.0, 0.0, 1.95), (3.0, 3.4, None)) == table.rows


def test_tries_are_drawn_without_a_model():
    """A model that cannot say what was needed leaves the brackets."""
    figures = {**LAB["figures"], "retry_told_s": [], "retry_needed_s": []}
    (retry,) = section(
        {
            **LAB,
            "figures": {
                "tried_told_s": figures["tried_told_s"],
                "tried_low_s": figures["tried_low_s"],
                "tried_high_s": figures["tried_high_s"],
            },
        }
    ).figures

    assert retry.alt.startswith("2 tests: ")


@pytest.mark.parametrize("missing", sorted(LAB))
def test_a_key_that_is_missing_leaves_the_rest(missing):
    """An older or a cut file is shown as far as it goes."""
    lab = {key: value for key, value in LAB.items() if key not in {missing, "figures"}}

    assert section(lab).title == "Rate limit"
    assert section({**lab, missing: None}).tables[0].rows


def test_no_section_without_the_lab():
    """Other trials say nothing of limits."""
    assert section(None) is None
