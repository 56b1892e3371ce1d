"""Upgrades: which are accepted, and how the others are refused."""

from __future__ import annotations

import asyncio
import json

import pytest
import websocket

from harness.clock import unix_ns
from harness.standin.api import Api
from harness.standin.config import StandinConfig
from harness.standin.request_models import CreateSession
from harness.standin.sockets.server import SocketServer
from harness.standin.sockets.tokens import make_token
from harness.standin.sockets.upgrade_auth import find_socket_route
from harness.standin.state import State
from tests.standin.sockets.conftest import by_code, refusal

ASK = CreateSession("v3", "local-cloud", "hint", "run-1")


@pytest.mark.parametrize("kind", ["action", "cdp"])
def test_only_the_sessions_own_token_opens_its_socket(honest, dial, kind):
    """Its own opens; none, a made-up one, another's and the other socket's are 401."""
    mine, other = honest.create().json(), honest.create().json()
    dial(mine, kind)
    wrong = {"action": "cdpToken", "cdp": "actionToken"}[kind]
    for token in ("", "act_0", other[f"{kind}Token"], mine[wrong], "é", "a" * 5000):
        assert (401, "CLOUD_AUTH_FAILED") == refusal(lambda t=token: dial(mine, kind, t))


def test_sessions_that_are_not_there_are_refused(start, dial):
    """Unknown 404, closed 410, one too young 409; a wrong path 404 without a code."""
    client = start()
    created = client.create().json()
    unknown = created | {"actionWsUrl": created["actionWsUrl"][:-3] + "xxx"}
    assert (404, "CLOUD_SESSION_NOT_FOUND") == refusal(lambda: dial(unknown))
    nowhere = created | {"actionWsUrl": created["actionWsUrl"].replace("/ws/action", "/ws")}
    assert (404, "") == refusal(lambda: dial(nowhere))
    client.delete(created["sessionId"])
    assert (410, "CLOUD_SESSION_CLOSED") == refusal(lambda: dial(created))
    client.standin.control(stale_s=30)
    young = client.create().json()
    assert (409, "CLOUD_SESSION_STALE") == refusal(lambda: dial(young))
    assert {
        "CLOUD_SESSION_NOT_FOUND": 1, "CLOUD_SESSION_CLOSED": 1, "CLOUD_SESSION_STALE": 1,
    } == by_code(client, "action.connect")  # fmt: skip


def test_an_expired_token_is_refused_and_told_beforehand(start, dial):
    """A token of 0.2 s opens the socket at first and not later; expiresAt says when."""
    client = start(token_lifetime_s=0.2)
    created = client.create().json()
    assert 200 == created["expiresAt"] - created["cloudSession"]["createdAt"]
    dial(created)
    client.standin.control(token_lifetime_s=1e-6)
    assert (401, "CLOUD_AUTH_FAILED") == refusal(lambda: dial(created))


def test_the_upgrade_waits_for_the_launch(start, dial):
    """A socket opens when the session is active, not before."""
    client = start(launch_s=0.4)
    created = client.create().json()
    assert "provisioning" == created["cloudSession"]["state"]
    dial(created)
    assert "active" == client.get(created["sessionId"]).json()["cloudSession"]["state"]


@pytest.mark.parametrize("kind", ["action", "cdp"])
def test_upgrades_fail_as_they_are_told_to(start, dial, kind):
    """An injected code is an HTTP answer."""
    client = start(fail={f"{kind}.connect:CLOUD_CDP_UNAVAILABLE": 1.0})
    created = client.create()
    assert (503, "CLOUD_CDP_UNAVAILABLE") == refusal(lambda: dial(created, kind))
    assert {"CLOUD_CDP_UNAVAILABLE": 1} == by_code(client, f"{kind}.connect")


def test_an_upgrade_that_is_rate_limited_says_how_long(start, dial):
    """An injected 429 has its Retry-After here as on any other answer."""
    created = start(fail={"action.connect:CLOUD_RATE_LIMITED": 1.0}).create()
    with pytest.raises(websocket.WebSocketBadStatusException) as caught:
        dial(created)
    assert (429, "1") == (
        caught.value.status_code,
        caught.value.resp_headers.get("retry-after"),
    )


