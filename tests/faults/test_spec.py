"""The two forms of a fault, and their errors."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from harness.errors import UsageError
from harness.faults.kinds import FAULTS
from harness.faults.spec import KINDS, RESTART, Fault, parse_fault

S = 10**9
fault_from_table = TypeAdapter(Fault).validate_python


def has(spec, **settings):
    """Whether these settings have these values, and all others their defaults."""
    names = set(type(spec).model_fields) - {"kind"}
    default = fault_from_table({"kind": spec.kind})
    return all(getattr(spec, n) == settings.get(n, getattr(default, n)) for n in names)


def test_text_and_table_say_the_same():
    """The example of the plan, in both forms."""
    table = {"kind": "response-lost", "from": "20s", "for": "10s", "probability": 0.05}

    spec = parse_fault("response-lost:probability=0.05,from=20s,for=10s")

    assert spec == fault_from_table(table)
    assert "response-lost" == spec.kind
    assert has(spec, from_ns=20 * S, for_ns=10 * S, probability=0.05)


def test_a_kind_without_probability_is_always_injected():
    """No window, every request, the kind's own defaults."""
    assert has(parse_fault("latency"), latency_ns=S // 10, jitter_ns=0, probability=1.0)
    assert has(parse_fault(" slow "), rate_bytes_per_s=200, from_ns=0, for_ns=None)
    assert parse_fault("refuse").is_total
    assert not parse_fault("refuse:every=2").is_total


def test_a_latency_of_nothing_but_jitter_is_taken_at_its_word():
    """A default replaces a missing value, not a zero."""
    spec = parse_fault("latency:latency=0s,jitter=50ms")

    assert has(spec, latency_ns=0, jitter_ns=S // 20)
    assert spec == fault_from_table(spec.to_table())


def test_a_restart_says_when_and_for_how_long():
    """At 8 s, down for 500 ms; one second when it is not said."""
    spec = parse_fault("restart:at=8s,down=500ms")

    assert has(spec, from_ns=8 * S, for_ns=S // 2)
    assert spec == fault_from_table(spec.to_table())
    assert parse_fault("restart").for_ns == S


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("respose-lost", "unknown fault 'respose-lost'; did you mean 'response-lost'?"),
        ("", "unknown fault ''; known are latency, bandwidth"),
        ("latency:latncy=1s", "latncy is unknown; did you mean 'latency'?"),
        ("refuse:latency=1s", "latency is unknown; known are every, for, from, kind, per"),
        (
            "slow:rate_bytes_per_s=0",
            "rate_bytes_per_s: Input should be greater than or equal to 1",
        ),
        ("slow:rate_bytes_per_s=x", "rate_bytes_per_s: Input should be a valid integer"),
        ("refuse:probability=0", "probability: Input should be greater than 0"),
        ("refuse:probability=nan", "probability: Input should be a finite number"),
        ("refuse:probability=1.5", "probability: Input should be less than or equal to 1"),
        ("refuse:probability=0.5,every=2", "give either probability or every, not both"),
        ("refuse:from", "key=value"),
        ("refuse:from=5", "from: '5' is not a duration"),
        ("refuse:for=0s", "for: Input should be greater than 0"),
        ("refuse:from=1s,from=2s", "'from' is given twice"),
        ("refuse:every=2.5", "every: Input should be a valid integer"),
        ("latency:per=call", "per: Input should be 'request' or 'connection'"),
        ("latency:at=5s", "at is unknown; known are every, for, from"),
        ("restart:from=5s", "from is unknown; known are at, down, kind"),
        ("restart:down=0s", "down: Input should be greater than 0"),
        (
            "slow:for=1,every=0",
            "for: '1' is not a duration; write a number with a unit, such as 250ms, 30s or 1m30s; every: Input",
        ),
    ],
)
def test_a_mistake_is_one_clear_line(text, words):
    """All errors, each with the nearest known word."""
    with pytest.raises(UsageError) as caught:
        parse_fault(text)

    assert words in str(caught.value)
    assert str(caught.value).startswith(f"fault {text!r}: ")
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
        [],
        None,
    ],
)
def test_a_table_of_other_types_is_a_mistake(table):
    """Any TOML value is a fault or a one-line error."""
    with pytest.raises(ValidationError):
        fault_from_table(table)


def test_every_kind_has_its_class():
    """The names of the plan and the classes that act are the same set, but for restart."""
    assert set(KINDS) == {*FAULTS, RESTART}


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_a_table_is_read_back(data):
    """`Fault` reads back what ``to_table`` writes."""
    kind = data.draw(st.sampled_from(sorted(FAULTS)))
    table = {"kind": kind, "from": f"{data.draw(st.integers(0, 10**12))}ns"}
    if data.draw(st.booleans()):
        table["for"] = f"{data.draw(st.integers(1, 10**12))}ns"
    if data.draw(st.booleans()):
        table["every"] = data.draw(st.integers(1, 1000))
    if data.draw(st.booleans()):
        table["per"] = data.draw(st.sampled_from(["request", "connection"]))
    common = {"kind", "from", "for", "every", "probability", "per"}
    names = {field.alias or name for name, field in KINDS[kind].model_fields.items()}
    for name in sorted(names - common):
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
