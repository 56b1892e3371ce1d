"""The SLO grammar: what it reads, what it means, and where it reports a mistake."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.plan.slo import (
    OPERATIONS,
    OUTCOMES,
    Latency,
    Share,
    Slo,
    SloError,
    Throughput,
    parse_slos,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("p99<250ms", (None, Latency("response", "percentile", 0.99), "<", 250_000.0)),
        ("p99.9<=1s", (None, Latency("response", "percentile", 0.999), "<=", 1e6)),
        ("service.p50<1m30s", (None, Latency("service", "percentile", 0.5), "<", 9e7)),
        ("max<5s", (None, Latency("response", "max", 1.0), "<", 5e6)),
        (
            "create_session.p99<2s",
            ("create_session", Latency("response", "percentile", 0.99), "<", 2e6),
        ),
        (
            "get_run.response.p99<2s",
            ("get_run", Latency("response", "percentile", 0.99), "<", 2e6),
        ),
        ("errors<1%", (None, Share("errors"), "<", 0.01)),
        ("rate_limited<0.1%", (None, Share("rate_limited"), "<", 0.001)),
        ("ok_rate>95%", (None, Share("ok"), ">", 0.95)),
        ("ok>=95%", (None, Share("ok"), ">=", 0.95)),
        ("queue_run.timeout<2%", ("queue_run", Share("timeout"), "<", 0.02)),
        ("action.errors<2%", ("action", Share("errors"), "<", 0.02)),
        ("action.goto.ok>9%", ("action.goto", Share("ok"), ">", 0.09)),
        (
            "cdp.Page.navigate.service.p50<9ms",
            ("cdp.Page.navigate", Latency("service", "percentile", 0.5), "<", 9e3),
        ),
        ("throughput>100/s", (None, Throughput(), ">", 100.0)),
        (
            "get_run.throughput >= 12.5 / s",
            ("get_run", Throughput(), ">=", 12.5),
        ),
    ],
)
def test_an_objective_is_read(text, expected):
    """Each form of the grammar, with its meaning and the limit in the subject's unit."""
    slo = parse_slos(text)[0]

    assert expected == (slo.operation, slo.subject, slo.comparison, slo.limit)
    assert text == slo.source


def test_a_mean_has_no_quantile():
    """``mean`` is a latency whose quantile is NaN."""
    subject = parse_slos("get_run.service.mean<20ms")[0].subject

    assert isinstance(subject, Latency)
    assert ("service", "mean", True) == (
        subject.clock,
        subject.statistic,
        math.isnan(subject.quantile),
    )


def test_a_list_keeps_order_and_source_texts():
    """Blanks around an objective are dropped, those inside are kept."""
    slos = parse_slos(" p99 < 250ms ,errors<1%,  ok_rate>95% ")

    assert ["p99 < 250ms", "errors<1%", "ok_rate>95%"] == [slo.source for slo in slos]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "SLO '^' at ^ (column 1): an objective is missing; write one such as p99<250ms"),
        (
            "errors<1%,p9x<1s",
            (
                "SLO 'errors<1%,^p9x<1s' at ^ (column 11): "
                "no metric or outcome is called 'p9x'; did you mean 'p99'?"
            ),
        ),
        (
            "errors<1%, action.gotoo.p99<1s",
            (
                "SLO 'errors<1%, action.^gotoo.p99<1s' at ^ (column 19): "
                "no action is called 'gotoo'; did you mean 'goto'?"
            ),
        ),
        (
            "cdp.conect.p99<1s",
            (
                "SLO 'cdp.^conect.p99<1s' at ^ (column 5): no DevTools domain is "
                "'conect'; write cdp.connect or cdp.Page.navigate"
            ),
        ),
        (
            "p99<1s, create_sesion.p99<2s",
            (
                "SLO 'p99<1s, ^create_sesion.p99<2s' at ^ (column 9): "
                "no operation is called 'create_sesion'; did you mean 'create_session'?"
            ),
        ),
        (
            "p99",
            "SLO 'p99^' at ^ (column 4): a comparison is missing; write < or > and a limit",
        ),
        (
            "p99<250",
            (
                "SLO 'p99<^250' at ^ (column 5): '250' is not a duration; "
                "write a number with a unit, such as 250ms, 30s or 1m30s"
            ),
        ),
        (
            "errors<1",
            (
                "SLO 'errors<^1' at ^ (column 8): '1' is not a share; "
                "write a percentage such as 1% or 0.1%"
            ),
        ),
        (
            "ok_rate>101%",
            (
                "SLO 'ok_rate>^101%' at ^ (column 9): '101%' is not a share; "
                "write a percentage such as 1% or 0.1%"
            ),
        ),
        (
            "throughput>9",
            "SLO 'throughput>^9' at ^ (column 12): '9' is not a rate; write one such as 100/s",
        ),
        (
            "p99>1s",
            "SLO 'p99^>1s' at ^ (column 4): a latency has an upper limit: write < or <=",
        ),
        (
            "p99.9999999999999<1s",
            (
                "SLO '^p99.9999999999999<1s' at ^ (column 1): p99.9999999999999 is not a "
                "percentile; between p0 and p100, or write max"
            ),
        ),
        (
            "p100<1s",
            (
                "SLO '^p100<1s' at ^ (column 1): p100 is not a percentile; "
                "between p0 and p100, or write max"
            ),
        ),
        (
            "service.errors<1%",
            (
                "SLO 'service.^errors<1%' at ^ (column 9): "
                "service needs a latency (p50, p99.9, max or mean), not 'errors'"
            ),
        ),
        (
            "service.get_run.p99<1s",
            (
                "SLO 'service.^get_run.p99<1s' at ^ (column 9): "
                "'get_run' is out of place; the order is operation.clock.metric"
            ),
        ),
        (
            "get_run<1s",
            "SLO 'get_run^<1s' at ^ (column 8): get_run needs a metric: get_run.p99",
        ),
        (
            "p99 p50<1s",
            (
                "SLO 'p99 ^p50<1s' at ^ (column 5): "
                "a name is expected here: p99, errors or create_session.p99"
            ),
        ),
        (
            "p99<1s,",
            (
                "SLO 'p99<1s,^' at ^ (column 8): "
                "an objective is missing; write one such as p99<250ms"
            ),
        ),
    ],
)
def test_a_mistake_is_shown_with_its_column(text, message):
    """The message is one line with a caret at the mistake and a suggestion."""
    with pytest.raises(SloError) as caught:
        parse_slos(text)

    assert message == str(caught.value)


@given(st.text(alphabet="p9.<>=%,/ serviogt_km\u00b5", max_size=25))
@settings(max_examples=300, deadline=None)
def test_no_text_breaks_the_reader(text):
    """Any text is either read or refused with a column inside of it or just after."""
    try:
        column, count = 1, len(parse_slos(text))
    except SloError as error:
        column, count = error.column, text.count(",") + 1

    assert 1 <= column <= len(text) + 1
    assert text.count(",") + 1 == count


@given(
    operation=st.sampled_from([None, *OPERATIONS]),
    outcome=st.sampled_from(OUTCOMES),
    percent=st.integers(1, 99),
    comparison=st.sampled_from(["<", "<=", ">", ">="]),
)
@settings(max_examples=100, deadline=None)
def test_every_outcome_is_a_share_of_every_operation(operation, outcome, percent, comparison):
    """Operation, outcome, comparison and percentage come back as written."""
    head = f"{operation}." if operation else ""
    source = f"{head}{outcome}{comparison}{percent}%"

    assert (Slo(source, operation, Share(outcome), comparison, percent / 100),) == parse_slos(
        source
    )
