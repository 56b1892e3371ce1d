"""The two forms of a fault, and the errors that a slip in them makes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.faults.kinds import FAULTS
from harness.faults.spec import KINDS, RESTART, FaultSpec, fault_from_table, parse_fault

S = 10**9


def test_text_and_table_say_the_same():
    """The example of the plan, in both forms."""
    expected = FaultSpec("response-lost", from_ns=20 * S, for_ns=10 * S, probability=0.05)
    table = {"kind": "response-lost", "from": "20s", "for": "10s", "probability": 0.05}

    assert expected == parse_fault("response-lost:probability=0.05,from=20s,for=10s")
    assert expected == fault_from_table(table)


def test_a_kind_alone_always_strikes():
    """No window, every request, the kind's own defaults."""
    assert FaultSpec("latency", latency_ns=S // 10) == parse_fault("latency")
    assert FaultSpec("slow", rate_bytes_per_s=200) == parse_fault(" slow ")
    assert parse_fault("refuse").is_total
    assert not parse_fault("refuse:every=2").is_total


def test_a_latency_of_nothing_but_jitter_is_taken_at_its_word():
    """A default stands in for what was not said, not for a zero."""
    spec = parse_fault("latency:latency=0s,jitter=50ms")

    assert FaultSpec("latency", jitter_ns=S // 20) == spec
    assert spec == fault_from_table(spec.to_table())


def test_a_restart_says_when_and_for_how_long():
    """At 8 s, down for 500 ms; one second when it is not said."""
    spec = parse_fault("restart:at=8s,down=500ms")

    assert FaultSpec("restart", from_ns=8 * S, for_ns=S // 2) == spec
    assert spec == fault_from_table(spec.to_table())
    assert parse_fault("restart").for_ns == S


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("respose-lost", "did you mean 'response-lost'"),
        ("", "unknown fault ''"),
        ("latency:latncy=1s", "did you mean 'latency'"),
        ("refuse:latency=1s", "'refuse' takes no 'latency'; only latency does"),
        ("slow:rate_bytes_per_s=0", "whole number of at least 1"),
        ("slow:rate_bytes_per_s=x", "rate_bytes_per_s = 'x'"),
        ("refuse:probability=0", "above 0 and at most 1"),
        ("refuse:probability=nan", "above 0 and at most 1"),
        ("refuse:probability=1.5", "above 0 and at most 1"),
        ("refuse:probability=0.5,every=2", "either probability or every"),
        ("refuse:from", "not of the form key=value"),
        ("refuse:from=5", "is no duration"),
        ("refuse:for=0s", "longer than nothing"),
        ("refuse:from=1s,from=2s", "'from' is given twice"),
        ("refuse:every=2.5", "every = '2.5'"),
        ("latency:per=call", "write request or connection"),
        ("latency:at=5s", "'latency' takes no 'at'; only restart does"),
        ("restart:from=5s", "'restart' has no 'from'; it takes at, down"),
        ("restart:down=0s", "longer than nothing"),
    ],
)
def test_a_slip_is_one_clear_line(text, words):
    """What is wrong, and the nearest known word."""
    with pytest.raises(UsageError) as caught:
        parse_fault(text)

    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "table",
    [
        {"kind": "refuse", "from": 5},
        {"kind": "refuse", "every": True},
        {"kind": "refuse", "every": 1.5},
        {"kind": "refuse", "probability": True},
        {"kind": "refuse", "probability": None},
        {"kind": ["refuse"]},
        {},
    ],
)
def test_a_table_of_other_types_is_a_usage_error(table):
    """Whatever TOML can hold there, the operator gets a line, not a traceback."""
    with pytest.raises(UsageError):
        fault_from_table(table)


def test_every_kind_has_its_class():
    """The names of the plan and the classes that act are the same set, but for restart."""
    assert set(KINDS) == {*FAULTS, RESTART}


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_a_table_is_read_back(data):
    """``to_table`` and ``fault_from_table`` are each other's reverse."""
    kind = data.draw(st.sampled_from(sorted(FAULTS)))
    table = {"kind": kind, "from": f"{data.draw(st.integers(0, 10**12))}ns"}
    if data.draw(st.booleans()):
        table["for"] = f"{data.draw(st.integers(1, 10**12))}ns"
    if data.draw(st.booleans()):
        table["every"] = data.draw(st.integers(1, 1000))
    if data.draw(st.booleans()):
        table["per"] = data.draw(st.sampled_from(["request", "connection"]))
    for name in KINDS[kind]:
        number = data.draw(st.integers(1, 10**9))
        table[name] = number if name == "rate_bytes_per_s" else f"{number}ns"
    spec = fault_from_table(table)

    assert spec == fault_from_table(spec.to_table())


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=60))
def test_any_text_is_a_spec_or_a_usage_error(text):
    """Nothing else comes out of the parser."""
    try:
        spec = parse_fault(text)
    except UsageError:
        return

    assert spec.kind in KINDS
