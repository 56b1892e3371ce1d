"""Which target each transport can serve."""

from __future__ import annotations

import pytest

from harness.errors import UsageError
from harness.wire import Target, connect


@pytest.mark.parametrize("options", [{"proxy": "http://127.0.0.1:1"}, {"http2": True}])
def test_fast_says_what_it_cannot_do(options):
    """What only httpx can do is refused by name, not ignored."""
    with pytest.raises(UsageError, match="httpx"):
        connect(Target("http://localhost", **options), "fast")


def test_a_way_through_another_address_and_a_proxy_exclude_each_other():
    """Faults are made between harness and target; a proxy would be in between them."""
    target = Target("http://h", proxy="http://127.0.0.1:1", via=("127.0.0.1", 2))
    with pytest.raises(UsageError, match=r"--fault .* --proxy"):
        connect(target, "httpx")
