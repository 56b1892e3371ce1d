"""A trial finds its place among the earlier ones of the same load, and looks no further."""

from __future__ import annotations

import json

import pytest

from harness.assess import history
from harness.assess.baseline_comparison import open_baselines
from harness.assess.history import TREND
from harness.assess.opened_trial import open_once
from harness.experiments.compare.trend import read_trend
from harness.trial.baselines import save_baseline
from harness.trial.store import open_trial
from reports.comparison.history import largest_change, sentences
from reports.model import build_model
from reports.sections import build_sections
from tests.trials import NS, T0, attempt, write_trial


def write(folder, name, number, service_ms=10.0, **given):
    """A trial of 100 responses that began this many thousand seconds after the first."""
    rows = [
        attempt(call_id=n, at_s=n * 0.1, service_ms=service_ms * (1 + n % 5 / 10))
        for n in range(100)
    ]
    started_ns = (T0 - 5 + 1000 * number) * NS
    path = folder / name
    return write_trial(path, rows, trial_id=name, **({"started_ns": started_ns} | given))


def compare_with_history(path, root):
    """The trend of a trial, with the baselines under this root."""
    return history.compare_with_history(open_once(path), open_baselines(root))


def names(trend):
    return None if trend is None else list(trend.names)


@pytest.fixture
def row(tmp_path):
    """Eight trials in a folder, twice as slow from the fifth on."""
    return [write(tmp_path / "trials", f"t{n}", n, 10.0 if n < 4 else 20.0) for n in range(8)]


def test_the_first_trial_has_no_place(tmp_path):
    """Nothing is written, and what an earlier report left is taken away."""
    path = write(tmp_path / "trials", "only", 0)
    (path / TREND).write_text("{}")

    assert compare_with_history(path, tmp_path / "baselines") is None
    assert not (path / TREND).exists()


def test_only_what_was_before_and_is_alike_counts(tmp_path):
    """No later trial, no other load or host, none that was cut off, damaged, or a lab's."""
    folder = tmp_path / "trials"
    kept = write(folder, "kept", 0)
    save_baseline(open_trial(kept), "v12", {"steady"}, tmp_path / "baselines")
    write(folder, "before", 1)
    this = write(folder, "this", 5)
    write(folder, "later", 6)
    write(folder, "other-load", 2, plan={"load": {"users": 21}})
    write(folder, "other-host", 2, host="http://127.0.0.1:1")
    write(folder, "cut-off", 2, state="interrupted")
    write(folder, "lab", 2, documents={"capacity.json": {}})
    write(folder, "unreadable", 2, plan={"no such key": 1})
    (write(folder, "damaged", 2) / "manifest.json").write_text("{")
    (write(folder, "bare", 2) / "intervals.parquet").unlink()
    (write(folder, "cut", 2) / "intervals.parquet").write_bytes(b"PAR1")
    write(tmp_path / "baselines", "cut-baseline", 2)
    (tmp_path / "baselines" / "cut-baseline" / "intervals.parquet").unlink()
    (folder / "latest").symlink_to("this")

    trend = compare_with_history(this, tmp_path / "baselines")
    assert names(trend) == ["v12", "before", "this"]
    through_link = compare_with_history(folder / "latest", tmp_path / "baselines")
    assert names(through_link) == ["v12", "before", "this"]


@pytest.mark.parametrize(
    "given", [{"state": "interrupted"}, {"documents": {"rate_limit.json": {}}}]
)
def test_what_was_cut_off_or_a_lab_has_no_place(tmp_path, given):
    """Its load is not that of its plan."""
    write(tmp_path, "before", 0)

    assert compare_with_history(write(tmp_path, "this", 1, **given), tmp_path / "baselines") is None


def test_the_look_around_is_bounded(row, tmp_path, monkeypatch):
    """Of many names the last are opened, of many trials the newest are read, to a size."""
    root = tmp_path / "baselines"
    monkeypatch.setattr(history, "POINTS_MAX", 4)
    assert names(compare_with_history(row[7], root)) == ["t4", "t5", "t6", "t7"]

    monkeypatch.setattr(history, "MANIFESTS_MAX", 3)  # t5, t6, t7
    assert names(compare_with_history(row[7], root)) == ["t5", "t6", "t7"]

    size = (row[6] / "intervals.parquet").stat().st_size
    monkeypatch.setattr(history, "INTERVALS_BYTES_MAX", size)
    assert names(compare_with_history(row[7], root)) == ["t6", "t7"]

    monkeypatch.setattr(history, "ENTRIES_MAX", 0)
    assert compare_with_history(row[7], root) is None


def test_the_report_shows_the_place(row, tmp_path):
    """The shift, the level since, this trial against it; the document is read as written."""
    trend = compare_with_history(row[7], tmp_path / "baselines")
    document = json.loads((row[7] / TREND).read_text())
    assert read_trend(document) == trend
    p50 = next(one for one in trend.series if one.metric == "response.p50")
    assert [shift.at for shift in p50.change_points] == [4]
    assert p50.level == pytest.approx(24.0, rel=0.01)  # the third of five times

    section = next(s for s in build_sections(build_model(open_trial(row[7]))) if s.name == "trend")
    change_points, now = section.tables
    assert change_points.rows[0][:2] == ("create_session", "response.p50")
    assert change_points.rows[0][-1] == "t4"
    assert now.head[:4] == ("operation", "p50 before", "p50 now", "p50 change, %")
    assert now.rows[0][0] == "create_session"
    assert now.rows[0][1:4] == pytest.approx((24.0, 24.0, 0.0), rel=0.01)
    (figure,) = section.figures
    assert "create_session response.p50 +100 % from t4 on" in figure.alt
    assert "7 earlier trials ran the same load" in section.prose[0]
    assert section.prose[-1].startswith("Change points by PELT (ruptures), ")


def test_a_document_of_before_otava_is_pelts(row, tmp_path):
    """trend.json named no method then; one that names another keeps it."""
    compare_with_history(row[7], tmp_path / "baselines")
    document = json.loads((row[7] / TREND).read_text())
    named = read_trend(document | {"method": "otava 0.8.0"})
    assert sentences(named)[-1].startswith("Change points by otava 0.8.0, ")
    del document["method"]
    assert read_trend(document).method == "pelt"


def test_few_trials_promise_no_change_points(row, tmp_path):
    """The third of eight: its place is shown, and what is still lacking is said."""
    trend = compare_with_history(row[2], tmp_path / "baselines")

    assert names(trend) == ["t0", "t1", "t2"]
    assert "at least 6 trials" in " ".join(sentences(trend))
    assert largest_change(trend).endswith("(+0.0 %)")


@pytest.mark.parametrize(
    "change",
    [
        {"trials": ["one"]},
        {"series": [{"operation": "o", "metric": "p51", "values": [1.0, 2.0]}]},
        {"series": [{"operation": "o", "metric": "throughput", "values": [1.0]}]},
        {"series": [{"operation": "o", "metric": "throughput", "values": [1.0, -2.0]}]},
        {"series": [{"operation": "o", "metric": "throughput", "values": [1.0, 2.0],
                     "shifts": [{"from_trial": "one", "before": 1.0, "after": 2.0}]}]},
    ],
)  # fmt: skip
def test_another_document_is_none_of_ours(change):
    """Whatever stands in trend.json, a report is made."""
    good = {"schema": 1, "trials": ["one", "two"], "series": []}
    assert read_trend(good) is not None

    assert read_trend(good | change) is None
