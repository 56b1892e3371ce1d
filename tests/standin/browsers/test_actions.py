"""Actions over a connection that breaks: what is lost, and what goes on."""

from __future__ import annotations

import asyncio
import json

import pytest

from harness.standin.api import Api
from harness.standin.browsers.actions import ChromiumPage
from harness.standin.browsers.bridge import BridgedSocket
from harness.standin.browsers.cdp_client import CdpConnectionError
from harness.standin.config import StandinConfig
from harness.standin.sessions import Session
from harness.standin.sockets.channel import Channel
from harness.standin.sockets.frames import encode
from harness.standin.sockets.page import ActionProblem
from harness.standin.state import State

TARGET = {"targetId": "T1", "type": "page", "url": "about:blank", "title": ""}
RESULTS = {
    "Target.getTargets": {"targetInfos": [TARGET]},
    "Target.attachToTarget": {"sessionId": "S1"},
    "Page.captureScreenshot": {"data": "png"},
    "Runtime.evaluate": {"result": {"value": "Title"}},
}


class ScriptedWire:
    """A connection to a browser of one tab; one of its responses is wrong."""

    def __init__(self, **said):
        self._said = {name.replace("_", "."): text for name, text in said.items()}
        self._answers = asyncio.Queue()
        self.closed = False

    async def send(self, text):
        """Take a command."""
        asked = json.loads(text)
        usual = json.dumps({"id": asked["id"], "result": RESULTS[asked["method"]]})
        answer = self._said.get(asked["method"], usual)
        await self._answers.put(answer and answer.replace("<ID>", str(asked["id"])))

    async def receive(self):
        """The next answer."""
        if (text := await self._answers.get()) is None:
            raise CdpConnectionError("a message of the browser is too large")
        return text

    async def close(self):
        """Leave."""
        self.closed = True


def play(*wires, acts):
    """The results of actions, over one connection after the other."""

    async def run():
        left = list(wires)

        async def dial():
            return left.pop(0)

        page, came = ChromiumPage(dial), []
        for method in acts:
            try:
                came.append(await asyncio.wait_for(page.act(method, {}), 1))
            except ActionProblem as problem:
                came.append(problem.code)
            except TimeoutError:
                came.append("nothing")
        await page.close()
        return came

    return asyncio.run(run())


def test_a_broken_connection_is_opened_again():
    """One message too long costs its own action; the next one has a connection again."""
    broken, whole = ScriptedWire(Page_captureScreenshot=None), ScriptedWire()
    assert ["CLOUD_RUNTIME_GONE", "Title", "png"] == play(
        broken, whole, acts=["screenshot", "getTitle", "screenshot"]
    )
    assert broken.closed
    assert whole.closed


@pytest.mark.parametrize("said", ["no JSON", "[]", '{"id": "x"}', '{"method": 1}'])
def test_a_message_that_is_none_is_passed_over(said):
    """What answers nothing is nobody's answer; the action is, as ever, bounded in time."""
    strange = ScriptedWire(Runtime_evaluate=said)
    assert ["nothing", "png"] == play(strange, acts=["getTitle", "screenshot"])


def test_half_a_character_is_replaced():
    """A text that JSON can spell and UTF-8 cannot is returned without that character."""
    said = '{"id": <ID>, "result": {"result": {"value": "a\\ud800b"}}}'
    (title,) = play(ScriptedWire(Runtime_evaluate=said), acts=["getTitle"])
    assert b'"a?b"' == encode(title)


def bridge(*commands, wire):
    """What a client of the CDP socket gets, what is counted, and what stays in flight."""
    counted, sent = [], []

    async def send(message):
        sent.append(message)

    async def run():
        session = Session("s1", 0, 0, 1 << 62)
        channel = Channel(session, send, lambda *counts: counted.append(counts))
        socket = BridgedSocket(Api(State(StandinConfig())), channel, wire)
        for command in commands:
            await socket.handle_frame(command)
        await asyncio.sleep(0.05)
        left = list(channel.in_flight.values())
        await channel.end()
        return left

    left = asyncio.run(run())
    return [message.get("text", message["type"]) for message in sent], counted, left


def test_two_commands_of_one_id_are_both_forgotten_when_answered():
    """A client may number its commands as it likes: nothing of them stays in flight."""
    command = '{"id": 1, "method": "Target.getTargets"}'
    sent, counted, left = bridge(command, command, wire=ScriptedWire())
    assert 2 == len(sent)
    assert [("cdp.Target.getTargets", "")] * 2 == counted
    assert [] == left


def test_half_a_character_passes_the_bridge_as_it_came():
    """What a client makes of a text that no UTF-8 can spell is the client's business."""
    said = '{"id": 1, "result": {"result": {"value": "a\\ud800b"}}}'
    sent, counted, left = bridge(
        '{"id": 1, "method": "Runtime.evaluate"}', wire=ScriptedWire(Runtime_evaluate=said)
    )
    assert ([said], [("cdp.Runtime.evaluate", "")], []) == (sent, counted, left)
