"""The capacity lab's section: tables of both kinds, and the figure of the steps."""

from __future__ import annotations

from reports.sections.capacity import build
from tests.reports.conftest import build as model_of
from tests.trials import attempt


def step(rate, done, decision, p99_ms):
    """One step of a search."""
    return {
        "number": 1, "purpose": "bracket", "rate_per_s": rate, "completed_per_s": done,
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
            "kind": "throughput", "slo": "p99<250ms", "gives_way": "latency",
            "max_rate_per_s": {"estimate": 150.0, "low": 140.0, "high": 160.0},
            "knee": {"rate_per_s": 145.0}, "notes": ["A note."],
            "steps": [step(100.0, 99.0, "pass", 40.0), step(200.0, 160.0, "fail", 900.0)],
        },
    )  # fmt: skip
    (figure,) = told.figures

    assert ("A note.",) == told.prose
    assert ("highest rate, 1/s", 150.0) in told.tables[0].rows
    assert 2 == len(told.tables[1].rows)
    assert "hold up to about 150 a second" in figure.alt
    assert "the lowest rate at which they broke was 200." in figure.alt


def test_one_step_draws_nothing(tmp_path):
    """A line needs two points."""
    told = section(tmp_path, {"kind": "throughput", "steps": [step(100.0, None, "void", 40.0)]})

    assert () == told.figures


def test_a_ceiling_is_a_table(tmp_path):
    """Sessions: the ceiling, and what was lost."""
    told = section(
        tmp_path, {"kind": "sessions", "ceiling": 37, "over_admitted": 0, "leaked": 0}
    )

    assert ("ceiling, seen most often", 37) in told.tables[0].rows
    assert () == told.figures
