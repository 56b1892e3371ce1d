"""
A server that does anything at all: there is always a reply, in time, and its own.

An answer is built whole, then spoiled: cut, split, delayed, bytes changed, put in or
appended, another length stated, sent before the request was read. Whatever happened,
the next exchanges get the answers to their own requests.
"""

from __future__ import annotations

import gzip

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from harness.wire import Failure

DEADLINE_S = 0.15
SLACK_S = 5.0
RELAXED = settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def framed(body: bytes, framing: str) -> bytes:
    """A whole answer; a body with ``<KEY-ID>`` in it is as long as stated, see conftest."""
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n"
    if framing == "length":
        return head + b"content-length: %d\r\n\r\n" % len(body) + body
    if framing == "chunked":
        chunks = b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n"
        return head + b"transfer-encoding: chunked\r\n\r\n" + chunks
    if framing == "gzip":
        packed = gzip.compress(body, mtime=0)
        head += b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(packed)
        return head + packed
    return head + b"connection: close\r\n\r\n" + body


@st.composite
def spoiled(draw):
    """Steps of a plan: pieces of a spoiled answer, pauses, an end."""
    framing = draw(st.sampled_from(["length", "chunked", "gzip", "until-close"]))
    answer = framed(b"<KEY-ID>", framing)
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(answer)))
        how = draw(st.sampled_from(["cut", "put in", "change", "append", "repeat", "length"]))
        some = draw(st.binary(min_size=1, max_size=12) | st.sampled_from(NASTY))
        if how == "cut":
            answer = answer[:at]
        elif how == "put in":
            answer = answer[:at] + some + answer[at:]
        elif how == "change":
            answer = answer[:at] + some + answer[at + len(some) :]
        elif how == "append":
            answer += some
        elif how == "repeat":
            answer += answer[at:]
        else:
            answer = answer.replace(b"content-length: ", b"content-length: %d" % at)
        event(how)
    cuts = sorted(draw(st.lists(st.integers(0, len(answer)), max_size=3)))
    steps: list[object] = []
    for begin, end in zip([0, *cuts], [*cuts, len(answer)], strict=True):
        steps += [answer[begin:end], draw(st.sampled_from([0.0, 0.0, 0.001, 0.01]))]
    steps.append(draw(st.sampled_from(["close", "close", "reset", "hold", 0.0])))
    return steps


NASTY = [
    b"\r\n",
    b"\r\n\r\n",
    b"\n",
    b"\x00",
    b"0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nwrong",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"content-length: 3\r\n",
    b"transfer-encoding: chunked\r\n",
    b"content-encoding: gzip\r\n",
    b"ffffffff\r\n",
]


def next_is_its_own(user) -> None:
    """The next exchanges get their own answers; a hang-up on the way is no mix-up."""
    for _ in range(2):
        key = user.new_key()
        response = user.post(key=key)
        if response.failure is Failure.STALE:
            response = user.post(key=key)
        assert (None, key.encode()) == (response.failure, response.body)


@RELAXED
@given(plan=spoiled(), warm=st.booleans(), early=st.booleans())
def test_any_server(user, script, plan, warm, early):
    """Always a reply in bounded time, and never an answer to another request."""
    if warm:
        next_is_its_own(user)
    script.play(plan, early=early)
    key = user.new_key()
    response = user.post(b'{"a": 1}', key, deadline_s=DEADLINE_S)
    event(response.failure or "answered")
    assert (response.end_ns - response.start_ns) / 1e9 < DEADLINE_S + SLACK_S
    assert (response.failure is None) == (response.detail == "")
    if response.failure is None:
        assert 200 <= response.status <= 599
        assert response.bytes_in > 0
    else:
        assert b"" == response.body
    assert script.settled.wait(5)
    if "hold" in plan:
        give_up_on_a_held_connection(user)
    next_is_its_own(user)


def give_up_on_a_held_connection(user):
    """Nobody answers on it any more; whether it is still in use is the user's business."""
    key = user.new_key()
    response = user.post(key=key, deadline_s=DEADLINE_S)
    assert (response.failure, response.body) in {(None, key.encode()), (Failure.DEADLINE, b"")}


@pytest.mark.parametrize("end", ["close", "reset"])
@pytest.mark.parametrize("framing", ["length", "chunked", "gzip", "until-close"])
def test_cut_at_every_byte(user, script, framing, end):
    """Cut anywhere before its last byte, an answer is a reset; never a shorter answer."""
    whole = framed(b"the body", framing)
    body_at = whole.index(b"\r\n\r\n") + 4
    for size in range(len(whole)):
        script.play([whole[:size], 0.001, end])
        response = user.get()
        may_end_here = framing == "until-close" and end == "close" and size >= body_at
        if may_end_here:
            assert (None, whole[body_at:size]) == (response.failure, response.body)
        else:
            assert (Failure.RESET, b"") == (response.failure, response.body), size
    script.play([whole, 0.001, "close"])
    assert (None, b"the body") == ((r := user.get()).failure, r.body)
    assert script.settled.wait(5)
    next_is_its_own(user)


@pytest.mark.parametrize("framing", ["length", "chunked", "gzip"])
def test_split_at_every_byte(user, script, scripted, framing):
    """However an answer is split, it is the same answer, and the connection is kept."""
    whole = framed(b"the body", framing)
    for at in range(1, len(whole)):
        script.play([whole[:at], 0.001, whole[at:]])
        response = user.get()
        assert (None, b"the body", len(whole)) == (
            response.failure,
            response.body,
            response.bytes_in,
        )
    assert 1 == scripted.accepted
