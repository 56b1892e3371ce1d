"""
Selector-cache entries: unlimited, distinct, and cheap to make for a load generator.

An entry's key is (namespace, siteOrigin, method, descriptionHash). Its number picks one of a
few hundred templates, which are encoded once. Only the hash and ``updatedAt`` differ per entry.
The hash is what the SDK sends: the first 16 hex digits of the SHA-256 of the element's
description. The description holds seed and number, so numbers give distinct keys as far as 64
bits of SHA-256 are distinct (among a billion entries, two share a hash with probability 3 %).

A *version* is how often an entry was learnt again: each raises ``updatedAt`` by one minute.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Literal

import msgspec

from harness.workload.fake_names import ELEMENTS, NAMESPACES, ORIGINS, SDK_METHODS, mix64

Style = Literal["seed", "sdk"]
Times = Literal["iso", "epoch_ms"]

TEMPLATES = len(NAMESPACES)
VERSION_STEP_MS = 60_000

_UPDATED_MS = 1_761_955_200_000  # 2025-11-01T00:00:00Z: version 0 of every entry
_CREATED_DAYS = 30  # templates were created in the days before
_DAY_MS = 86_400_000
_VERSIONS_KEPT = 4096
_HASH = "0" * 16  # stands for the hash while a template is encoded
_TIME = "\x00"  # stands for updatedAt; its escape occurs nowhere else
_encode = msgspec.json.Encoder().encode


class EntryPool:
    """The entries of one seed."""

    def __init__(self, seed: int, *, style: Style = "seed", times: Times | None = None) -> None:
        """
        Encode the templates.

        Args:
            style: ``seed`` for entries as the public documentation shows them, ``sdk`` as the
                SDK sends them, with its path's structure.
            times: None for the style's own: ISO-8601 in the documentation, integers from the SDK.
        """
        self._iso = (times or ("iso" if style == "seed" else "epoch_ms")) == "iso"
        self._templates = [self._template(seed, t, style) for t in range(TEMPLATES)]
        self._times: dict[int, bytes] = {}

    def batch(self, entries: Iterable[tuple[int, int]]) -> bytes:
        """
        Body of import_selector_cache with these (number, version) in this order.

        Raises OverflowError for a version whose time is outside years 1 to 9999.
        """
        templates, times = self._templates, self._times
        parts = [b'{"entries":[']
        for number, version in entries:
            head, description, middle, tail = templates[number % TEMPLATES]
            time = times.get(version) or self._time(version)
            hash16 = sha256(description % number).hexdigest()[:16].encode()
            parts += (head, hash16, middle, time, tail, b",")
        parts[-1 if len(parts) > 1 else 1 :] = [b"]}"]
        return b"".join(parts)

    def _time(self, version: int) -> bytes:
        if len(self._times) >= _VERSIONS_KEPT:
            self._times.clear()
        time = self._times[version] = _encode(
            _write_time(_UPDATED_MS + version * VERSION_STEP_MS, iso=self._iso)
        )
        return time

    def _template(self, seed: int, t: int, style: Style) -> tuple[bytes, bytes, bytes, bytes]:
        """(up to the hash, description to be completed, up to updatedAt, the rest)."""
        mixed = mix64(seed, t)
        tag, label = ELEMENTS[mixed % len(ELEMENTS)]
        origin = ORIGINS[(mixed >> 8) % len(ORIGINS)]
        created_ms = _UPDATED_MS - (1 + (mixed >> 16) % _CREATED_DAYS) * _DAY_MS
        fields: dict[str, Any] = {
            "namespace": NAMESPACES[(t + seed) % TEMPLATES],
            "siteOrigin": origin,
            "method": SDK_METHODS[(mixed >> 24) % len(SDK_METHODS)],
            "descriptionHash": _HASH,
            "path": (_seed_path if style == "seed" else _sdk_path)(mixed, tag, label),
            "createdAt": _write_time(created_ms, iso=self._iso),
            "updatedAt": _TIME,
        }
        if style == "sdk" and fields["method"] == "extract":
            fields["schemaHash"] = f"{mixed:016x}"
        before, _, after = _encode(fields).partition(_HASH.encode())
        middle, _, tail = after.partition(_encode(_TIME))
        description = f"the {label} ({tag}) on {origin}, {seed}/".replace("%", "%%") + "%d"
        return before, description.encode(), middle, tail


def _write_time(unix_ms: int, *, iso: bool) -> str | int:
    if not iso:
        return unix_ms
    return f"{datetime.fromtimestamp(unix_ms // 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _chain(mixed: int, tag: str) -> list[tuple[str, str, int]]:
    """The element's ancestors and itself, outermost first: (tag, class, nth-child)."""
    outer = ("main", "section", "div", "form", "ul", "article", "table", "tbody", "tr")
    depth = 4 + mixed % 4
    chain = []
    for level in range(depth):
        bits = mixed >> (5 * level) & 0xFF
        chain.append((outer[bits % len(outer)], f"c-{bits:02x}{level}", 1 + bits % 7))
    return [*chain, (tag, f"c-{mixed & 0xFFFF:04x}", 1 + mixed % 5)]


def _seed_path(mixed: int, tag: str, label: str) -> dict[str, Any]:
    """``{selector, confidence}`` as in the documentation, with the nesting of a real page."""
    chain = _chain(mixed, tag)
    css = " > ".join(f"{t}.{name}:nth-child({nth})" for t, name, nth in chain)
    return {
        "selector": css,
        "confidence": (50 + mixed % 51) / 100,
        "text": label,
        "ancestors": [{"tag": t, "class": name, "index": nth} for t, name, nth in chain[:-1]],
        "fallbacks": [
            {"kind": "aria", "query": {"role": tag, "name": label}},
            {"kind": "xpath", "query": "/" + "/".join(f"{t}[{nth}]" for t, _, nth in chain)},
        ],
        "frame": None if mixed & 1 else {"index": mixed % 3, "selector": "iframe.content"},
    }


def _sdk_path(mixed: int, tag: str, label: str) -> dict[str, Any]:
    """A path of nodes with attributes, positions and match conditions."""
    nodes = [
        {
            "tag": t,
            "attrs": {"class": name, "data-testid": label.replace(" ", "-")},
            "position": {"nthChild": nth, "nthOfType": 1 + nth % 3},
            "match": [
                {"kind": "attr", "key": "class", "op": "exact", "value": name},
                {"kind": "position", "axis": "nthOfType"},
            ],
        }
        for t, name, nth in _chain(mixed, tag)[-4:]
    ]
    return {"context": [{"kind": "iframe"}] if mixed & 1 else [], "nodes": nodes}
