"""Names to addresses: asked once, and not kept for ever."""

from __future__ import annotations

from harness.clock import unix_ns
from harness.wire.fast import dns as resolving
from harness.wire.fast.dns import evict, resolve


def test_names_of_untrusted_hosts_do_not_pile_up(monkeypatch):
    """A target that gives each session a host of its own fills no memory with their names."""
    monkeypatch.setattr(resolving, "_cache", {})
    monkeypatch.setattr(resolving, "_CACHE_MAX", 10)
    for number in range(25):
        assert resolve(f"127.0.1.{number}", 80, unix_ns() + 10**9)
    assert 0 < len(resolving._cache) <= 10
    evict("127.0.1.24", 80)
    assert ("127.0.1.24", 80) not in resolving._cache


def test_a_name_is_looked_up_once_a_minute(monkeypatch):
    """The second to ask gets what the first was told."""
    monkeypatch.setattr(resolving, "_cache", {})
    first = resolve("localhost", 80, unix_ns() + 10**9)
    assert first is resolve("localhost", 80, unix_ns())
