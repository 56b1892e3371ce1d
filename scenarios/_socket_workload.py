"""
Work on one of a session's sockets, and probes with tokens that must not open it.

Each probe uses a socket of its own, outside every SLO. The check ``sockets.tokens`` evaluates it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from time import time

from harness.client.sockets.connection import Endpoint
from harness.clock import unix_ns
from harness.contract.response_models import CreatedSession
from harness.contract.sockets import SocketKind
from harness.load.user import Iteration

EXPIRY_WAIT_MAX_S = 2.0
"""Longest wait of a probe for a token to expire."""


class SocketWorkload(ABC):
    """
    One iteration: create, work on a socket, delete, with probes in between.

    It keeps the last session, whose token the next iteration's probe may try.
    """

    sockets = 1  # concurrent sockets per user

    def __init__(self, kind: SocketKind) -> None:
        self._kind = kind
        self._other_session: Endpoint | None = None

    @abstractmethod
    def work(self, iteration: Iteration, created: CreatedSession, begun_ns: int) -> None:
        """Connect and work in the session whose create was sent at ``begun_ns``."""

    def run_iteration(self, iteration: Iteration) -> None:
        """Make the calls of one arrival."""
        client, begun_ns = iteration.client, unix_ns()
        body, key = iteration.session_body(), iteration.new_idempotency_key()
        result = client.create_session(body, key)
        session_id, created = result.interpretation.resource_id, result.interpretation.value
        if not session_id:
            return
        if iteration.should_probe():
            iteration.begin_probe()
            client.create_session(body, key, probe="same_key_same_body")
            iteration.end_probe()
        try:
            if isinstance(created, CreatedSession):
                self.work(iteration, created, begun_ns)
        finally:
            client.delete_session(session_id)
        if isinstance(created, CreatedSession) and iteration.should_probe():
            self._try(iteration, "closed_session", self._endpoint(created))

    def probe_open(self, iteration: Iteration, created: CreatedSession) -> None:
        """Try a wrong token while the session is open."""
        endpoint, other = self._endpoint(created), self._other_session
        self._other_session = endpoint
        tokens = {
            "wrong_token": endpoint.token[:-1] + ("0" if endpoint.token[-1] != "0" else "1"),
            "no_token": "",
            "other_socket": created.cdp_token if self._kind == "action" else created.action_token,
        }
        if other is not None and other.session_id != endpoint.session_id:
            tokens["other_session"] = other.token
        probe = iteration.rng.choice(sorted(tokens))
        self._try(iteration, probe, endpoint._replace(token=tokens[probe]))
        if created.expires_at is None:
            return
        left_s = created.expires_at / 1000 - time()
        if left_s < EXPIRY_WAIT_MAX_S:
            iteration.sleep(max(0.0, left_s + 0.1))
            if not iteration.stopping:
                self._try(iteration, "expired_token", endpoint)

    def _try(self, iteration: Iteration, probe: str, endpoint: Endpoint) -> None:
        iteration.begin_probe()
        iteration.client.probe_socket(self._kind, endpoint, probe)
        iteration.end_probe()

    def _endpoint(self, created: CreatedSession) -> Endpoint:
        if self._kind == "action":
            return Endpoint(created.session_id, created.action_ws_url, created.action_token)
        return Endpoint(created.session_id, created.cdp_ws_url, created.cdp_token)
