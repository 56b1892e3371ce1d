"""Real Chromium behind the sessions: launched, acted upon, killed, always reaped."""

from __future__ import annotations

import base64
import os
import signal
import time

import pytest
from playwright.sync_api import Error

from benchmarks.browsers import CHROMIUM, churn
from harness.standin.config import StandinConfig
from harness.standin.launch import Standin
from tests.standin.browsers.leftovers import (
    browsers_of,
    folders_of,
    main_process,
    nothing_is_left,
    wait_until,
)
from tests.standin.conftest import ApiClient
from tests.standin.sockets.conftest import dial, refusal
from tests.standin.sockets.test_playwright import connected

__all__ = ["dial"]
real = pytest.mark.skipif(not CHROMIUM, reason="there is no chromium here (make test-deps)")

SHOP = (
    "data:text/html,<title>Shop</title><input name=q><select id=s><option>a<option>b</select>"
    "<button onclick=\"document.title='clicked'\">Go</button><p>12 results</p>"
    "<input id=off disabled><b id=none style='display:none'>x</b>"
)


@pytest.fixture(scope="module")
def chromium():
    """One stand-in with real browsers."""
    with Standin(StandinConfig(browser=CHROMIUM, max_sessions=4)) as standin:
        client = ApiClient(standin)
        yield client
        client.http.close()
    assert nothing_is_left(standin.pid)


@real
def test_actions_are_done_in_a_real_page(chromium, dial):
    """A journey: typed text is in the field, a click runs the page's script, tabs come and go."""
    made = chromium.create().json()
    peer = dial(made)

    def act(method, **args):
        answer = peer.ask(method, args)
        assert answer["ok"], answer
        return answer["result"]

    act("goto", url=SHOP)
    assert 'data-element="1"' in act("snapshot")
    act("input", element=1, text="shoes")
    assert "shoes" == act("getElementValue", selector="input")
    act("pressKey", key="s")
    assert "shoess" == act("getElementValue", selector="input")
    act("select", selector="#s", value="b")
    act("click", selector="button")
    assert "clicked" == act("getTitle") == act("state")["title"]
    act("waitForText", text="12 results")
    assert "12 results" in act("extract")["results"]
    assert b"\x89PNG" == base64.b64decode(act("screenshot"))[:4]
    assert 1 == act("newTab", url="about:blank")["index"]
    assert [False, True] == [tab["active"] for tab in act("tabs")]
    act("closeTab", index=1)
    assert [True] == [tab["active"] for tab in act("tabs")]
    act("setCookie", name="a", value="1", domain="shop.example")
    assert ["a"] == [cookie["name"] for cookie in act("getCookies")]
    act("clearCookies")
    assert [] == act("getCookies")
    chromium.delete(made["sessionId"])


@real
@pytest.mark.parametrize(
    ("method", "args", "failure"),
    [
        ("goto", {"url": "nowhere"}, "INVALID_OPTIONS"),
        ("goto", {"url": "http://127.0.0.1:9/"}, "TARGET_UNAVAILABLE"),
        ("click", {"selector": "#nowhere"}, "TARGET_NOT_FOUND"),
        ("click", {"selector": "##"}, "INVALID_TARGET"),
        ("click", {"selector": "#none"}, "NOT_VISIBLE"),
        ("click", {"selector": "#off"}, "NOT_ENABLED"),
        ("input", {"selector": "p", "text": "x"}, "NOT_EDITABLE"),
        ("waitForText", {"text": "nowhere", "timeout": 100}, "ACTION_TIMEOUT"),
        ("switchTab", {"index": 9}, "INVALID_OPTIONS"),
        ("importCookies", {"cookies": [1]}, "INVALID_OPTIONS"),
        ("importCookies", {"cookies": 1}, "INVALID_OPTIONS"),
        ("setCookie", {"cookie": "a=b"}, "INVALID_OPTIONS"),
    ],
)
def test_what_the_real_page_refuses(shop, method, args, failure):
    """Each has its reason."""
    assert shop.ask("goto", {"url": SHOP})["ok"]
    answer = shop.ask(method, args)
    assert "CLOUD_ACTION_FAILED" == answer["code"], answer
    assert failure == answer["details"]["actionFailure"]["code"]


@real
def test_half_a_character_is_no_end_of_the_page(shop):
    """JavaScript's texts may hold what no UTF-8 does: it is replaced, and all goes on."""
    assert shop.ask("goto", {"url": "data:text/html,<script>document.title='a\\ud800b'</script>"})
    for method in ("getTitle", "state", "tabs"):
        answer = shop.ask(method)
        assert answer["ok"], answer


@pytest.fixture(scope="module")
def shop(chromium):
    """An action socket of one session."""
    from tests.standin.sockets.conftest import Peer

    made = chromium.create().json()
    peer = Peer(made, "action", None)
    yield peer
    peer.socket.close()
    chromium.delete(made["sessionId"])


