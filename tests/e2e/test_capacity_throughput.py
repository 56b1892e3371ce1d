"""``harness capacity throughput``: whole searches against a stand-in of known speed."""

from __future__ import annotations

import json

import pytest

from tests.schemas import schema_errors_of_file

SCENARIO = """
name = "one"
[scenario.cache_import]
batch = [1, 1]
again = 0.0
newer = 0.0
older = 0.0
"""


def test_a_search_makes_one_trial_of_its_steps(harness):
    """It ends at the highest rate allowed, far below the stand-in's 200 a second."""
    (harness.folder / "one.toml").write_text(SCENARIO)
    ended = harness(
        "capacity", "throughput", "--plan", "one.toml", "--slo", "p99<9s", "--max-rate", "20",
        "--start-rate", "20", "--spacing", "uniform", "--patience", "0.5",
        "--out", "t",
    )  # fmt: skip

    trial = harness.folder / "t"
    assert schema_errors_of_file(trial / "capacity.json") == []
    found = json.loads((trial / "capacity.json").read_text())
    summary = json.loads((trial / "summary.json").read_text())
    voids = [step for step in found["steps"] if step["decision"] == "void"]
    calls = summary["operations"]["import_selector_cache"]["attempts"]
    assert "throughput" == found["kind"]
    assert sum(step["offered"] for step in found["steps"]) == calls
    for step in found["steps"]:
        assert round(step["rate_per_s"] * step["duration_s"]) == step["offered"]
    assert len(found["steps"]) == len(summary["phases"])
    if not voids:  # a busy machine may void a step: then the answer may be another one
        assert (0, "max_rate") == (ended.code, found["bound"]), ended.err
        assert {"estimate": 20.0, "low": 20.0, "high": None} == found["max_rate_per_s"]
        assert ["bracket", "confirm", "confirm"] == [s["purpose"] for s in found["steps"]]
    assert "trial.complete" not in {f["name"] for f in summary["findings"]}
    assert not (trial / "steps").exists()
    assert "to go" in ended.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--slo", "p99<<1s"], "(column 5)"),
        (["--slo", "throughput>5/s"], "cannot steer a throughput search"),
        (["--spacing", "even"], "is not one of 'poisson', 'uniform'"),
        (["--start-rate", "50", "--max-rate", "20"], "--start-rate 50 is above --max-rate 20"),
        (["nothing"], "no scenario named 'nothing'"),
    ],
)
def test_a_mistake_is_told_before_anything_is_sent(harness, options, message):
    """Exit 2, and no directory."""
    ended = harness("capacity", "throughput", *options, "--out", "t")

    assert 2 == ended.code
    assert message in ended.err
    assert "Traceback" not in ended.err
    assert not (harness.folder / "t").exists()
