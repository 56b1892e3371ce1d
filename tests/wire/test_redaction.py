"""A server that says the key back: nobody behind the wire gets to read it."""

from __future__ import annotations

import gzip
import json

import pytest

from tests.wire.conftest import CLOSE

KEY = "osk_live_of_somebody"
HEADERS = {
    "api-key": (("x-api-key", KEY),),
    "bearer": (("user-agent", "x"), ("authorization", f"Bearer {KEY}")),
}
ECHO = json.dumps({"error": f"{KEY} is unknown", "code": KEY, "ids": [KEY, "x"]}).encode()


def _answer(body: bytes, head: bytes = b"") -> list[bytes]:
    return [b"HTTP/1.1 401 No\r\n%scontent-length: %d\r\n\r\n" % (head, len(body)) + body]


@pytest.fixture(params=HEADERS)
def known(request, make_user, serve, script):
    """A user with a key, before a server that plays the script."""
    port = serve(script).port
    return make_user(f"http://127.0.0.1:{port}", headers=HEADERS[request.param])


@pytest.mark.parametrize(
    "answer",
    [_answer(ECHO), _answer(gzip.compress(ECHO), b"content-encoding: gzip\r\n")],
    ids=["plain", "gzip"],
)
def test_the_key_is_blotted_out_of_a_body(known, script, answer):
    """As often as it is there; the body stays JSON, and its size is that of the answer."""
    script.play(answer, answer)
    replies = [known.post(), known.post()]  # the second head is one that was seen before

    told = {"error": "[key] is unknown", "code": "[key]", "ids": ["[key]", "x"]}
    assert [told, told] == [json.loads(response.body) for response in replies]
    assert [len(answer[0])] * 2 == [response.bytes_in for response in replies]


def test_the_key_is_blotted_out_of_what_went_wrong(known, script):
    """What is no HTTP is quoted in the reply's detail, without the key."""
    script.play([f"HTTP/1.1 2{KEY}\r\n\r\n".encode(), CLOSE])
    response = known.post()

    assert response.failure is not None
    assert KEY not in response.detail


def test_what_is_too_short_to_be_guarded_is_left_alone(make_user, serve, script):
    """A key such as ``test`` is a part of other words, and no secret."""
    port = serve(script).port
    user = make_user(f"http://127.0.0.1:{port}", headers=(("x-api-key", "test"),))
    script.play(_answer(b'{"name":"latest"}'))

    assert b'{"name":"latest"}' == user.post().body
