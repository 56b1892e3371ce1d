"""Objectives: which attempts and values they cover."""

from __future__ import annotations

import pytest

from harness.plan.slo import OUTCOMES, Share, parse_slos


def test_a_socket_stands_for_all_that_happens_on_it():
    """``action`` counts every action and connect; one method counts itself only."""
    names = ("action.goto", "action.connect", "cdp.connect", "get_run", "actions")
    of_all, of_one = (parse_slos(f"{x}.p99<1s")[0] for x in ("action", "action.goto"))
    assert [True, True, False, False, False] == [of_all.applies_to(name) for name in names]
    assert [True, False, False, False, False] == [of_one.applies_to(name) for name in names]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("p99<1s", 0.01),
        ("p99.9<1s", 0.001),
        ("max<1s", 0.0),
        ("mean<1s", None),
        ("errors<1%", 0.01),
        ("ok_rate>95%", 0.05),
        ("ok<5%", None),
        ("rate_limited>5%", None),
        ("throughput>5/s", None),
    ],
)
def test_allowance_is_the_share_of_bad_events(text, expected):
    """An objective as good of total: how many may be bad."""
    assert expected == parse_slos(text)[0].error_budget


@pytest.mark.parametrize(
    ("text", "just_good", "just_bad"),
    [
        ("p99<250ms", 249_999, 250_000),
        ("p99<=250ms", 250_000, 250_001),
        ("ok_rate>95%", 0.951, 0.95),
        ("throughput>=5/s", 5.0, 4.99),
    ],
)
def test_a_limit_holds_as_written(text, just_good, just_bad):
    """Strict and non-strict comparisons differ at the limit itself."""
    slo = parse_slos(text)[0]

    assert (True, False) == (slo.is_met_by(just_good), slo.is_met_by(just_bad))


def test_errors_are_neither_ok_nor_refusals_of_a_healthy_api():
    """``errors`` counts every outcome but ok, rate_limited and capacity_full."""
    share = parse_slos("errors<1%")[0].subject

    assert isinstance(share, Share)
    assert ["ok", "rate_limited", "capacity_full"] == [o for o in OUTCOMES if not share.counts(o)]
    assert share.counts("an outcome of tomorrow")
