"""Shifts are found where they are, and nowhere else."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from harness.cli.commands import register
from harness.errors import NothingObservedError, UsageError
from harness.experiments.compare.trend import find_shifts
from tests.schemas import complaints
from tests.trials import NS, T0, attempt, write_trial

APP = register(["trend"])


def test_a_shift_is_found_at_its_place():
    noise = 1 + 0.01 * np.random.default_rng(1).standard_normal(16)
    values = noise * np.repeat([10.0, 12.0], 8)
    (shift,) = find_shifts(list(values), 0.05)
    assert shift.at == 8
    assert abs(shift.change - 0.2) < 0.02


def test_noise_is_hardly_ever_a_shift():
    rng = np.random.default_rng(2)
    series = [list(10 * np.exp(0.02 * rng.standard_normal(20))) for _ in range(200)]
    assert sum(bool(find_shifts(values, 0.05)) for values in series) <= 10  # 5 %


def test_too_few_or_absent_points_say_nothing():
    assert find_shifts([10.0, 10.0, 20.0, 20.0], 0.05) == ()
    assert find_shifts([None] * 10, 0.05) == ()
    assert find_shifts([10.0, None, 10.0, 10.0, 20.0, 20.0, 20.0], 0.05)[0].at == 4


def test_a_trend_is_drawn(tmp_path):
    for number in range(8):
        shift_ns = number * 1000 * NS
        slow = 2 if number >= 4 else 1
        rows = [
            attempt(call_id=n, at_s=n * 0.05, service_ms=(10 + n % 5) * slow)
            for n in range(200)
        ]
        write_trial(
            tmp_path / "trials" / f"t{number}",
            rows,
            trial_id=f"t{number}",
            started_ns=(T0 - 5) * NS + shift_ns,
        )
    strangers(tmp_path / "trials")
    out = tmp_path / "trend.html"
    words = ["trend", "--trials", str(tmp_path / "trials"), "--out", str(out)]
    result = CliRunner().invoke(APP, words, env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    for told in (
        "trials/cut/manifest.json: ",
        "trials/torn/intervals.parquet: ",
        "old: plan: ",
    ):
        assert told in result.output
    assert "create_session response.p50: +100.0 % from t4 on" in result.output
    page, document = out.read_text(), json.loads((tmp_path / "trend.json").read_text())
    (median,) = (s for s in document["series"] if s["metric"] == "response.p50")
    (shift,) = median["shifts"]
    assert complaints("trend", document) == []
    assert document["trials"] == [f"t{number}" for number in range(8)]
    assert shift["from_trial"] == "t4"
    assert shift["change"] == pytest.approx(1.0, abs=0.01)
    assert median["values"][0] == pytest.approx(12, rel=0.01)
    assert "create_session +100 % from t4 on" in page
    assert "Nothing limits this answer: every trial has every figure." in page
    assert "From t0 to t7 the largest change is that of create_session response.p" in page


OLD = {"name": "smoke", "retired": 1}


def strangers(folder):
    """Trials that cannot be read: a cut manifest, a cut table, a plan of another version."""
    cut, torn, _ = (
        write_trial(folder / name, [attempt()], trial_id=name, **given)
        for name, given in (("cut", {}), ("torn", {}), ("old", {"plan": OLD}))
    )
    (cut / "manifest.json").write_text("{")
    (torn / "intervals.parquet").write_bytes(b"PAR1")


def test_a_plan_that_nobody_ran_names_those_that_there_are(tmp_path):
    """Exit 4: nothing observed."""
    write_trial(tmp_path / "trials/t", [attempt()])
    words = [
        "trend",
        "smok",
        "--trials",
        str(tmp_path / "trials"),
        "--out",
        str(tmp_path / "o"),
    ]
    result = CliRunner().invoke(APP, words)
    assert isinstance(result.exception, NothingObservedError)
    assert str(result.exception).endswith("there are smoke")


def test_the_page_must_not_be_where_its_figures_go(tmp_path):
    """--out t.json would be written twice."""
    result = CliRunner().invoke(APP, ["trend", "--out", str(tmp_path / "t.json")])
    assert isinstance(result.exception, UsageError)