def test_doors_are_exact():
    """Two paths lead in; whatever looks like one does not."""
    assert ("action", "s1") == find_socket_route("/ws/action/s1")
    assert ("cdp", "s1") == find_socket_route("/ws/cdp/s1")
    for path in ("/ws/action/", "/ws/action", "/ws/x/s1", "/ws/cdp/a/b", "ws/cdp/a", "/"):
        assert None is find_socket_route(path).socket


def test_tokens_outlive_a_restart_on_the_state_file(start, dial, tmp_path):
    """A session that is restored is opened by the token it was created with."""
    state = str(tmp_path / "state.db")
    before = start(state=state)
    created = before.create().json()
    before.standin.stop()
    after = start(state=state)
    moved = created | {"actionWsUrl": f"ws{after.standin.url[4:]}/ws/action/{created['sessionId']}"}
    assert dial(moved).ask("getTitle")["ok"]


class Upgrade:
    """One upgrade, played without a wire: what the stand-in sends is ``sent``."""

    def __init__(self, kind, **config):
        self.api = Api(State(StandinConfig(**config)))
        self.sockets = SocketServer(self.api)
        self.session = self.api.state.create_session(ASK, unix_ns())
        self.kind, self.sent = kind, []
        self.on_accept = None
        self._closed = asyncio.Event()

    async def play(self):
        """Serve it to its end."""
        token = make_token(1, self.kind, self.session.id)
        scope = {
            "path": f"/ws/{self.kind}/{self.session.id}", "query_string": f"token={token}".encode()
        }  # fmt: skip
        await asyncio.wait_for(self.sockets.serve(scope, self._receive, self._send), 20)
        assert ({}, {}) == (self.sockets._pages, self.sockets._open)
        return [message["type"].removeprefix("websocket.") for message in self.sent]

    async def delete(self):
        """Delete its session, as the server does."""
        self.api.state.close_session(self.session, unix_ns())
        await self.sockets.close_session(self.session.id)

    async def _send(self, message):
        self.sent.append(message)
        if message["type"] == "websocket.accept" and self.on_accept:
            await self.on_accept()
        if message["type"] == "websocket.close":
            self._closed.set()

    async def _receive(self):
        if not self.sent:
            return {"type": "websocket.connect"}
        await self._closed.wait()
        return {"type": "websocket.disconnect"}


@pytest.mark.parametrize("kind", ["action", "cdp"])
def test_a_session_deleted_during_the_upgrade_opens_no_socket(kind):
    """The time an upgrade takes is enough to close a session in."""

    async def play():
        upgrade = Upgrade(kind, latency={f"{kind}.connect": "50ms"})
        serving = asyncio.ensure_future(upgrade.play())
        await asyncio.sleep(0)  # now it has passed the gate, and takes its time
        await upgrade.delete()
        await serving
        return upgrade.sent

    start, body = asyncio.run(play())
    assert (410, "CLOUD_SESSION_CLOSED") == (
        start["status"],
        json.loads(body["body"])["code"],
    )


@pytest.mark.parametrize("kind", ["action", "cdp"])
def test_a_session_deleted_while_its_upgrade_is_answered_loses_the_socket(kind):
    """The delete came too early to close this socket, so the socket closes itself."""

    async def play():
        upgrade = Upgrade(kind)
        upgrade.on_accept = upgrade.delete
        await upgrade.play()
        return upgrade.sent

    accept, close = asyncio.run(play())
    assert ("websocket.accept", 1000, "CLOUD_SESSION_CLOSED") == (
        accept["type"],
        close["code"],
        close["reason"],
    )


def test_nothing_is_kept_of_a_session_that_expired():
    """Its socket is closed at its end, and its page goes with it, deleted or not."""

    async def play():
        return await Upgrade("action", session_lifetime_s=0.2).play()

    assert ["accept", "close"] == asyncio.run(play())
