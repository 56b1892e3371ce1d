"""The capacity lab's section: tables of both kinds, and the figure of the steps."""

from __future__ import annotations

from reports.sections.capacity import build
from tests.reports.conftest import build as model_of
from tests.trials import attempt


def step(rate, done, decision, p99_ms):
    """One step of a search."""
    return {
        "number": 1, "purpose": "bracket", "rate_per_s": rate, "served_per_s": done,
        "p50_ms": p99_ms / 2, "p99_ms": p99_ms, "p99_low_ms": p99_ms * 0.9, "p99_high_ms": None,
        "decision": decision,
    }  # fmt: skip


def section(tmp_path, document):
    """The section of a trial with this capacity.json."""
    return build(model_of(tmp_path / "t", [attempt()], documents={"capacity.json": document}))


def test_a_search_is_told_with_its_figure(tmp_path):
    """Where the objectives broke is in the figure's words."""
    told = section(
        tmp_path,
        {
            "kind": "throughput", "slo": "p99<250ms", "gives_way": "latency", "bound": "slo",
            "max_rate_per_s": {"estimate": 150.0, "low": 140.0, "high": 160.0},
            "knee": {"rate_per_s": 145.0}, "notes": ["A note."],
            "steps": [step(100.0, 99.0, "pass", 40.0), step(200.0, 160.0, "fail", 900.0)],
        },
    )  # fmt: skip
    (figure,) = told.figures

    assert ("A note.",) == told.prose
    assert ("highest rate, 1/s", "150") in told.tables[0].rows
    assert ("ended by", "an objective failed at a higher rate") in told.tables[0].rows
    assert 2 == len(told.tables[1].rows)
    assert "hold up to about 150 per second" in figure.alt
    assert "the lowest rate at which they failed is 200/s." in figure.alt


def test_the_scalability_law_is_told_with_its_intervals(tmp_path):
    """Each parameter a row, and the curve with its peak."""
    usl = {
        "lambda": 100.0, "sigma": 0.05, "kappa": 0.0002, "r2": 0.998,
        "intervals": {"lambda": [97.0, 103.0], "sigma": [0.04, 0.06], "kappa": [1e-4, 3e-4]},
        "peak_concurrency": 68.9, "peak_per_s": 1283.0,
        "levels": [[1, 100], [4, 346], [16, 889], [64, 1287]],
    }  # fmt: skip
    told = section(tmp_path, {"kind": "throughput", "usl": usl})
    (figure,) = told.figures

    assert ("sigma, contention", 0.05, 0.04, 0.06) in told.tables[2].rows
    assert "contention takes 5 % and coherency 0.02 %" in figure.alt
    assert "peaks at 69 calls in flight with 1,283/s" in figure.alt


def test_releases_and_a_moving_ceiling_are_drawn(tmp_path):
    """When a slot was usable again, and the range over time."""
    document = {
        "kind": "sessions", "ceiling": 20, "releases_ms": [52.0, 50.0, 61.5, 54.0],
        "release_ms": {"p50": 53.0, "p99": 61.5, "resolution": 4.0},
        "sightings": [{"at_s": 0.0, "sessions": 20}, {"at_s": 4.0, "sessions": 17}],
    }  # fmt: skip
    releases, sightings = section(tmp_path, document).figures

    assert "free again after 50 ms to 61.5 ms" in releases.alt
    assert "can be too long by up to 4 ms" in releases.alt
    assert "lowest 17, highest 20, first 20, last 17" in sightings.alt


def test_times_all_alike_are_one_bar(tmp_path):
    """Nothing is divided by their range."""
    document = {"kind": "sessions", "releases_ms": [0.0, 0.0, 0.0]}
    (figure,) = section(tmp_path, document).figures

    assert "In 3 cycles a slot was free again after 0 to 0" in figure.alt


def test_one_step_draws_nothing(tmp_path):
    """A line needs two points."""
    told = section(tmp_path, {"kind": "throughput", "steps": [step(100.0, None, "void", 40.0)]})

    assert () == told.figures


def test_a_ceiling_is_a_table(tmp_path):
    """Sessions: the ceiling, how it refuses, when a slot is usable again."""
    document = {
        "kind": "sessions", "ceiling": 37, "over_admitted": 0, "leaked": 0,
        "refusal": {
            "count": 60, "latency_ms": {"p50": 11.4, "p99": 40.6}, "retry_after_fraction": 0.5,
        },
        "release_ms": {"p50": 314.5, "p99": None, "resolution": 61.2},
    }  # fmt: skip
    told = section(tmp_path, document)

    rows = dict(told.tables[0].rows)
    assert "37" == rows["ceiling"]
    assert "in 11.4 ms (p99 40.6 ms), 50 % with Retry-After" == rows["refusal latency"]
    assert "314 ms, or up to 61.2 ms less" == rows["slot release time, p50"]
    assert "slot release time, p99" not in rows
    assert () == told.figures


def test_a_ceiling_that_was_not_reached_or_moved_is_told_so(tmp_path):
    """A bound, and a range."""
    seen = {"kind": "sessions", "ceiling": 64, "ceiling_low": 60, "ceiling_high": 64}
    told = [
        dict(section(tmp_path / name, document).tables[0].rows)["ceiling"]
        for name, document in (("a", seen), ("b", seen | {"bounded": True}))
    ]

    assert ["60 to 64, most often 64", "64 or more"] == told
