"""Models of synthetic trials for the tests of renderers."""

from __future__ import annotations

import matplotlib as mpl
import pytest

from harness.trial.schema import PhaseWindow, WorkerSummary
from harness.trial.store import open_trial
from reports import html
from reports.comparison import page, trend_page
from reports.figures import draw_figures
from reports.model import build_model
from tests.reports.pages import LABS, LONG, SESSIONS, comparison, crowded, many, trend
from tests.trials import NS, T0, attempt, event, finding, ladder, rate_limited, write_trial

HOSTILE = """<script>alert(1)</script><img src=x onerror=alert(1)>"'|`$\\frac{ & \x00\x1b]]>"""
"""Markup of every kind, with control characters and broken TeX."""


def story():
    """1000 ok attempts of 1 … 1000 ms, 50 refusals, one retried call, one cleanup."""
    rows = ladder()
    rows += [
        rate_limited(call_id=2000 + n, at_s=n * 0.05, disposition="retried") for n in range(50)
    ]
    rows += [attempt(call_id=2000, attempt=2, at_s=3.0, service_ms=20.0)]
    rows += [attempt(call_id=3000, operation="delete_session", phase="cleanup", at_s=15.5)]
    return rows


FINDINGS = (
    finding("pass", name="create_session.p99<2s", detail="p99 was 0.99 s; asked: under 2 s."),
    finding(
        "fail",
        name="idempotency.exactly_once",
        kind="invariant",
        detail="1 key made two sessions.",
        witness=(
            {"key": "k-12", "session": "s-1", "attempt": 1},
            {"key": "k-12", "session": "s-2", "attempt": 2},
        ),
    ),
    finding("unknown", name="webhooks.once", kind="invariant", detail="None was asked for."),
)

EVENTS = (
    *(event(s + 0.5, "generator", cpu_fraction=0.2, loop_lag_ms=2.0) for s in range(-5, 15)),
    event(4.0, "fault", "", fault="stall", edge="start"),
    event(4.5, "fault", "", fault="stall", edge="hit"),
    event(6.0, "fault", "", fault="stall", edge="end"),
)


def has_facts(text, *facts):
    """Whether a text contains the facts in this order."""
    places = [text.find(fact) for fact in facts]
    assert -1 not in places, f"{facts} in {text!r}"
    return places == sorted(places)


def build(path, rows, **given):
    """The model of a written trial."""
    return build_model(open_trial(write_trial(path, rows, **given)))


@pytest.fixture(scope="session")
def story_path(tmp_path_factory):
    """The trial directory of the golden files."""
    path = tmp_path_factory.mktemp("story") / "trial"
    return write_trial(path, story(), events=EVENTS, findings=FINDINGS)


@pytest.fixture(scope="session")
def story_model(story_path):
    """Its model."""
    return build_model(open_trial(story_path))


@pytest.fixture(scope="session")
def hostile_model(tmp_path_factory):
    """A trial whose untrusted texts are all markup."""
    path = tmp_path_factory.mktemp("hostile") / "trial"
    rows = [attempt(call_id=1, operation=HOSTILE, phase=HOSTILE)]
    rows += [
        rate_limited(call_id=2, code=HOSTILE, outcome=HOSTILE, violation=HOSTILE, phase=HOSTILE)
    ]
    rows += [rate_limited(call_id=3, code="=HYPERLINK(1)", operation="../../x", phase=HOSTILE)]
    return build(
        path,
        rows,
        scenario=HOSTILE,
        trial_id=HOSTILE,
        host=HOSTILE,
        plan={HOSTILE: HOSTILE},
        versions={HOSTILE: HOSTILE},
        workers=[WorkerSummary(HOSTILE, state=HOSTILE)],
        phases=[PhaseWindow(HOSTILE, T0 * NS, (T0 + 15) * NS)],
        events=[
            event(1, "fault", HOSTILE, fault=HOSTILE, edge="start"),
            event(1, "generator", HOSTILE, cpu_fraction=0.5),
        ],
        findings=[
            finding("fail", name=HOSTILE, detail=HOSTILE, witness=({HOSTILE: HOSTILE},)),
        ],
        documents={"capacity.json": {HOSTILE: [HOSTILE, 1, None, True]}},
    )


@pytest.fixture(scope="session")
def empty_model(tmp_path_factory):
    """A trial without attempts."""
    return build(tmp_path_factory.mktemp("empty") / "trial", [], workers=[])


@pytest.fixture(scope="session")
def drawn(story_model, hostile_model, empty_model):
    """The figures of a good, a hostile and an empty trial, by name, drawn once."""
    before = dict(mpl.rcParams)
    models = {"story": story_model, "hostile": hostile_model, "empty": empty_model}
    figures = {name: draw_figures(model) for name, model in models.items()}
    assert before == dict(mpl.rcParams)  # no style leaks out
    return figures


@pytest.fixture(scope="session")
def pages(drawn, story_model, hostile_model, empty_model, tmp_path_factory):
    """Every kind of page, rendered once: report.html of five trials, and the two others."""
    labs = build(tmp_path_factory.mktemp("labs") / "trial", story(), events=EVENTS, documents=LABS)
    sessions = build(
        tmp_path_factory.mktemp("sessions") / "trial",
        [attempt(operation=LONG)],
        documents={"capacity.json": SESSIONS},
    )
    ended = build(
        tmp_path_factory.mktemp("cut-off") / "trial",
        [attempt(call_id=n, at_s=-4.5 + n) for n in range(4)],
        state="interrupted",
        ended_ns=T0 * NS,
        phases=[
            *(
                PhaseWindow(f"{n:02} bracket {10 * n}/s", (T0 + n - 5) * NS, (T0 + n - 4) * NS)
                for n in range(5)
            ),
            PhaseWindow("steady", (T0 + 60) * NS, (T0 + 120) * NS),
        ],
    )
    cut_off = html.render(ended)
    with pytest.MonkeyPatch.context() as patch:

        def render(name, model):
            patch.setattr(html, "draw_figures", lambda _: drawn[name])
            return html.render(model)

        return {
            "story": render("story", story_model),
            "hostile": render("hostile", hostile_model),
            "empty": render("empty", empty_model),
            "labs": render("story", labs),
            "sessions": render("empty", sessions),
            "cut off": cut_off,
            "compare": page.render(comparison()),
            "trend": trend_page.render("smoke", trend()),
            "many": page.render(many()),
            "crowded": trend_page.render("smoke", crowded()),
        }
