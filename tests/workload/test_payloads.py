"""Payloads: the same for the same number, another for another."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.contract.versions import CONTRACT_VERSION
from harness.workload.entries import EntryPool
from harness.workload.fake_names import SLUGS
from harness.workload.payloads import Webhook, digest16, mutate_body, run_body, session_body

SEEDS = st.integers(0, 2**64)


NUMBERS = st.integers(0, 10**12)


def test_the_version_is_v3():
    """The documentation's only one."""
    assert "v3" == CONTRACT_VERSION


def test_bytes_are_the_same_on_every_machine():
    """Known bytes: who changes them changes every recorded trial's replay."""
    assert (
        b'{"cloudSessionContractVersion":"v3","sourceType":"local-cloud",'
        b'"clientSessionHint":"umbrella-checkout-c8e98c",'
        b'"localRunId":"run-9-c8e98cd697316060","name":"umbrella-checkout 9"}' == session_body(3, 9)
    )
    assert ("audit-prices", "185418b2f11f9c0b") == (
        run_body(3, 9)[0],
        digest16(run_body(3, 9)[1]),
    )
    assert "6db459c4f3e6f317" == digest16(EntryPool(7).batch((n, n % 3) for n in range(1000)))
    assert "fb3e9fc3cfdf7145" == digest16(
        EntryPool(7, style="sdk").batch((n, 0) for n in range(1000))
    )


@given(SEEDS, NUMBERS)
@settings(max_examples=100, deadline=None)
def test_a_session_body_keeps_the_contract(seed, number):
    """The four required fields, and no unknown one."""
    body = json.loads(session_body(seed, number))
    assert session_body(seed, number) == session_body(seed, number)
    assert ("v3", "local-cloud") == (body["cloudSessionContractVersion"], body["sourceType"])
    assert body["clientSessionHint"]
    assert body["localRunId"]
    assert not body.keys() - {
        "cloudSessionContractVersion", "sourceType", "clientSessionHint", "localRunId", "name",
        "model",
    }  # fmt: skip


def test_another_contract_version_can_be_asked_for():
    """To see it refused."""
    body = json.loads(session_body(1, 1, contract_version="v2"))
    assert "v2" == body["cloudSessionContractVersion"]


@given(SEEDS, NUMBERS)
@settings(max_examples=100, deadline=None)
def test_a_run_body_keeps_the_contract(seed, number):
    """Input, and a webhook only where one was given."""
    slug, body = run_body(seed, number)
    assert slug in SLUGS
    assert {"input"} == json.loads(body).keys()
    hook = {"url": "http://127.0.0.1:9/", "secret": "whsec_x", "events": ["run.failed"]}
    assert hook == json.loads(run_body(seed, number, hook)[1])["webhook"]
    typed = Webhook(hook["url"], hook["secret"], ("run.failed",))
    assert run_body(seed, number, hook) == run_body(seed, number, typed)
    assert "whsec" not in repr(typed)


def test_distinct_numbers_and_seeds_give_distinct_bodies():
    """20,000 of each, no two alike."""
    for make in (session_body, run_body):
        bodies = {make(seed, n) for seed in (0, 1) for n in range(10_000)}
        assert 20_000 == len(bodies)
    runs = {json.loads(session_body(1, n))["localRunId"] for n in range(10_000)}
    assert 10_000 == len(runs)


POOL = EntryPool(11)


def test_digest_is_of_sha256():
    """Of the empty body: the best known digest there is."""
    assert "e3b0c44298fc1c14" == digest16(b"")


@pytest.mark.parametrize(
    ("body", "expected"),
    [(b'{"entries":[{"path":{"a":1}},{"path":2}]}',
      {"entries": [{"path": {"a": 1, "altered": 1}}, {"path": 2}]}),
     (b'{"input":[1]}', {"input": {"altered": 1, "was": [1]}}),
     (b'{"input":{"a":1},"webhook":{}}', {"input": {"a": 1, "altered": 1}, "webhook": {}}),
     (b'{"localRunId":"r"}', {"localRunId": "r-altered"}),
     (b"{}", {"altered": 1}),
     (b'{"entries":[]}', {"entries": [], "altered": 1})],
)  # fmt: skip
def test_an_altered_body_asks_for_something_else(body, expected):
    """Not for the same in other bytes."""
    assert expected == json.loads(mutate_body(body))


@given(SEEDS, NUMBERS)
@settings(max_examples=50, deadline=None)
def test_altering_never_gives_back_a_body(seed, number):
    """Neither once nor twice."""
    for body in (session_body(seed, number), run_body(seed, number)[1], POOL.batch([(1, 1)])):
        once = mutate_body(body)
        assert 3 == len({digest16(body), digest16(once), digest16(mutate_body(once))})
        assert once == mutate_body(body)


def test_only_an_object_can_be_altered():
    """Anything else is no body of ours."""
    with pytest.raises(ValueError, match="not a JSON object"):
        mutate_body(b"[]")
