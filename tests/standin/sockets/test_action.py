"""The action socket: every method, every way to fail, and how it ends."""

from __future__ import annotations

import asyncio
import base64
import json

import pytest

from harness.standin.api import Api
from harness.standin.codes import SDK_NAMES, STATUS
from harness.standin.config import StandinConfig
from harness.standin.sessions import Session
from harness.standin.sockets.action import ActionSocket
from harness.standin.sockets.channel import Channel
from harness.standin.sockets.frames import FAILURES, METHODS
from harness.standin.sockets.tokens import make_token
from harness.standin.state import State
from tests.standin.sockets.conftest import by_code

ARGS = {
    "goto": {"url": "https://shop.example/a"},
    "switchTab": {"index": 0},
    "setCookie": {"cookie": {"name": "a", "value": "b"}},
    "importCookies": {"cookies": [{"name": "c"}]},
    "waitForText": {"text": "12 results"},
}
"""Arguments that make a method succeed, where the usual ones do not."""


def test_every_method_is_done(honest, dial):
    """Each of them answers ok with its own id and a result."""
    peer = dial(honest.create())
    for method in METHODS:
        answer = peer.ask(method, ARGS.get(method, {"selector": "input", "text": "x"}))
        assert (peer.number, True) == (answer["id"], answer["ok"]), answer
        assert "result" in answer


def test_a_journey_has_its_effects(honest, dial):
    """What one action does the next one sees."""
    peer = dial(honest.create())
    assert None is peer.ask("goto", {"url": "https://shop.example/a"})["result"]
    state = peer.ask("state")["result"]
    assert ("https://shop.example/a", "shop.example/a") == (state["url"], state["title"])
    done = peer.ask("input", {"element": 2, "text": "shoes"})["result"]
    assert {"method", "namespace", "persisted", "pathFile"} == set(done)
    assert "shoes" == peer.ask("getElementValue", {"element": 2})["result"]
    assert "shoes" in peer.ask("snapshot")["result"]
    peer.ask("newTab", {"url": "https://other.example/"})
    tabs = peer.ask("tabs")["result"]
    assert [(0, False), (1, True)] == [(tab["index"], tab["active"]) for tab in tabs]
    peer.ask("closeTab", {"index": 1})
    assert 1 == len(peer.ask("tabs")["result"])
    peer.ask("setCookie", {"name": "a", "value": "1", "domain": "shop.example"})
    (cookie,) = peer.ask("getCookies")["result"]
    assert ("a", "1", "shop.example") == (cookie["name"], cookie["value"], cookie["domain"])
    picture = base64.b64decode(peer.ask("screenshot")["result"])
    assert b"\x89PNG" == picture[:4]


@pytest.mark.parametrize(
    ("method", "args", "failure"),
    [
        ("goto", {}, "INVALID_OPTIONS"),
        ("click", {}, "INVALID_TARGET"),
        ("click", {"selector": "#none"}, "TARGET_NOT_FOUND"),
        ("click", {"element": [1]}, "TARGET_NOT_FOUND"),
        ("click", {"element": {"n": 1}}, "TARGET_NOT_FOUND"),
        ("input", {"element": 5, "text": "x"}, "NOT_EDITABLE"),
        ("waitForText", {"text": "nowhere"}, "ACTION_TIMEOUT"),
        ("switchTab", {"index": 9}, "INVALID_OPTIONS"),
    ],
)
def test_what_the_page_refuses_is_an_action_failure(honest, dial, method, args, failure):
    """CLOUD_ACTION_FAILED with a detail that says why."""
    answer = dial(honest.create()).ask(method, args)
    assert (False, "CLOUD_ACTION_FAILED") == (answer["ok"], answer["code"])
    detail = answer["details"]["actionFailure"]
    assert failure == detail["code"]
    assert {"code", "message", "retryable", "classificationSource"} == set(detail)


def brief(answer):
    """An answer's id and code."""
    return answer["id"], answer["code"]


def test_frames_that_are_no_requests_of_this_session(honest, dial):
    """Each misfit has its code; the socket stays open for the next request."""
    peer = dial(honest.create())
    other = honest.create().json()
    assert "CLOUD_AUTH_FAILED" == peer.ask("tabs", token=other["actionToken"])["code"]
    found = peer.ask("tabs", sessionId=other["sessionId"])
    assert "CLOUD_SESSION_NOT_FOUND" == found["code"]
    assert "CLOUD_UNSUPPORTED_METHOD" == peer.ask("teleport")["code"]
    peer.socket.send("{")
    assert (0, "CLOUD_CONFIG_INVALID") == brief(peer.hear())
    peer.socket.send(json.dumps({"id": 77, "method": 5}))
    assert (77, "CLOUD_CONFIG_INVALID") == brief(peer.hear())
    peer.socket.send_binary(b'{"id":-1}')
    assert "CLOUD_CONFIG_INVALID" == peer.hear()["code"]
    peer.socket.ping(b"are you there")
    assert peer.ask("tabs")["ok"]


FRAMED = sorted(STATUS.keys() - {"CLOUD_CONNECTION_LOST"})


