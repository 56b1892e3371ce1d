"""Figures show the model's numbers and say them in words."""

from __future__ import annotations

import dataclasses
import xml.etree.ElementTree as ET

import msgspec
import numpy as np
import pytest
from matplotlib.patches import Rectangle, StepPatch

from harness.trial.schema import PhaseWindow
from reports.figures import changes, heatmap, latency, outcomes, percentiles, style, waits
from reports.figures.annotations import draw_annotations
from reports.figures.style import NARROW_IN, figure_style, label, new_drawing
from reports.model import Annotation
from tests.reports.conftest import EVENTS, build
from tests.reports.pages import comparison
from tests.reports.test_hdr import spectrum_of
from tests.trials import NS, T0, attempt, event, finding, ladder, rate_limited


@pytest.fixture
def figures(drawn):
    """The figures of the story, by name."""
    return {figure.name: figure for figure in drawn["story"]}


def test_alt_texts_tell_the_finding(figures):
    """Known numbers of the story are in the words."""
    assert "max 1 s" in figures["percentiles"].alt
    assert "about the same" in figures["percentiles"].alt
    assert "CLOUD_RATE_LIMITED: 50 attempts" in figures["codes"].alt
    assert "4.8 % of all did not end ok" in figures["outcomes"].alt
    assert "20 % of a core" in figures["generator"].alt
    # The last of the ladder ends 10.99 s after T0, which is 5 s after the load's start.
    assert "worst 15 s after load start" in figures["latency"].alt


def test_waiting_is_told_from_serving(tmp_path):
    """Where response is ten times service, the figure says that requests waited."""
    rows = [attempt(call_id=n, service_ms=10.0, late_ms=90.0) for n in range(5)]
    alt = percentiles.draw(build(tmp_path / "t", rows)).alt

    assert "10 times" in alt
    assert "requests waited before they were sent" in alt


def test_a_fault_is_blamed_where_it_was(tmp_path):
    """The worst second inside a fault's band names the fault."""
    rows = [attempt(call_id=1), attempt(call_id=2, at_s=5.5, service_ms=400.0)]
    events = [
        event(5.0, "fault", "", fault="stall", edge="start"),
        event(7.0, "fault", "", fault="stall", edge="end"),
    ]
    with figure_style():
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
    rows += [rate_limited(call_id=2 + n, outcome=kind) for n, kind in enumerate(kinds)]
    grouped = outcomes.group(build(tmp_path / "t", rows).outcomes_s)

    assert ["ok", "server_error", "other (3 kinds)"] == list(grouped.columns)
    assert [1, 3, 3] == grouped.sum().tolist()


def test_probes_are_drawn_apart_from_the_load(tmp_path):
    """On top of it, in one colour however they ended; the text tells of the load only."""
    rows = [attempt(call_id=1), attempt(call_id=2)]
    rows += [rate_limited(call_id=3 + n, phase="probe") for n in range(5)]
    model = build(tmp_path / "t", rows)

    assert ["ok", "probe"] == list(outcomes.group(model.outcomes_s).columns)
    assert "At most 2 attempts ended in one second; all ended ok." == (outcomes.draw(model).alt)


def test_a_phase_that_was_never_come_to_is_not_named(tmp_path):
    """A name far beyond the axes left no room for these."""
    phases = [
        PhaseWindow("warm-up", (T0 - 5) * NS, T0 * NS, measured=False),
        PhaseWindow("steady", (T0 + 60) * NS, (T0 + 120) * NS),
    ]
    model = build(tmp_path / "t", [attempt(at_s=-4.0)], phases=phases, ended_ns=T0 * NS)
    with figure_style():
        drawn = outcomes.draw(model)

    assert ">warm-up</text>" in drawn.svg
    assert ">steady</text>" not in drawn.svg


def test_only_what_there_was_is_drawn_of_retries_and_waits(tmp_path):
    """An answer that told to wait, and no retry: one axis."""
    with figure_style():
        drawn = waits.draw(build(tmp_path / "t", [rate_limited()]))

    assert "Retry-After, s" in drawn.svg
    assert "retries per second" not in drawn.svg
    assert "No retries; 1 response with Retry-After" in drawn.alt


