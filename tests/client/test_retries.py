"""The retry budget of a process."""

from __future__ import annotations

from harness.client.retries import RetryBudget


def test_a_budget_gives_what_is_in_hand_and_what_was_earned():
    """Ten retries in hand and one for every fourth call: 12 after 8 calls, and not one more."""
    budget = RetryBudget(0.25)
    for _ in range(8):
        budget.earn()

    assert [True] * 12 + [False] * 3 == [budget.spend() for _ in range(15)]
