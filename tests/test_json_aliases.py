"""Documents carry a deprecated key and its successor; readers take either."""

from __future__ import annotations

import pytest

from harness.json_aliases import ALIASES, add_aliases


@pytest.mark.parametrize(
    ("name", "given", "both"),
    [
        (
            "capacity",
            {"bound": "doomed", "steps": [{"decision": "void"}]},
            {
                "bound": "doomed",
                "stopped_by": "infeasible",
                "steps": [{"decision": "void", "verdict": "invalid"}],
            },
        ),
        ("capacity", {"stopped_by": "infeasible"}, {"stopped_by": "infeasible", "bound": "doomed"}),
        (
            "compare",
            {"baseline": {"labels": ["v1"]}},
            {"baseline": {"labels": ["v1"], "called": ["v1"]}},
        ),
        (
            "rate_limit",
            {"retry_after": {"tests": [{"announced_s": 3.0}]}},
            {
                "retry_after": {
                    "tests": [{"announced_s": 3.0, "told_s": 3.0}],
                    "tries": [{"announced_s": 3.0, "told_s": 3.0}],
                }
            },
        ),
        (
            "findings",
            [{"witness": [{"evidence": "x"}]}],
            [{"witness": [{"evidence": "x"}], "evidence": [{"evidence": "x"}]}],
        ),
        ("other", {"bound": "doomed"}, {"bound": "doomed"}),
        ("capacity", {"steps": None, "bound": 3}, {"steps": None, "bound": 3, "stopped_by": 3}),
    ],
)
def test_the_missing_name_is_added(name, given, both):
    """Old and new key, at every depth, with the value that belongs to the name."""
    assert add_aliases(name, given) == both


def test_a_successor_is_no_deprecated_key_of_its_document():
    """Else the second step would overwrite the first."""
    for aliases in ALIASES.values():
        old = {alias.path.rpartition(".")[2] for alias in aliases}
        assert old.isdisjoint(alias.successor for alias in aliases)