@pytest.mark.parametrize("vocabulary", ["seed", "sdk"])
def test_every_code_comes_as_a_frame(start, dial, vocabulary):
    """All documented codes but the lost connection, in either vocabulary, and counted."""
    client = start(vocabulary=vocabulary)
    peer = dial(client.create())
    expected = {}
    for code in FRAMED:
        client.standin.control(fail={f"action.click:{code}": 1.0})
        name = SDK_NAMES.get(code, code) if vocabulary == "sdk" else code
        answer = peer.ask("click", {"element": 4})
        assert name == answer["code"]
        expected[name] = 1
    assert expected == by_code(client, "action.click")
    assert answer["error"]


def test_injected_action_failures_have_all_their_reasons(start, dial):
    """CLOUD_ACTION_FAILED draws among the twelve."""
    client = start(fail={"action:CLOUD_ACTION_FAILED": 1.0})
    peer = dial(client.create())
    answers = [peer.ask("click", {"element": 4}) for _ in range(150)]
    assert set(FAILURES) == {a["details"]["actionFailure"]["code"] for a in answers}


def test_a_lost_connection_is_close_1011_and_takes_what_is_in_flight(start, dial):
    """Two requests wait when the third one's connection is lost: all three are lost."""
    client = start(latency={"action.goto": "20s"}, fail={"action.click:CLOUD_CONNECTION_LOST": 1.0})
    peer = dial(client.create())
    for _ in range(2):
        peer.send("goto", {"url": "https://a.example/"})
    peer.send("click", {"element": 4})
    assert (1011, "CLOUD_CONNECTION_LOST") == peer.closing()
    assert {"CLOUD_CONNECTION_LOST": 2} == by_code(client, "action.goto")
    assert {"CLOUD_CONNECTION_LOST": 1} == by_code(client, "action.click")


def test_answers_may_overtake_each_other(start, dial):
    """A quick action behind a slow one is answered first."""
    client = start(latency={"action.goto": "400ms"})
    peer = dial(client.create())
    slow = peer.send("goto", {"url": "https://a.example/"})
    quick = peer.send("tabs")
    assert [quick, slow] == [peer.hear()["id"], peer.hear()["id"]]


def test_a_deleted_session_closes_its_sockets(start, dial):
    """Both with 1000, and what was in flight is counted as closed."""
    client = start(latency={"action.goto": "20s"})
    created = client.create()
    action, cdp = dial(created), dial(created, "cdp")
    action.send("goto", {"url": "https://a.example/"})
    action.ask("tabs")  # the other one is in flight by now
    assert 204 == client.delete(created.json()["sessionId"]).status_code
    assert [(1000, "CLOUD_SESSION_CLOSED")] * 2 == [action.closing(), cdp.closing()]
    assert {"CLOUD_SESSION_CLOSED": 1} == by_code(client, "action.goto")


def test_an_expired_session_closes_its_sockets(start, dial):
    """When its time is over the socket is closed by the server."""
    client = start(session_lifetime_s=0.3)
    assert (1000, "CLOUD_SESSION_CLOSED") == dial(client.create()).closing()


def test_tokens_and_requests_are_bounded(start, dial):
    """A frame larger than the server takes closes the socket with 1009."""
    client = start(max_body_bytes=2000)
    peer = dial(client.create())
    peer.send("goto", {"url": "https://a.example/" + "x" * 3000})
    assert 1009 == peer.closing()[0]


def test_a_client_that_leaves_is_forgotten(start, dial):
    """What it had asked for is counted as nothing: nobody got an answer."""
    client = start(latency={"action.goto": "30s"})
    created = client.create()
    peer = dial(created)
    peer.send("goto", {"url": "https://a.example/"})
    peer.ask("tabs")
    peer.socket.close()
    assert dial(created).ask("tabs")["ok"]
    assert {} == by_code(client, "action.goto")


class Clumsy:
    """A browser that fails as no browser should."""

    async def act(self, method, args):
        """Fail."""
        raise RuntimeError(f"{method} with {args}")


def test_whatever_goes_wrong_is_answered(capsys):
    """A request whose handling fails gets CLOUD_INTERNAL_ERROR, not silence."""
    sent = []

    async def send(message):
        sent.append(message)

    async def play():
        api = Api(State(StandinConfig()))
        session = Session("s1", 0, 0, 1 << 62)
        channel = Channel(session, send, lambda *_: None)
        frame = {
            "id": 7, "method": "click", "sessionId": "s1", "token": make_token(1, "action", "s1")
        }  # fmt: skip
        await ActionSocket(api, channel, Clumsy()).handle_frame(json.dumps(frame))
        while channel.in_flight:  # noqa: ASYNC110  it has no event
            await asyncio.sleep(0.01)
        await channel.end()

    asyncio.run(asyncio.wait_for(play(), 5))
    (answer,) = (json.loads(message["text"]) for message in sent)
    assert (7, False, "CLOUD_INTERNAL_ERROR") == (answer["id"], answer["ok"], answer["code"])
    assert "RuntimeError: click" in capsys.readouterr().err
