"""Payloads: the same for the same number, another for another."""

from __future__ import annotations

import json
import re
from datetime import datetime
from hashlib import sha256
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.contract.versions import CONTRACT_VERSION
from harness.workload.entries import TEMPLATES, EntryPool
from harness.workload.fake_names import NAMESPACES, ORIGINS, SDK_METHODS, SLUGS, mix64
from harness.workload.payloads import Webhook, digest16, mutate_body, run_body, session_body

SEEDS = st.integers(0, 2**64)
NUMBERS = st.integers(0, 10**12)
STYLES = [("seed", None), ("sdk", None), ("seed", "epoch_ms"), ("sdk", "iso")]


def key(entry):
    """What makes a selector-cache entry the same entry."""
    return tuple(entry[f] for f in ("namespace", "siteOrigin", "method", "descriptionHash"))


def test_the_version_is_v3():
    """The documentation's only one."""
    assert "v3" == CONTRACT_VERSION


def test_the_vocabulary_has_hundreds_of_names():
    """All distinct, and none of a real site."""
    for names, least in ((NAMESPACES, 384), (ORIGINS, 192), (SLUGS, 192)):
        assert least == len(set(names)) == len(names)
    assert all(re.fullmatch(r"https://[a-z-]+\.[a-z-]+\.example", o) for o in ORIGINS)
    assert all(re.fullmatch(r"[a-z-]+", slug) for slug in SLUGS)


def test_the_methods_are_those_the_sdk_caches():
    """Ten of them."""
    assert {
        "click", "hover", "input", "select", "scroll", "getElementText", "getElementValue",
        "getElementAttributes", "getElementBoundingBox", "extract",
    } == set(SDK_METHODS)  # fmt: skip


def test_scatter_is_splitmix64():
    """Its published first outputs for seed 0 (Vigna, splitmix64.c)."""
    assert 0xE220A8397B1DCDAF == mix64(0, 0)


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


@pytest.mark.parametrize(("style", "times"), STYLES)
def test_entries_keep_the_contract(style, times):
    """Every template: fields, hash, method, origin, times, and a path of some size."""
    pool = EntryPool(5, style=style, times=times)
    iso = (times or ("iso" if style == "seed" else "epoch_ms")) == "iso"
    for n in range(TEMPLATES):
        raw = pool.entry(n, 1)
        entry = json.loads(raw)
        assert entry.keys() - {"schemaHash"} == {
            "namespace", "siteOrigin", "method", "descriptionHash", "path", "createdAt",
            "updatedAt",
        }  # fmt: skip
        assert re.fullmatch("[0-9a-f]{16}", entry["descriptionHash"])
        assert entry["method"] in SDK_METHODS
        assert entry["siteOrigin"] in ORIGINS
        assert isinstance(entry["createdAt"], str if iso else int)
        assert entry["createdAt"] < entry["updatedAt"]
        assert 300 < len(json.dumps(entry["path"])) < 1500
        assert ("schemaHash" in entry) == (style == "sdk" and entry["method"] == "extract")
    assert TEMPLATES == len({json.loads(pool.entry(n))["namespace"] for n in range(TEMPLATES)})


def test_both_forms_of_time_mean_the_same():
    """Version 0 of every entry is of 1 November 2025; a version is a minute."""
    iso = json.loads(EntryPool(5).entry(3, 2))["updatedAt"]
    ms = json.loads(EntryPool(5, times="epoch_ms").entry(3, 2))["updatedAt"]
    assert ("2025-11-01T00:02:00Z", 1_761_955_320_000) == (iso, ms)
    assert ms == datetime.fromisoformat(iso).timestamp() * 1000


def test_the_hash_is_of_a_description():
    """The first 16 hex digits of its SHA-256, as the SDK makes it."""
    pool = EntryPool(5)
    _, description, _, _ = pool._templates[17]
    expected = sha256(description % 17).hexdigest()[:16]
    assert expected == json.loads(pool.entry(17))["descriptionHash"]
    assert b"/17" == (description % 17)[-3:]


@pytest.mark.parametrize("times", ["iso", "epoch_ms"])
def test_versions_order_the_same_entry(times):
    """A version changes updatedAt only, up with it and down below zero."""
    pool = EntryPool(9, times=times)
    entries = [json.loads(pool.entry(4, version)) for version in range(-3, 5)]
    assert 1 == len({key(entry) for entry in entries})
    for older, newer in pairwise(entries):
        assert older["updatedAt"] < newer["updatedAt"]
        assert older | {"updatedAt": 0} == newer | {"updatedAt": 0}


@given(st.sets(NUMBERS, min_size=2, max_size=50), st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_distinct_numbers_are_distinct_entries(numbers, seed):
    """However far apart, and the same again from another pool of the seed."""
    pool, again = POOLS.setdefault(seed % 3, (EntryPool(seed % 3), EntryPool(seed % 3)))
    keys = {key(json.loads(pool.entry(n))) for n in numbers}
    assert len(numbers) == len(keys)
    assert [pool.entry(n, 1) for n in numbers] == [again.entry(n, 1) for n in numbers]


POOLS = {}


def test_pools_of_two_seeds_share_no_key():
    """So that trials with different seeds do not meet in the target's cache."""
    keys = [{key(json.loads(EntryPool(s).entry(n))) for n in range(50)} for s in (1, 2)]
    assert not keys[0] & keys[1]


@given(st.lists(st.tuples(NUMBERS, st.integers(-5, 5)), max_size=20))
@settings(max_examples=60, deadline=None)
def test_a_batch_is_its_entries(pairs):
    """In order, repeats included."""
    entries = json.loads(POOL.batch(pairs))["entries"]
    assert [json.loads(POOL.entry(n, version)) for n, version in pairs] == entries


POOL = EntryPool(11)


def test_memory_does_not_grow_with_versions():
    """Written times are kept up to a bound."""
    pool = EntryPool(1)
    for version in range(10_000):
        pool.entry(0, version)
    assert len(pool._times) <= 4096


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
