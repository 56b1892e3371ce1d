"""The desk speaks over the wire that it was told to."""

from __future__ import annotations

import pytest

from harness.conformance.desk import Desk
from harness.wire import Target
from harness.wire.fast import FastTransport
from harness.wire.httpx_ import HttpxTransport


@pytest.mark.parametrize(
    ("asked", "kind", "made"),
    [
        ({}, None, FastTransport),
        ({}, "httpx", HttpxTransport),
        ({"proxy": "http://127.0.0.1:9"}, None, HttpxTransport),
    ],
)
def test_the_wire_is_the_one_asked_for(asked, kind, made):
    """`--transport httpx`, or what only httpx can do."""
    desk = Desk(Target("http://127.0.0.1:9", **asked), kind=kind)
    transport = desk.strangers(None)
    try:
        assert isinstance(transport, made)
    finally:
        transport.close()
        desk.close()
