"""Invented names: hundreds, distinct, and none of a real site."""

from __future__ import annotations

import re

from harness.workload.fake_names import NAMESPACES, ORIGINS, SDK_METHODS, SLUGS, mix64


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