def test_a_phone_gets_its_own_drawing(figures):
    """As wide as high, or nearly; the same words on it, fewer letters a row of the legend."""
    for figure in figures.values():
        root = ET.fromstring(figure.narrow)  # noqa: S314  our own drawing
        width = float(root.get("viewBox").split()[2])
        assert 72 * NARROW_IN == pytest.approx(width)
        assert f'aria-label="{figure.title}.' in figure.narrow
    for name in ("ok", "rate_limited", "warm-up", "stall (fault)"):
        assert f">{name}</text>" in figures["outcomes"].narrow


def test_injections_of_a_fault_hide_nothing(tmp_path, monkeypatch):
    """They take the upper twentieth of the axes; the slowest answer lies below."""
    seen = {}

    def keep(drawing, name, *_given, **_options):
        seen[name] = drawing.axes

    model = build(tmp_path / "t", [attempt(call_id=n, service_ms=9.0 + n) for n in range(90)])
    with figure_style():
        for figure, name in ((heatmap, "heat"), (latency, "latency")):
            monkeypatch.setattr(style, "to_figure", keep)
            figure.draw(model)
            axes = seen[name][0]
            highest = np.log10(98e3) if name == "heat" else 98.0
            above = axes.transAxes.inverted().transform(axes.transData.transform((0, highest)))
            assert above[1] < 0.95


def test_no_shade_lies_on_the_data(tmp_path, monkeypatch):
    """A colour in a fault is that of the legend: what is drawn lies above what is shaded."""
    seen = {}

    def keep(drawing, name, *_given, **_options):
        seen[name] = drawing.axes[0]

    model = build(tmp_path / "t", ladder(), events=EVENTS)
    with figure_style():
        for figure in (heatmap, outcomes):
            monkeypatch.setattr(style, "to_figure", keep)
            figure.draw(model)
    shades = [one.get_zorder() for axes in seen.values() for one in axes.patches
              if isinstance(one, Rectangle)]  # fmt: skip
    data = [*seen["heat"].images]
    data += [one for one in seen["outcomes"].patches if isinstance(one, StepPatch)]

    assert len(shades) == 4  # a warm-up and a fault on each
    assert max(shades) < min(one.get_zorder() for one in data)


def test_names_that_would_hide_each_other_stand_in_rows():
    """Twenty-five short phases: two rows of names, the others without."""
    annotations = [Annotation(f"{n:02}-bracket", n * 4.0, n * 4.0 + 4, "phase") for n in range(25)]
    with figure_style():
        _, (axes,) = new_drawing()
        axes.set_xlim(0, 100)
        draw_annotations([axes], annotations)
    shown = [text for text in axes.texts if text.get_visible()]

    assert {2, 13} == {text.get_position()[1] for text in shown}
    for row in (2, 13):
        starts = [t.xy[0] for t in shown if t.get_position()[1] == row]
        assert min(np.diff(starts)) >= 100 * 10 * 0.062 / 8


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
    """Untrusted names fit a legend."""
    assert expected == label(text)


def test_the_heat_map_bears_the_objectives(tmp_path):
    """A line at each near limit, with its text; what lies above is told of far ones, too."""
    findings = [finding(name="create_session.p99<2s"), finding(name="p99<900ms"),
                finding(name="p99<1h"), finding(name="service.p99<1s"), finding(name="drift.p99")]  # fmt: skip
    with figure_style():
        drawn = heatmap.draw(build(tmp_path / "t", ladder(), findings=findings))

    assert "create_session.p99&lt;2s</text>" in drawn.svg
    assert "p99&lt;1h</text>" not in drawn.svg
    assert "service.p99" not in drawn.svg
    assert "10.1 % exceed p99<900ms" in drawn.alt
    assert "none exceed p99<1h" in drawn.alt


def test_an_interval_beyond_the_axis_ends_in_an_arrow(monkeypatch):
    """To the right, where it goes on, and only there; the figure says what its marks are."""
    seen = {}

    def keep(drawing, name, _title, alt, **_options):
        seen.update({name: drawing.axes[0], "alt": alt})

    monkeypatch.setattr(style, "to_figure", keep)
    told = comparison()
    wide = msgspec.structs.replace(told.changes[2], high=9.0)
    with figure_style():
        changes.draw_changes(dataclasses.replace(told, changes=(told.changes[3], wide)))
    arrows = [
        (line.get_marker(), line.get_ydata()[0])
        for line in seen["changes"].lines
        if line.get_marker() in ("<", ">")
    ]

    assert [(">", 1)] == arrows
    assert "tolerance" in seen["alt"]
    assert "an arrow continues beyond the axis" in seen["alt"]
