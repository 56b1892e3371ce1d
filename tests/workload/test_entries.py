"""Selector-cache entries: valid, distinct, the same for the same number."""

from __future__ import annotations

import json
import re
from datetime import datetime
from hashlib import sha256
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.workload.entries import TEMPLATES, EntryPool
from harness.workload.fake_names import ORIGINS, SDK_METHODS

NUMBERS = st.integers(0, 10**12)
STYLES = [("seed", None), ("sdk", None), ("seed", "epoch_ms"), ("sdk", "iso")]


def key(entry):
    """What makes a selector-cache entry the same entry."""
    return tuple(entry[f] for f in ("namespace", "siteOrigin", "method", "descriptionHash"))


def read(pool, number, version=0):
    """One entry, read from a batch of it alone."""
    (entry,) = json.loads(pool.batch([(number, version)]))["entries"]
    return entry


@pytest.mark.parametrize(("style", "times"), STYLES)
def test_entries_keep_the_contract(style, times):
    """Every template: fields, hash, method, origin, times, and a path of some size."""
    pool = EntryPool(5, style=style, times=times)
    iso = (times or ("iso" if style == "seed" else "epoch_ms")) == "iso"
    for n in range(TEMPLATES):
        entry = read(pool, n, 1)
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
    assert TEMPLATES == len({read(pool, n)["namespace"] for n in range(TEMPLATES)})


def test_both_forms_of_time_mean_the_same():
    """Version 0 of every entry is of 1 November 2025; a version is a minute."""
    iso = read(EntryPool(5), 3, 2)["updatedAt"]
    ms = read(EntryPool(5, times="epoch_ms"), 3, 2)["updatedAt"]
    assert ("2025-11-01T00:02:00Z", 1_761_955_320_000) == (iso, ms)
    assert ms == datetime.fromisoformat(iso).timestamp() * 1000


def test_the_hash_is_of_a_description():
    """The first 16 hex digits of its SHA-256, as the SDK makes it."""
    pool = EntryPool(5)
    _, description, _, _ = pool._templates[17]
    expected = sha256(description % 17).hexdigest()[:16]
    assert expected == read(pool, 17)["descriptionHash"]
    assert b"/17" == (description % 17)[-3:]


@pytest.mark.parametrize("times", ["iso", "epoch_ms"])
def test_versions_order_the_same_entry(times):
    """A version changes updatedAt only, up with it and down below zero."""
    pool = EntryPool(9, times=times)
    entries = [read(pool, 4, version) for version in range(-3, 5)]
    assert 1 == len({key(entry) for entry in entries})
    for older, newer in pairwise(entries):
        assert older["updatedAt"] < newer["updatedAt"]
        assert older | {"updatedAt": 0} == newer | {"updatedAt": 0}


@given(st.sets(NUMBERS, min_size=2, max_size=50), st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_distinct_numbers_are_distinct_entries(numbers, seed):
    """However far apart, and the same again from another pool of the seed."""
    pool, again = POOLS.setdefault(seed % 3, (EntryPool(seed % 3), EntryPool(seed % 3)))
    keys = {key(read(pool, n)) for n in numbers}
    assert len(numbers) == len(keys)
    assert [read(pool, n, 1) for n in numbers] == [read(again, n, 1) for n in numbers]


POOLS = {}


def test_pools_of_two_seeds_share_no_key():
    """So that trials with different seeds do not meet in the target's cache."""
    keys = [{key(read(EntryPool(s), n)) for n in range(50)} for s in (1, 2)]
    assert not keys[0] & keys[1]


@given(st.lists(st.tuples(NUMBERS, st.integers(-5, 5)), max_size=20))
@settings(max_examples=60, deadline=None)
def test_a_batch_is_its_entries(pairs):
    """In order, repeats included."""
    entries = json.loads(POOL.batch(pairs))["entries"]
    assert [read(POOL, n, version) for n, version in pairs] == entries


POOL = EntryPool(11)


def test_memory_does_not_grow_with_versions():
    """Written times are kept up to a bound."""
    pool = EntryPool(1)
    for version in range(10_000):
        pool.batch([(0, version)])
    assert len(pool._times) <= 4096
