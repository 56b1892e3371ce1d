"""
The gate: which upgrades are let in, and what the others are told.

::

    path ─ 404 ─► session ─ 404 ─► token ─ 401 ─► closed ─ 410, too young ─ 409 ─► in

The token stands in the URL's query, where the client puts it; only the last checks
depend on the time.
"""

from __future__ import annotations

from typing import NamedTuple, cast
from urllib.parse import parse_qs

from harness.standin.messages import Answer, fail, fail_plainly
from harness.standin.sessions import Session
from harness.standin.sockets.tokens import Socket, is_token
from harness.standin.state import State

_SOCKETS = ("action", "cdp")


class Door(NamedTuple):
    """Where an upgrade goes; ``socket`` is "" for a path that is none."""

    socket: Socket | None
    session_id: str


def find_door(path: str) -> Door:
    """Match ``/ws/action/:id`` and ``/ws/cdp/:id``."""
    parts = path.split("/")
    if len(parts) == 4 and parts[:2] == ["", "ws"] and parts[2] in _SOCKETS and parts[3]:
        return Door(cast("Socket", parts[2]), parts[3])
    return Door(None, "")


def judge(state: State, door: Door, query: bytes, now_ns: int) -> Session | Answer:
    """Let an upgrade in, to its session, or refuse it."""
    config = state.settings.config
    if door.socket is None:
        return fail_plainly(404, "no such path")
    session = state.sessions.find(door.session_id)
    if session is None:
        return fail(config.vocabulary, "CLOUD_SESSION_NOT_FOUND")
    token = parse_qs(query.decode("ascii", "replace")).get("token", [""])[-1]
    right = is_token(token, config.seed, door.socket, session.id)
    if not right or now_ns >= token_expires_ns(state, session):
        if not state.lie("takes_any_token"):
            return fail(config.vocabulary, "CLOUD_AUTH_FAILED")
        state.told("takes_any_token")
    if session.state_at(now_ns) == "closed":
        return fail(config.vocabulary, "CLOUD_SESSION_CLOSED")
    if now_ns < session.created_ns + state.settings.stale_ns:
        return fail(config.vocabulary, "CLOUD_SESSION_STALE")
    return session


def token_expires_ns(state: State, session: Session) -> int:
    """When a session's tokens are good no longer; a closed session refuses by itself."""
    lifetime_ns = state.settings.token_lifetime_ns
    return session.created_ns + lifetime_ns if lifetime_ns else 1 << 62
