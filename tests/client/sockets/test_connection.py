"""A line's calls: waits, as of any other call."""

from __future__ import annotations

import time
from random import Random

from harness.client.call import ClientContext, RetryingCaller
from harness.client.recorder import Recorder
from harness.client.retries import RetryBudget, RetryPolicy
from harness.client.sockets.connection import Endpoint, SocketConnection
from harness.clock import unix_ns
from harness.contract.sockets import ACTION_CONNECT, read_action_frame
from harness.wire import Response

LIMITED = b'{"error":"slow down","code":"CLOUD_RATE_LIMITED"}'


class Refusing:
    """A dialer that is refused with 429 once, and let in then."""

    def __init__(self):
        self.dialled_ns = []

    def dial(self, _url, _token, _deadline_ns):
        """Try."""
        now_ns = unix_ns()
        self.dialled_ns.append(now_ns)
        status, body, wait = (101, b"", None) if len(self.dialled_ns) > 1 else (429, LIMITED, "1")
        return Response(status, body, wait, None, now_ns, now_ns, 10, 10), None


def test_a_retry_after_of_an_upgrade_is_never_undercut():
    """The second try of a connect comes when the wait that was asked for is over."""
    recorder, dialer = Recorder(), Refusing()
    context = ClientContext(
        "w", recorder.record, RetryPolicy(), RetryBudget(1.0), time.sleep, Random(1)
    )
    line = SocketConnection(
        RetryingCaller(None, context),
        dialer,
        Endpoint("s1", "ws://h", "t"),
        ACTION_CONNECT,
        read_action_frame,
    )
    assert line.connect().ok
    first, second = recorder.drain()
    assert (1.0, "") == (first.retry_after_s, first.violation)
    assert second.start_ns - first.end_ns >= 1_000_000_000
