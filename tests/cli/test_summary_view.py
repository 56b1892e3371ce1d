"""What a terminal shows of an evaluated trial."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from harness.analysis.summary import summarize
from harness.cli.summary_view import print_summary
from harness.trial.store import open_trial
from tests.trials import attempt, finding, ladder, write_trial


@pytest.mark.parametrize(("attempts", "times"), [(0, 1), (10, 0)])
def test_a_trial_without_a_load_says_why_it_is_unknown(tmp_path, attempts, times):
    """Its checks pass on the preflight, and the verdict is another."""
    rows = ladder()[:attempts] or [attempt(phase="preflight", at_s=-6.0)]
    trial = open_trial(write_trial(tmp_path / "trial", rows))
    out = Console(file=io.StringIO(), width=200)
    print_summary(summarize(trial, [finding()]), out)

    assert times == out.file.getvalue().count("no attempts since the load began")
