"""
Which upgrades are accepted, and how the others are refused.

::

    path ─ 404 ─► session ─ 404 ─► token ─ 401 ─► closed ─ 410, too young ─ 409 ─► accepted

The token is in the URL's query. Only the last checks depend on the time.
"""

from __future__ import annotations

from typing import NamedTuple, cast
from urllib.parse import parse_qs

from harness.standin.messages import Response, plain_error_response
from harness.standin.sessions import Session
from harness.standin.sockets.tokens import Socket, is_token
from harness.standin.state import State

_SOCKETS = ("action", "cdp")


class SocketRoute(NamedTuple):
    """Where an upgrade goes; ``socket`` is None for an unknown path."""

    socket: Socket | None
    session_id: str


def find_socket_route(path: str) -> SocketRoute:
    """Match ``/ws/action/:id`` and ``/ws/cdp/:id``."""
    parts = path.split("/")
    if len(parts) == 4 and parts[:2] == ["", "ws"] and parts[2] in _SOCKETS and parts[3]:
        return SocketRoute(cast("Socket", parts[2]), parts[3])
    return SocketRoute(None, "")


def authorize(state: State, route: SocketRoute, query: bytes, now_ns: int) -> Session | Response:
    """The session of an accepted upgrade, or the response that refuses it."""
    if route.socket is None:
        return plain_error_response(404, "no such path")
    session = state.sessions.find(route.session_id)
    if session is None:
        return state.error("CLOUD_SESSION_NOT_FOUND")
    token = parse_qs(query.decode("ascii", "replace")).get("token", [""])[-1]
    right = is_token(token, state.settings.config.seed, route.socket, session.id)
    is_valid = right and now_ns < token_expires_ns(state, session)
    if not is_valid and not state.lies("takes_any_token"):
        return state.error("CLOUD_AUTH_FAILED")
    if session.state_at(now_ns) == "closed":
        return state.error("CLOUD_SESSION_CLOSED")
    if now_ns < session.created_ns + state.settings.stale_ns:
        return state.error("CLOUD_SESSION_STALE")
    return session


def token_expires_ns(state: State, session: Session) -> int:
    """When a session's tokens expire; closed sessions are refused anyway."""
    lifetime_ns = state.settings.token_lifetime_ns
    return session.created_ns + lifetime_ns if lifetime_ns else 1 << 62
