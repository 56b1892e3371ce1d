"""
Sockets: upgrades, open channels, and how they end.

A socket ends when its client closes it, when its session is deleted or expires (close 1000), or
by an injected failure (close 1011). An upgrade waits until the session's browser is launched.
"""

from __future__ import annotations

from collections import defaultdict

from harness.clock import unix_ns
from harness.standin.api import Api, sleep_until
from harness.standin.asgi import Receive, Scope, Send
from harness.standin.browsers.bridge import BridgedSocket
from harness.standin.browsers.cdp_client import CdpConnectionError
from harness.standin.browsers.pool import BrowserPool
from harness.standin.messages import Response
from harness.standin.sessions import Session
from harness.standin.sockets import names
from harness.standin.sockets.action import ActionSocket
from harness.standin.sockets.cdp import CdpSocket, CommandSocket
from harness.standin.sockets.channel import LOST, NORMAL, Channel
from harness.standin.sockets.page import Page
from harness.standin.sockets.upgrade_auth import authorize, find_socket_route

_SESSION_CLOSED = "CLOUD_SESSION_CLOSED"


class SocketServer:
    """Every socket of the server."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._open: dict[str, set[Channel]] = defaultdict(set)
        self._pages: dict[str, Page] = {}
        config = api.state.settings.config
        self._chromium: BrowserPool | None = None
        if config.browser:
            self._chromium = BrowserPool(
                config.browser, config.launch_timeout_s, self._on_browser_lost
            )
            api.handlers.launch = self._chromium.launch

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one upgrade and its socket."""
        await receive()
        route = find_socket_route(scope["path"])
        name = names.CDP_CONNECT if route.socket == "cdp" else names.ACTION_CONNECT
        found = authorize(self._api.state, route, scope["query_string"], unix_ns())
        if isinstance(found, Session):
            found = await self._launch(found, name)
        if isinstance(found, Response):
            self._api.count(name if route.socket else "unknown", found)
            await _refuse(send, found)
            return
        channel = Channel(found, send, self._count)
        self._api.count(name, Response(101, b""))
        await send({"type": "websocket.accept"})
        await self._serve_channel(channel, receive, cdp=route.socket == "cdp")

    async def close_session(self, session_id: str) -> None:
        """Close the sockets of a deleted session."""
        self._pages.pop(session_id, None)
        for channel in list(self._open.get(session_id, ())):
            await channel.close(NORMAL, _SESSION_CLOSED)
        if self._chromium is not None:
            await self._chromium.close(session_id)

    async def stop(self) -> None:
        """End the browsers."""
        if self._chromium is not None:
            await self._chromium.stop()

    async def _on_browser_lost(self, session_id: str) -> None:
        """Close the sockets of a session whose browser ended by itself."""
        for channel in list(self._open.get(session_id, ())):
            await channel.close(LOST, "CLOUD_CONNECTION_LOST")

    async def _launch(self, session: Session, name: str) -> Session | Response:
        """Wait until the browser is ready, or inject a failure."""
        api = self._api
        if session.active_ns > unix_ns():
            await sleep_until(session.active_ns)
        await api.simulate_latency(name)
        await api.wait_for_stall_end()
        if code := api.state.settings.draw_failure(name, api.state.rng.failures):
            return api.injected_error(code)
        if session.state_at(unix_ns()) == "closed":  # meanwhile
            return api.state.error(_SESSION_CLOSED)
        if self._chromium is not None and not self._chromium.is_up(session.id):
            return api.state.error("CLOUD_RUNTIME_GONE")
        return session

    async def _serve_channel(self, channel: Channel, receive: Receive, *, cdp: bool) -> None:
        session = channel.session
        mine = self._open[session.id]
        mine.add(channel)
        channel.spawn(channel.expire(session.expires_ns, _SESSION_CLOSED))
        try:
            if session.state_at(unix_ns()) == "closed":  # while the upgrade was answered
                await channel.close(NORMAL, _SESSION_CLOSED)
            else:
                await self._receive_frames(channel, receive, cdp=cdp)
        finally:
            channel.closed = True
            mine.discard(channel)
            if not mine:
                self._open.pop(session.id, None)
                if session.state_at(unix_ns()) == "closed":
                    self._pages.pop(session.id, None)
            await channel.end()

    async def _receive_frames(self, channel: Channel, receive: Receive, *, cdp: bool) -> None:
        socket = await self._connect(channel, cdp=cdp)
        while not channel.closed:
            message = await receive()
            if message["type"] != "websocket.receive":
                break
            frame = message.get("text")
            await socket.handle_frame(message["bytes"] if frame is None else frame)

    async def _connect(self, channel: Channel, *, cdp: bool) -> ActionSocket | CommandSocket:
        session_id, real = channel.session.id, self._chromium
        if not cdp:
            if real is not None:
                return ActionSocket(self._api, channel, real.page(session_id))
            page = self._pages.setdefault(session_id, Page())
            return ActionSocket(self._api, channel, page)
        if real is not None:
            try:
                return BridgedSocket(self._api, channel, await real.dial(session_id))
            except (CdpConnectionError, KeyError):  # it ended after the upgrade
                await channel.close(LOST, "CLOUD_CONNECTION_LOST")
        return CdpSocket(self._api, channel)

    def _count(self, operation: str, code: str) -> None:
        self._api.count(operation, Response(0, b"", code))


async def _refuse(send: Send, response: Response) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(response.body)),
        (b"connection", b"close"),
        *response.headers,
    ]
    start = {"type": "websocket.http.response.start", "status": response.status}
    await send(start | {"headers": headers})
    await send({"type": "websocket.http.response.body", "body": response.body})
