"""Settings: texts into laws, and one clear line for what is wrong."""

from __future__ import annotations

import random
import statistics

import msgspec
import pytest

from harness.standin.config import Lies, StandinConfig, failures_of
from harness.standin.distributions import parse_distribution
from harness.standin.options import parse_failures, parse_latencies, parse_lies
from harness.standin.settings import Settings

MS = 1_000_000


def test_a_bare_duration_is_constant():
    """5ms is always 5 ms, and 0 is nothing."""
    rng = random.Random(1)
    assert [5 * MS, 5 * MS, 0] == [
        parse_distribution(t)(rng) for t in ("5ms", " constant(5ms) ", "0")
    ]


@pytest.mark.parametrize(
    ("text", "median_ms", "p90_ms"),
    [
        ("uniform(5ms,20ms)", 12.5, 18.5),
        ("exponential(10ms)", 6.93, 23.03),
        ("lognormal(20ms,0.5)", 20.0, 37.96),
    ],
)
def test_a_law_has_the_quantiles_of_its_textbook(text, median_ms, p90_ms):
    """Median and p90 of 40,000 draws lie within 3 % of the law's."""
    distribution, rng = parse_distribution(text), random.Random(7)
    draws = sorted(distribution(rng) / MS for _ in range(40_000))
    assert pytest.approx(median_ms, rel=0.03) == statistics.median(draws)
    assert pytest.approx(p90_ms, rel=0.03) == draws[36_000]


@pytest.mark.parametrize("text", ["exponential(270000h)", "lognormal(270000h,10)"])
def test_no_draw_is_longer_than_an_instant_can_say(text):
    """31 years at most, so that what ends then is still a number of 63 bits."""
    distribution, rng = parse_distribution(text), random.Random(7)
    assert 10**18 == max(distribution(rng) for _ in range(200))


@pytest.mark.parametrize(
    "text",
    ["", "5", "5 parsecs", "normal(5ms,1ms)", "uniform(5ms)", "uniform(9ms,5ms)",
     "lognormal(20ms,wide)", "lognormal(20ms,-1)", "lognormal(20ms,nan)", "uniform(5ms,20ms"],
)  # fmt: skip
def test_what_is_no_law_is_refused_in_one_line(text):
    """The message quotes the text."""
    with pytest.raises(ValueError, match=r"\S") as caught:
        parse_distribution(text)
    assert (True, 1) == (repr(text) in str(caught.value), len(str(caught.value).splitlines()))


def test_latencies_name_their_operation_or_every_one():
    """The part before the equals sign is the operation."""
    expected = {"*": "5ms", "create_session": "lognormal(80ms,0.4)"}
    assert expected == parse_latencies(["5ms", "create_session=lognormal(80ms,0.4)"])


def test_failures_are_read_with_and_without_an_operation():
    """OPERATION:CODE replaces CODE, and health fails only by name."""
    fail = parse_failures(
        ["CLOUD_TIMEOUT=0.1", "get_run:CLOUD_TIMEOUT=0", "health:CLOUD_TIMEOUT=1"]
    )
    assert [("CLOUD_TIMEOUT", 0.1)] == failures_of("queue_run", fail)
    assert [] == failures_of("get_run", fail)
    assert [("CLOUD_TIMEOUT", 1.0)] == failures_of("health", fail)
    assert [] == failures_of("health", {"CLOUD_TIMEOUT": 1.0})


def test_lies_are_read_by_the_names_people_write():
    """Bare is always; a number is a probability or, for keys, seconds."""
    expected = Lies(leaks_slot=1.0, executes_twice=0.5, forgets_keys_after_s=2.0)
    assert expected == parse_lies(["leaks-slot", "executes-twice=0.5", "forgets-keys-after=2"])


@pytest.mark.parametrize(
    ("parse", "text", "part"),
    [
        (parse_latencies, "create_sesion=5ms", "did you mean 'create_session'?"),
        (parse_failures, "CLOUD_TIMEOUT", "write CODE=P"),
        (parse_failures, "CLOUD_TIMEOUT=often", "'often' is not a number"),
        (parse_failures, "CLOUD_TIMEOUT=1.5", "from 0 to 1"),
        (parse_failures, "CLOUD_TIMEOUT=nan", "from 0 to 1"),
        (parse_failures, "CLOUD_TIME=0.5", "not an error code"),
        (parse_failures, "sleep:CLOUD_TIMEOUT=0.5", "not an operation"),
        (parse_lies, "leaks-slots", "did you mean 'leaks-slot'?"),
    ],
)
def test_a_wrong_option_says_what_would_be_right(parse, text, part):
    """Each message leads on."""
    with pytest.raises(ValueError, match=r"\S") as caught:
        parse([text])
    assert part in str(caught.value)


def test_failures_cannot_add_up_to_more_than_certainty():
    """Two codes of 0.6 leave one request two fates."""
    with pytest.raises(ValueError, match=r"add up to 1\.2"):
        StandinConfig(fail={"CLOUD_TIMEOUT": 0.6, "CLOUD_INTERNAL_ERROR": 0.6})


@pytest.mark.parametrize(
    "setting",
    [{"rate": 0}, {"burst": 0}, {"port": 70_000}, {"run_failed": 0.7, "run_canceled": 0.7},
     {"stall_s": 2, "stall_period_s": 1}, {"latency": {"sleep": "5ms"}}, {"service": "soon"},
     {"latency": {"*": "soon"}}, {"launch_s": float("nan")}, {"rate": float("inf")},
     {"session_lifetime_s": 1e300}, {"rate": 1e10}, {"workers": 10**9}, {"run_log_lines": 1},
     {"webhook_tries": 0}, {"request_timeout_s": 0}, {"latency": {"*": "9999999h"}}],
)  # fmt: skip
def test_a_setting_out_of_range_is_refused(setting):
    """When the record is made, not when it first hurts."""
    with pytest.raises(ValueError, match=r"\S"):
        StandinConfig(**setting)


def test_settings_travel_as_json():
    """What a process reads is what another wrote."""
    config = StandinConfig(api_keys=("a",), latency={"*": "5ms"}, lies=Lies(leaks_slot=0.5))
    assert config == msgspec.json.decode(msgspec.json.encode(config), type=StandinConfig)


def test_an_unknown_setting_is_refused():
    """A mistyped name is an error."""
    with pytest.raises(ValueError, match="burts"):
        msgspec.json.decode(b'{"burts": 5}', type=StandinConfig)


def test_changes_merge_lies_and_respect_what_is_fixed():
    """One lie more keeps the others; the port stays."""
    config = StandinConfig(lies=Lies(leaks_slot=1)).changed({"lies": {"older_wins": 1}})
    assert Lies(leaks_slot=1, older_wins=1) == config.lies
    with pytest.raises(ValueError, match="'port' is fixed"):
        config.changed({"port": 1})


def test_failures_are_drawn_with_their_probability():
    """Of 20,000 requests 10 % and 30 % fail, within four standard errors."""
    config = StandinConfig(fail={"CLOUD_TIMEOUT": 0.1, "CLOUD_INTERNAL_ERROR": 0.3})
    settings, rng = Settings(config), random.Random(3)
    drawn = [settings.draw_failure("get_run", rng) for _ in range(20_000)]
    assert pytest.approx(2_000, abs=170) == drawn.count("CLOUD_TIMEOUT")
    assert pytest.approx(6_000, abs=260) == drawn.count("CLOUD_INTERNAL_ERROR")
