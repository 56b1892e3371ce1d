"""
Socket tokens: one per session and socket, derived by a keyed hash and not stored.

So a token survives a restart, and another session's token is as wrong as an invented one.
"""

from __future__ import annotations

import hmac
from hashlib import blake2b
from typing import Literal

Socket = Literal["action", "cdp"]

PREFIXES: dict[Socket, str] = {"action": "act_", "cdp": "cdp_"}


def make_token(seed: int, socket: Socket, session_id: str) -> str:
    """The token that opens one of a session's sockets."""
    opens = f"{socket}/{session_id}".encode()
    secret = f"stand-in {seed}".encode()
    return PREFIXES[socket] + blake2b(opens, key=secret, digest_size=16).hexdigest()


def is_token(token: str, seed: int, socket: Socket, session_id: str) -> bool:
    """Whether a token opens this socket of this session."""
    right = make_token(seed, socket, session_id)
    return hmac.compare_digest(token.encode(errors="replace"), right.encode())
