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
        "refill_silence_s": [0.1, 0.4], "refill_passed": [1, 4],
        "retry_told_s": [3.0], "retry_needed_s": [0.5],
    },
}  # fmt: skip


def section(lab):
    """The section of a trial whose lab said this."""
    return build(SimpleNamespace(labs={} if lab is None else {"rate_limit": lab}))


def test_says_the_words_the_advice_and_the_check():
    """The paragraph can be pasted; the advice comes with what its check saw."""
    text = " ".join(section(LAB).prose)

    assert "“50 requests a second, bursts to 20 (token bucket).”" in text
    assert "at most 48.4 requests a second and bursts of at most 16" in text
    assert "0 of 400 requests were refused, so it holds" in text
    assert "neither pass nor refusal" in text


def test_draws_three_figures_whose_alt_texts_say_what_they_show():
    """Timeline, refill, Retry-After."""
    timeline, refill, retry = section(LAB).figures

    assert "3 requests were accepted and 1 refused" in timeline.alt
    assert "leaves 1 of them unexplained" in timeline.alt
    assert "at most 4 requests passed at once (after 0.4 s)" in refill.alt
    assert "in the median 2.50 s longer than needed" in retry.alt


@pytest.mark.parametrize("missing", sorted(LAB))
def test_a_key_that_is_missing_leaves_the_rest(missing):
    """An older or a cut file is shown as far as it goes."""
    lab = {key: value for key, value in LAB.items() if key not in {missing, "figures"}}

    assert section(lab).title == "Rate limit"
    assert section({**lab, missing: None}).tables[0].rows


def test_no_section_without_the_lab():
    """Other trials say nothing of limits."""
    assert section(None) is None
