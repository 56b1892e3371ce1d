"""Figures show the model's numbers and say them in words."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from reports.figures import heat, latency, outcomes, percentiles
from reports.figures.canvas import label, styled
from tests.reports.conftest import build
from tests.reports.test_hdr import spectrum_of
from tests.trials import T0, attempt, event, finding, ladder, refused


@pytest.fixture
def figures(drawn):
    """The figures of the story, by name."""
    return {figure.name: figure for figure in drawn["story"]}


def test_alt_texts_tell_the_finding(figures):
    """Known numbers of the story are in the words."""
    assert "the slowest 1 s" in figures["percentiles"].alt
    assert "took about as long" in figures["percentiles"].alt
    assert "CLOUD_RATE_LIMITED: 50 attempts" in figures["codes"].alt
    assert "4.8 % of all did not end ok" in figures["outcomes"].alt
    assert "No worker used more than 20 % of a core" in figures["generator"].alt
    # The last of the ladder ends 10.99 s after T0, which is 5 s after the load's start.
    assert "worst 15 s after the load began" in figures["latency"].alt


def test_waiting_is_told_from_serving(tmp_path):
    """Where response is ten times service, the figure says that requests waited."""
    rows = [attempt(call_id=n, service_ms=10.0, late_ms=90.0) for n in range(5)]
    alt = percentiles.draw(build(tmp_path / "t", rows)).alt

    assert "10 times as long: requests waited before they were sent" in alt


def test_a_fault_is_blamed_where_it_was(tmp_path):
    """The worst second inside a fault's band names the fault."""
    rows = [attempt(call_id=1), attempt(call_id=2, at_s=5.5, service_ms=400.0)]
    events = [
        event(5.0, "fault", "", fault="stall", edge="start"),
        event(7.0, "fault", "", fault="stall", edge="end"),
    ]
    with styled():
        alt = latency.draw(build(tmp_path / "t", rows, events=events)).alt

    assert "during the fault stall." in alt


@pytest.mark.parametrize("kind", ["story", "hostile", "empty"])
def test_every_figure_is_well_formed(kind, drawn):
    """Also with hostile names and without a single row."""
    for figure in drawn[kind]:
        root = ET.fromstring(figure.svg)  # noqa: S314  our own drawing
        assert "svg" == root.tag
        assert figure.alt


def test_the_percentile_curve_is_hdrs():
    """1 … 4: a quarter beyond each step is 1/(1-p) = 4/3, 2, 4, and the last stands at n."""
    x, y_ms = percentiles.curve(spectrum_of(np.array([1, 2, 3, 4])))

    assert [1, 4 / 3, 2, 4, 4] == pytest.approx(x.tolist())
    assert [0.001, 0.001, 0.002, 0.003, 0.004] == y_ms.tolist()


def test_rare_outcomes_are_put_together(tmp_path):
    """Four unnamed kinds: the most frequent by name, the rest as one."""
    rows = [attempt(call_id=1)]
    kinds = ["server_error"] * 3 + ["not_found", "client_error", "auth_failed"]
    rows += [refused(call_id=2 + n, outcome=kind) for n, kind in enumerate(kinds)]
    grouped = outcomes.group(build(tmp_path / "t", rows).outcomes_s)

    assert ["ok", "server_error", "other (3 kinds)"] == list(grouped.columns)
    assert [1, 3, 3] == grouped.sum().tolist()


def test_probes_are_drawn_apart_from_the_load(tmp_path):
    """On top of it, in one colour however they ended; the text tells of the load only."""
    rows = [attempt(call_id=1), attempt(call_id=2)]
    rows += [refused(call_id=3 + n, phase="probe") for n in range(5)]
    model = build(tmp_path / "t", rows)

    assert ["ok", "probe"] == list(outcomes.group(model.outcomes_s).columns)
    assert "At most 2 attempts ended in one second, and all of them ok." == (
        outcomes.draw(model).alt
    )


def test_long_trials_get_longer_steps(tmp_path):
    """An hour of load is drawn with at most 600 points a series, nothing lost."""
    rows = [attempt(call_id=n, at_s=n * 36.0) for n in range(100)]
    model = build(tmp_path / "t", rows, ended_ns=(T0 + 3600) * 10**9)

    assert 7 == model.step_s
    assert 100 == model.outcomes_s["ok"].sum()
    assert len(model.outcomes_s) <= 600


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CLOUD_TIMEOUT", "CLOUD_TIMEOUT"),
        ("", "(no name)"),
        ("a\x00b", "a\ufffdb"),
        ("_hidden", "\u200b_hidden"),
        ("x" * 40, "x" * 31 + "…"),
    ],
)
def test_labels_are_printable_and_short(text, expected):
    """What strangers wrote fits a legend."""
    assert expected == label(text)


def test_the_heat_map_bears_the_objectives(tmp_path):
    """A line at each near limit, with its text; what lies above is told of far ones, too."""
    findings = [finding(name="create_session.p99<2s"), finding(name="p99<900ms"),
                finding(name="p99<1h"), finding(name="service.p99<1s"), finding(name="drift.p99")]  # fmt: skip
    with styled():
        drawn = heat.draw(build(tmp_path / "t", ladder(), findings=findings))

    assert "create_session.p99&lt;2s</text>" in drawn.svg
    assert "p99&lt;1h</text>" not in drawn.svg
    assert "service.p99" not in drawn.svg
    assert "10.1 % above the limit of p99<900ms" in drawn.alt
    assert "0 % above the limit of p99<1h" in drawn.alt
