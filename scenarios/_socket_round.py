"""
A round of work on one of a session's sockets, and tokens that must not open it.

The tokens are a wrong one, another's, an expired, a closed session's. Each is tried on a
socket of its own, in the probe phase, outside every SLO; the check ``sockets.tokens``
looks at what came of it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from time import time

from harness.client.sockets.connection import Way
from harness.clock import unix_ns
from harness.contract.response_models import CreatedSession
from harness.contract.sockets import Kind
from harness.load.user import Visit

EXPIRY_MAX_S = 2.0
"""How long a probe waits for a token to expire."""


class SocketRound(ABC):
    """
    One round: create, work on a socket, delete, with probes in between.

    Attributes:
        probes: Tries tokens that must not open the socket.
        sockets: How many a user holds at once.
    """

    sockets = 1

    def __init__(self, kind: Kind) -> None:
        self.probes = SocketProbes(kind)

    @abstractmethod
    def work(self, visit: Visit, created: CreatedSession, begun_ns: int) -> None:
        """Connect and work in the session that was asked for at ``begun_ns``."""

    def round(self, visit: Visit) -> None:
        """Make the calls of one arrival."""
        client, begun_ns = visit.client, unix_ns()
        body, key = visit.session_body(), visit.key()
        result = client.create_session(body, key)
        session_id, created = result.answer.resource_id, result.answer.value
        if not session_id:
            return
        if visit.probing():
            visit.as_probe()
            client.create_session(body, key, probe="same_key_same_body")
            visit.as_load()
        try:
            if isinstance(created, CreatedSession):
                self.work(visit, created, begun_ns)
        finally:
            client.delete_session(session_id)
        if isinstance(created, CreatedSession) and visit.probing():
            self.probes.try_closed(visit, created)


class SocketProbes:
    """Probes of one kind of socket; remembers a session to be the stranger of the next."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._stranger: Way | None = None

    def try_open(self, visit: Visit, created: CreatedSession) -> None:
        """Try one token that is not this socket's, while the session is open."""
        way, other = self._way(created), self._stranger
        self._stranger = way
        tried = {
            "wrong_token": way.token[:-1] + ("0" if way.token[-1] != "0" else "1"),
            "no_token": "",
            "other_socket": created.cdp_token
            if self._kind == "action"
            else created.action_token,
        }
        if other is not None and other.session_id != way.session_id:
            tried["other_session"] = other.token
        probe = visit.chance.choice(sorted(tried))
        self._try(visit, probe, way._replace(token=tried[probe]))
        self._try_expired(visit, created, way)

    def try_closed(self, visit: Visit, created: CreatedSession) -> None:
        """Try the session's own token after the session was closed."""
        self._try(visit, "closed_session", self._way(created))

    def _try_expired(self, visit: Visit, created: CreatedSession, way: Way) -> None:
        if created.expires_at is None:
            return
        left_s = created.expires_at / 1000 - time()
        if left_s < EXPIRY_MAX_S:
            visit.sleep(max(0.0, left_s + 0.1))
            if not visit.stopping:
                self._try(visit, "expired_token", way)

    def _try(self, visit: Visit, probe: str, way: Way) -> None:
        visit.as_probe()
        visit.client.probe_socket(self._kind, way, probe)
        visit.as_load()

    def _way(self, created: CreatedSession) -> Way:
        if self._kind == "action":
            return Way(created.session_id, created.action_ws_url, created.action_token)
        return Way(created.session_id, created.cdp_ws_url, created.cdp_token)
