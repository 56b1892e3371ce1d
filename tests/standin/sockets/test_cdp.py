"""The synthetic DevTools endpoint."""

from __future__ import annotations

import json

import pytest

from harness.standin.sockets.commands import Command
from harness.standin.sockets.devtools import DevTools
from tests.standin.sockets.conftest import by_code


def ask(peer, method, session="", **params):
    """Send a command; returns its answer and the events that came before it."""
    peer.number += 1
    command = {"id": peer.number, "method": method, "params": params}
    peer.socket.send(json.dumps(command | ({"sessionId": session} if session else {})))
    events = []
    while "id" not in (message := peer.hear()):
        events.append(message)
    assert peer.number == message["id"]
    return message, events


def test_a_page_is_made_navigated_read_and_closed(honest, dial):
    """What the cdp_connect scenario does, seen on the wire."""
    peer = dial(honest.create(), "cdp")
    version, _ = ask(peer, "Browser.getVersion")
    assert "1.3" == version["result"]["protocolVersion"]
    made, _ = ask(peer, "Target.createTarget", url="about:blank")
    target = made["result"]["targetId"]
    attached, events = ask(peer, "Target.attachToTarget", targetId=target, flatten=True)
    session = attached["result"]["sessionId"]
    assert ["Target.attachedToTarget"] == [event["method"] for event in events]
    ask(peer, "Page.navigate", session, url="https://a.example/x")
    seen, events = ask(peer, "Runtime.evaluate", session, expression="location.href")
    assert "https://a.example/x" == seen["result"]["result"]["value"]
    assert "Page.loadEventFired" in [event["method"] for event in events]
    shot, _ = ask(peer, "Page.captureScreenshot", session)
    assert shot["result"]["data"].startswith("iVBOR")
    closed, _ = ask(peer, "Target.closeTarget", targetId=target)
    assert closed["result"]["success"]
    gone, _ = ask(peer, "Runtime.evaluate", session, expression="1")
    assert -32001 == gone["error"]["code"]


def test_commands_fail_as_they_are_told_to(start, dial):
    """A code comes as a DevTools error that names it; a lost connection as 1011."""
    client = start(fail={"cdp:CLOUD_RUNTIME_GONE": 1.0})
    peer = dial(client.create(), "cdp")
    answer, _ = ask(peer, "Browser.getVersion")
    assert "CLOUD_RUNTIME_GONE" == answer["error"]["message"]
    client.standin.control(fail={"cdp:CLOUD_CONNECTION_LOST": 1.0})
    peer.socket.send('{"id":9,"method":"Browser.getVersion"}')
    assert (1011, "CLOUD_CONNECTION_LOST") == peer.closing()
    counted = by_code(client, "cdp.Browser.getVersion")
    assert {"CLOUD_RUNTIME_GONE": 1, "CLOUD_CONNECTION_LOST": 1} == counted


def test_what_is_no_command_is_refused(honest, dial):
    """Garbage is a JSON-RPC error, and the socket stays open."""
    peer = dial(honest.create(), "cdp")
    peer.socket.send("[")
    assert -32600 == peer.hear()["error"]["code"]
    assert "result" in ask(peer, "Browser.getVersion")[0]


def test_the_page_list_may_begin_with_a_chrome_page():
    """A fault seen upstream, on demand."""
    urls = [
        [info["url"] for info in _targets(DevTools(chrome_page_first=first))]
        for first in (False, True)
    ]
    assert [["about:blank"], ["chrome://newtab/", "about:blank"]] == urls


def _targets(tools):
    (answer,) = tools.handle(Command(1, "Target.getTargets"))
    return answer["result"]["targetInfos"]


def test_targets_are_bounded():
    """The 65th page is refused."""
    tools = DevTools()
    made = [tools.handle(Command(n, "Target.createTarget"))[-1] for n in range(65)]
    assert ["error" in message for message in made] == [False] * 63 + [True] * 2


@pytest.mark.parametrize("method", ["Page.navigate", "Page.getFrameTree", "Runtime.evaluate"])
def test_the_browser_itself_has_no_page(method):
    """A page's command outside a session is refused."""
    (answer,) = DevTools().handle(Command(1, method))
    assert -32601 == answer["error"]["code"]
