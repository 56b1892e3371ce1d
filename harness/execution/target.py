"""
The target of a trial: the embedded stand-in, or a host that answers and takes the key.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from secrets import token_hex

from harness.attempt import ReservedPhase
from harness.client.call import CallResult, ClientContext, RetryingCaller
from harness.client.ledger import Ledger
from harness.client.opensteer_client import OpensteerClient
from harness.client.recorder import Recorder
from harness.client.retries import RetryBudget, RetryPolicy
from harness.contract.operations import request_target as target_of
from harness.contract.outcomes import Outcome
from harness.errors import TargetError
from harness.load.spec import EMBEDDED_KEY
from harness.standin.config import StandinConfig
from harness.standin.launch import Standin
from harness.trial.parts import PREFLIGHT
from harness.wire import Failure, Response, Target, connect
from harness.workload.payloads import session_body

PROBED_VERSIONS = ("v1", "v2", "v3", "v4")
"""Contract versions that `find_versions` asks for."""

_PREFLIGHT_CALL_IDS = 1 << 60
_UNREACHABLE_OUTCOMES = frozenset(
    {Outcome.CONNECTION_REFUSED, Outcome.CONNECTION_LOST, Outcome.TIMEOUT}
)


@contextmanager
def embedded(config: StandinConfig | None = None) -> Iterator[Standin]:
    """A fresh stand-in on a free loopback port, gone afterwards."""
    changes = {"api_keys": [EMBEDDED_KEY]}
    standin = Standin((config or StandinConfig()).changed(changes))
    try:
        yield standin
    finally:
        standin.stop()


def preflight(
    target: Target, recorder: Recorder, *, key_matters: bool = True, first_call_id: int = 1
) -> str:
    """
    See that the target is there, speaks the API and takes the key, before any load.

    Args:
        target: Where to.
        recorder: Gets the attempts: what is sent is recorded, this too.
        key_matters: Ask for a session that does not exist, to see the key accepted.
        first_call_id: As of the load that follows.

    Returns:
        The outcome that left untold whether the key is taken; "" when it is, or was not asked.

    Raises:
        TargetError: One line that says which of the three it was.
    """
    transport = connect(target, "httpx" if target.proxy or target.http2 else "fast")
    context = ClientContext(
        worker=PREFLIGHT,
        record=recorder.record,
        policy=RetryPolicy(attempts=2, deadline_s=10.0),
        budget=RetryBudget(0.0),
        sleep=time.sleep,
        rng=Random(0),
        next_call_id=_PREFLIGHT_CALL_IDS + first_call_id,
    )
    try:
        client = RetryingCaller(transport, context)
        client.begin_iteration(ReservedPhase.PREFLIGHT.value, 0)
        health = client.call("health", "/health")
        if health.interpretation.outcome is not Outcome.AUTH_FAILED:
            _check_health(health, client.last_response, target.base_url)
        if not key_matters:
            return ""
        client.begin_iteration(ReservedPhase.PREFLIGHT.value, 0)
        absent = target_of("get_session", "harness-preflight")
        return _check_key(client.call("get_session", absent), target.base_url)
    finally:
        transport.close()


def find_versions(target: Target) -> dict[str, str]:
    """
    Ask for a session of each contract version, and close what was opened.

    Returns:
        Version → ``taken``, ``refused`` (409 CLOUD_CONTRACT_MISMATCH), or the outcome
        that left it untold.
    """
    transport = connect(target, "httpx" if target.proxy or target.http2 else "fast")
    context = ClientContext(
        worker=PREFLIGHT,
        record=Recorder().record,
        policy=RetryPolicy(attempts=2, deadline_s=10.0),
        budget=RetryBudget(0.0),
        sleep=time.sleep,
        rng=Random(0),
    )
    client = OpensteerClient(transport, context, Ledger())
    found = {}
    try:
        for version in PROBED_VERSIONS:
            body = session_body(0, 0, contract_version=version)
            result = client.create_session(body, f"doctor-{token_hex(8)}")
            if result.interpretation.resource_id:
                client.delete_session(result.interpretation.resource_id)
            words = {Outcome.OK: "taken", Outcome.CONTRACT_MISMATCH: "refused"}
            found[version] = words.get(
                result.interpretation.outcome, str(result.interpretation.outcome)
            )
    finally:
        transport.close()
    return found


def _check_health(result: CallResult, last_response: Response | None, host: str) -> None:
    if result.ok:
        return
    interpretation = result.interpretation
    status = last_response.status if last_response is not None else 0
    if interpretation.outcome in _UNREACHABLE_OUTCOMES:
        detail = (
            last_response.detail
            if last_response is not None and last_response.detail
            else interpretation.outcome
        )
        if last_response is not None and last_response.failure is Failure.TLS:
            raise TargetError(
                f"{host} cannot be trusted ({detail}); name its authority with --ca-file, "
                "or take any certificate with --insecure"
            )
        raise TargetError(
            f"{host} cannot be reached ({detail}); is the address right, and is it running?"
        )
    if 300 <= status < 400:  # a redirect is never followed: it would carry the key elsewhere
        raise TargetError(
            f"{host} answers /health with a redirect ({status}); name where it leads to"
        )
    raise TargetError(
        f"{host} answers /health with {status or 'no HTTP'} ({interpretation.outcome}); "
        "is this the base URL of the Opensteer API?"
    )


def _check_key(result: CallResult, host: str) -> str:
    """What left it untold; "" when it was taken: all else the API says to known keys only."""
    interpretation = result.interpretation
    if interpretation.outcome is Outcome.AUTH_FAILED:
        raise TargetError(
            f"{host} refuses the API key (401); check OPENSTEER_API_KEY and its scheme (--auth)"
        )
    if interpretation.outcome is Outcome.INVALID_RESPONSE or (
        interpretation.outcome in {Outcome.NOT_FOUND, Outcome.CLIENT_ERROR, Outcome.SERVER_ERROR}
        and not interpretation.code
        and "JSON" in interpretation.violation
    ):
        raise TargetError(
            f"{host} does not answer as the Opensteer API does ({interpretation.violation}); "
            "is this its base URL?"
        )
    if interpretation.outcome in _UNREACHABLE_OUTCOMES:
        raise TargetError(
            f"{host} stopped answering during the preflight ({interpretation.outcome})"
        )
    unconfirmed = (
        interpretation.outcome is Outcome.RATE_LIMITED
        or interpretation.outcome is Outcome.SERVER_ERROR
    )
    return str(interpretation.outcome) if unconfirmed else ""
