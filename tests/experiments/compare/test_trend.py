"""Shifts are found where they are, and nowhere else."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from harness.cli.commands import app
from harness.errors import NothingObservedError, UsageError
from harness.experiments.compare.change_points import ChangePointMethod, find_change_points
from tests.schemas import schema_errors
from tests.trials import NS, T0, attempt, write_trial

APP = app


def shifts_of(values, threshold=0.05, **given):
    """Those of a lone series."""
    (found,) = find_change_points([values], [threshold], **given)
    return found


def test_a_shift_is_found_at_its_place():
    noise = 1 + 0.01 * np.random.default_rng(1).standard_normal(16)
    values = noise * np.repeat([10.0, 12.0], 8)
    (shift,) = shifts_of(list(values))
    assert shift.at == 8
    assert abs(shift.change - 0.2) < 0.02


def test_noise_is_hardly_ever_a_shift():
    rng = np.random.default_rng(2)
    series = [list(10 * np.exp(0.02 * rng.standard_normal(20))) for _ in range(200)]
    assert sum(bool(shifts_of(values)) for values in series) <= 10  # 5 %


def test_an_odd_trial_now_and_then_is_no_shift():
    """One in ten is 30 % slower; of squares PELT made a change of most such series."""
    rng = np.random.default_rng(3)
    noise = np.exp(0.03 * rng.standard_normal((200, 24)))
    values = 10 * noise * np.where(rng.random(noise.shape) < 0.1, 1.3, 1.0)
    assert sum(bool(shifts_of(list(series))) for series in values) <= 50  # 14 % are told
    values[:, 12:] *= 1.2
    found = [[shift.at for shift in shifts_of(list(series))] for series in values]
    assert sum(any(abs(at - 12) <= 1 for at in one) for one in found) >= 150


def test_too_few_or_absent_points_say_nothing():
    assert shifts_of([10.0, 10.0, 20.0, 20.0]) == ()
    assert shifts_of([None] * 10) == ()
    assert shifts_of([10.0, None, 10.0, 10.0, 20.0, 20.0, 20.0])[0].at == 4


@pytest.mark.parametrize(
    ("values", "places", "expected"),
    [
        ([10, 10, 10, 10, 20, 20, 20, 20], [4], [4]),
        ([10, 10, 10, 10, 20, 20, 20, 20], [2, 4], [4]),  # at 2 nothing changes
        ([10, 10, 10, 10, 30, 20, 20, 20], [4, 5], [4]),
        ([10, 10, 10, 30, 10, 10, 10, 10], [3, 4], []),
        ([30, 10, 10, 10, 20, 20, 20, 20], [1, 4], [4]),
        ([10, 10, 10, 10, 20, 20, 20, 30], [4, 7], [4]),
    ],
)
def test_one_trial_is_no_level(values, places, expected):
    """Whatever a search says of it, at the ends, in the middle, or just where one changes."""
    found = shifts_of(values, search=ChangePointMethod("such", lambda _: [places]))
    assert [shift.at for shift in found] == expected


def test_only_what_is_long_enough_is_searched():
    """All at once, without their gaps; places are those of the whole series."""
    asked = []

    def find(series):
        asked.extend(series)
        return [[3] for _ in series]

    flat, step = [10.0] * 6, [None, 10.0, 10.0, None, 10.0, 20.0, 20.0, 20.0]
    found = find_change_points(
        [flat, [10.0] * 5, step], [0.05] * 3, ChangePointMethod("such", find)
    )

    assert asked == [flat, [10.0] * 3 + [20.0] * 3]
    assert [[shift.at for shift in one] for one in found] == [[], [], [5]]


def test_a_trend_is_drawn(tmp_path):
    for number in range(8):
        shift_ns = number * 1000 * NS
        slow = 2 if number >= 4 else 1
        rows = [
            attempt(call_id=n, at_s=n * 0.05, service_ms=(10 + n % 5) * slow) for n in range(200)
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
    result = CliRunner().invoke(APP, [*words, "--by", "pelt"], env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    for told in (
        "trials/cut/manifest.json: ",
        "trials/torn/intervals.parquet: ",
        "old/manifest.json: plan: ",
    ):
        assert told in result.output
    assert "create_session response.p50: +100.0 % from t4 on" in result.output
    assert "\nChange points by PELT (ruptures), " in result.output
    page, document = out.read_text(), json.loads((tmp_path / "trend.json").read_text())
    (median,) = (s for s in document["series"] if s["metric"] == "response.p50")
    (shift,) = median["shifts"]
    assert schema_errors("trend", document) == []
    assert document["method"] == "pelt"
    assert document["trials"] == [f"t{number}" for number in range(8)]
    assert shift["from_trial"] == "t4"
    assert shift["change"] == pytest.approx(1.0, abs=0.01)
    assert median["values"][0] == pytest.approx(12, rel=0.01)
    assert "create_session response.p50 +100 % from t4 on" in page
    assert "<strong>Every operation on its own scale.</strong>" in page
    assert "Change points by PELT (ruptures), " in page
    assert "every trial has every metric" in page
    assert "from t0 to t7: create_session response.p" in page


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
    assert str(result.exception).endswith("plans there: smoke")


def test_the_page_must_not_be_where_its_figures_go(tmp_path):
    """--out t.json would be written twice."""
    result = CliRunner().invoke(APP, ["trend", "--out", str(tmp_path / "t.json")])
    assert isinstance(result.exception, UsageError)