@real
def test_playwright_connects_to_a_real_browser(chromium):
    """Locators and screenshots work; another session's token does not; leaving ends nothing."""
    made, other = chromium.create().json(), chromium.create().json()
    with connected(made) as browser:
        page = browser.contexts[0].pages[0]
        page.goto(SHOP)
        page.locator("input[name=q]").fill("boots")
        page.get_by_role("button").click()
        assert ("clicked", 42) == (page.title(), page.evaluate("() => 6 * 7"))
        assert b"\x89PNG" == page.screenshot()[:4]
        browser.close()
    with connected(made) as browser:
        assert "boots" == browser.contexts[0].pages[0].locator("input[name=q]").input_value()
    with pytest.raises(Error, match="401"), connected(made, other["cdpToken"]):
        pass
    for each in (made, other):
        chromium.delete(each["sessionId"])


@real
def test_a_browser_that_is_killed_takes_its_sockets_along(start, dial):
    """Close 1011 on both; upgrades are 410 CLOUD_RUNTIME_GONE until the session is deleted."""
    client = start(browser=CHROMIUM, max_sessions=1)
    made = client.create().json()
    action, cdp = dial(made), dial(made, "cdp")
    assert action.ask("tabs")["ok"]
    main_process(client.standin.pid).send_signal(signal.SIGKILL)
    assert [(1011, "CLOUD_CONNECTION_LOST")] * 2 == [action.closing(), cdp.closing()]
    assert (410, "CLOUD_RUNTIME_GONE") == refusal(lambda: dial(made))
    assert nothing_is_left(client.standin.pid)
    assert "CLOUD_CAPACITY_FULL" == client.create().json()["code"]
    assert 204 == client.delete(made["sessionId"]).status_code
    assert 201 == client.create().status_code


@real
def test_an_expired_session_ends_its_browser(start):
    """Its process and folder are gone without anybody's asking."""
    client = start(browser=CHROMIUM, session_lifetime_s=1.5)
    assert 201 == client.create().status_code
    assert nothing_is_left(client.standin.pid)


@real
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_no_browser_outlives_the_server(number):
    """Neither its orderly end nor its being killed leaves a process."""
    with Standin(StandinConfig(browser=CHROMIUM)) as standin:
        client = ApiClient(standin)
        for _ in range(2):
            assert 201 == client.create().status_code
        client.http.close()
        assert len(browsers_of(standin.pid)) >= 2
        os.kill(standin.pid, number)
        assert wait_until(lambda: not browsers_of(standin.pid))
    if number == signal.SIGTERM:
        assert [] == folders_of(standin.pid)
    else:  # the next one cleans up
        with Standin(StandinConfig(browser=CHROMIUM)):
            assert [] == folders_of(standin.pid)


@real
@pytest.mark.slow
def test_nothing_is_left_of_ten_sessions():
    """Every fifth one's browser is killed in between."""
    left = churn(10)
    assert (10, 2, 0, 0, 0) == (*left[:4], left.sessions_open)
    assert left.descriptors_more <= 0


@real
def test_what_a_killed_browser_leaves_is_in_its_profile(chromium):
    """Its lock's folder would stay in the system's temporary one for ever."""
    before = folders_of(chromium.standin.pid)
    made = chromium.create().json()
    (profile,) = set(folders_of(chromium.standin.pid)) - set(before)

    assert list(profile.glob("org.chromium.*/SingletonSocket"))
    chromium.delete(made["sessionId"])
    assert wait_until(lambda: not profile.exists())


def test_a_browser_that_does_not_start_is_a_launch_failure(start):
    """502, the slot is free again, and no folder is left."""
    client = start(browser="/bin/false", max_sessions=1)
    for _ in range(2):
        answer = client.create()
        assert (502, "CLOUD_LAUNCH_FAILED") == (answer.status_code, answer.json()["code"])
    assert 0 == client.standin.truth()["sessions"]["taken"]
    assert [] == folders_of(client.standin.pid)


def test_a_browser_that_hangs_is_a_launch_timeout(start, tmp_path):
    """504 after the time it is given, and its process is gone."""
    program = tmp_path / "hangs"
    program.write_text("#!/bin/sh\nsleep 600 & wait\n")
    program.chmod(0o755)
    client = start(browser=str(program), launch_timeout_s=0.5)
    began = time.monotonic()
    answer = client.create()
    assert (504, "CLOUD_LAUNCH_TIMEOUT") == (answer.status_code, answer.json()["code"])
    assert time.monotonic() - began >= 0.5
    assert nothing_is_left(client.standin.pid)


def test_a_program_that_is_not_there_is_told_at_the_start():
    """One line, not a server without browsers."""
    from harness.errors import TargetError

    with pytest.raises(TargetError, match="program not found"):
        Standin(StandinConfig(browser="/nowhere/chromium"))
