"""
The ASGI application: bytes to `Request`, `Response` to bytes, and the administrative paths.

``GET /__truth__`` reports what happened, ``POST /__control__`` (loopback only) changes settings,
and two documents describe the API. None of them is counted, limited, delayed or needs a key.
There is no framework: its router and middleware would cost more than the work itself.
"""

from __future__ import annotations

import sys
import traceback
from typing import Any

import msgspec

from harness.addresses import format_address, is_loopback
from harness.clock import unix_ns
from harness.standin import api_docs
from harness.standin.api import Api
from harness.standin.asgi import (
    DisconnectedError,
    Receive,
    Scope,
    Send,
    TooLargeError,
    read_body,
)
from harness.standin.messages import Request, Response, plain_error_response
from harness.standin.operations import UNKNOWN, find_route
from harness.standin.sockets.server import SocketServer

TRUTH_PATH = "/__truth__"
CONTROL_PATH = "/__control__"
_ADMIN_PATHS = frozenset({TRUTH_PATH, CONTROL_PATH, *api_docs.PATHS})

_CONTROL_BYTES_MAX = 1 << 20
_JSON = (b"content-type", b"application/json")
_LENGTH = b"content-length"


class StandinApp:
    """The stand-in as an ASGI application."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._sockets = SocketServer(api)

    async def stop(self) -> None:
        """Stop the sockets and browsers."""
        await self._sockets.stop()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request, or one socket."""
        if scope["type"] == "websocket":
            await self._sockets.serve(scope, receive, send)
            return
        path = scope["path"]
        try:
            if path in _ADMIN_PATHS:
                await _send(send, await self._serve_admin(scope, receive))
                return
            route = find_route(scope["method"], path)
            response = await self._answer(scope, receive)
        except DisconnectedError:
            return
        await self._api.wait_for_stall_end()
        try:
            self._api.count(route.operation, response)
        except Exception:  # noqa: BLE001  what cannot be stored must not be confirmed
            traceback.print_exc(file=sys.stderr)
            response = self._api.state.error("CLOUD_INTERNAL_ERROR")
        if route.operation == "delete_session" and response.status == 204:
            await self._sockets.close_session(route.argument)
        await _send(send, response)

    async def _answer(self, scope: Scope, receive: Receive) -> Response:
        api = self._api
        await api.wait_for_stall_end()
        route = find_route(scope["method"], scope["path"])
        if not route.methods:
            return plain_error_response(404, "no such path")
        if route.operation == UNKNOWN:
            allowed = ", ".join(route.methods).encode()
            response = api.state.error("CLOUD_UNSUPPORTED_METHOD")
            return response._replace(headers=((b"allow", allowed),))
        try:
            request = await self._read(scope, receive, route.operation, route.argument)
            return await api.serve(request)
        except TooLargeError:
            most = api.state.settings.config.max_body_bytes
            return plain_error_response(413, f"the body is larger than {most} bytes")
        except DisconnectedError:
            raise
        except Exception:  # noqa: BLE001  the client gets a response in any case
            traceback.print_exc(file=sys.stderr)
            return api.state.error("CLOUD_INTERNAL_ERROR")

    async def _read(self, scope: Scope, receive: Receive, operation: str, argument: str) -> Request:
        api_key = key = host = length = bearer = b""
        for name, value in scope["headers"]:
            if name == b"x-api-key":
                api_key = value.strip()
            elif name == b"authorization":
                bearer = value
            elif name == b"idempotency-key":
                key = value.strip()
            elif name == b"host":
                host = value
            elif name == _LENGTH:
                length = value
        most = self._api.state.settings.config.max_body_bytes
        if length and int(length) > most:
            raise TooLargeError
        if not api_key and bearer[:7].lower() == b"bearer ":
            api_key = bearer[7:].strip()
        return Request(
            operation=operation,
            argument=argument,
            query=scope["query_string"],
            api_key=self._api.authenticate(api_key) if api_key else "",
            idempotency_key=key.decode("latin-1"),
            host=host.decode("latin-1") or _address_of(scope),
            body=await read_body(receive, most) if scope["method"] == "POST" else b"",
        )

    async def _serve_admin(self, scope: Scope, receive: Receive) -> Response:
        api = self._api
        if scope["path"] == TRUTH_PATH and scope["method"] == "GET":
            everything = scope["query_string"] == b"all"
            truth = api.state.describe(unix_ns(), everything=everything)
            return Response(200, msgspec.json.encode(truth))
        if scope["path"] == CONTROL_PATH and scope["method"] == "POST":
            client = scope.get("client")
            if client is None or not is_loopback(client[0]):
                return plain_error_response(403, "settings can be changed from loopback only")
            try:
                return self._control(await read_body(receive, _CONTROL_BYTES_MAX))
            except TooLargeError:
                return plain_error_response(413, f"more than {_CONTROL_BYTES_MAX} bytes")
        if scope["path"] in api_docs.PATHS and scope["method"] == "GET":
            return Response(200, api_docs.document_body(scope["path"]))
        return plain_error_response(405, "GET /__truth__, POST /__control__, GET of a document")

    def _control(self, body: bytes) -> Response:
        api = self._api
        try:
            changes = msgspec.json.decode(body, type=dict[str, Any])
            config = api.state.settings.config.changed(changes)
        except (ValueError, RecursionError) as error:  # msgspec raises ValueErrors
            return plain_error_response(400, str(error))
        api.state.reconfigure(config)
        api.apply_settings()
        shown = msgspec.to_builtins(config)
        shown["api_keys"] = len(config.api_keys)
        return Response(200, msgspec.json.encode(shown))


def _address_of(scope: Scope) -> str:
    """The ``address:port`` of the connection, for a client that sends no Host."""
    name, port = scope.get("server") or ("127.0.0.1", 80)
    return format_address(name, port)


async def _send(send: Send, response: Response) -> None:
    headers = list(response.headers)
    if response.status != 204:
        headers += (_JSON, (_LENGTH, b"%d" % len(response.body)))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})
