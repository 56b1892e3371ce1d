"""The target of a trial: the embedded stand-in, or a host that passes the preflight."""

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
from harness.wire import Failure, Response, Target, Transport, connect
from harness.workload.payloads import session_body

PROBED_VERSIONS = ("v1", "v2", "v3", "v4")
_PREFLIGHT_CALL_IDS = 1 << 60
_UNREACHABLE_OUTCOMES = frozenset(
    {Outcome.CONNECTION_REFUSED, Outcome.CONNECTION_LOST, Outcome.TIMEOUT}
)


@contextmanager
def embedded(config: StandinConfig | None = None) -> Iterator[Standin]:
    """Run a new stand-in on a free loopback port."""
    standin = Standin((config or StandinConfig()).changed({"api_keys": [EMBEDDED_KEY]}))
    try:
        yield standin
    finally:
        standin.stop()


def preflight(
    target: Target, recorder: Recorder, *, key_matters: bool = True, first_call_id: int = 1
) -> str:
    """
    Check before a load that the target answers, speaks the API and accepts the key.

    Args:
        target: The target.
        recorder: Records the attempts.
        key_matters: Request a session that does not exist, to check the key.
        first_call_id: That of the load that follows.

    Returns:
        The outcome that leaves open whether the key is accepted; "" if it is, or if it does not
        matter.

    Raises:
        TargetError: The target failed a check.
    """
    with _connection(target, recorder, first_call_id) as (transport, context):
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


def find_versions(target: Target) -> dict[str, str]:
    """
    Request a session with each contract version, and close those that opened.

    Returns:
        Version → ``taken``, ``refused`` (409 CLOUD_CONTRACT_MISMATCH), or another outcome.
    """
    words = {Outcome.OK: "taken", Outcome.CONTRACT_MISMATCH: "refused"}
    found = {}
    with _connection(target, Recorder()) as (transport, context):
        client = OpensteerClient(transport, context, Ledger())
        for version in PROBED_VERSIONS:
            body = session_body(0, 0, contract_version=version)
            answer = client.create_session(body, f"doctor-{token_hex(8)}").interpretation
            if answer.resource_id:
                client.delete_session(answer.resource_id)
            found[version] = words.get(answer.outcome, str(answer.outcome))
    return found


@contextmanager
def _connection(
    target: Target, recorder: Recorder, first_call_id: int = 1
) -> Iterator[tuple[Transport, ClientContext]]:
    transport = connect(target, "httpx" if target.proxy or target.http2 else "fast")
    try:
        yield (
            transport,
            ClientContext(
                worker=PREFLIGHT,
                record=recorder.record,
                policy=RetryPolicy(attempts=2, deadline_s=10.0),
                budget=RetryBudget(0.0),
                sleep=time.sleep,
                rng=Random(0),
                next_call_id=_PREFLIGHT_CALL_IDS + first_call_id,
            ),
        )
    finally:
        transport.close()


def refused_key(host: str) -> TargetError:
    """The error for a target that refuses the key."""
    return TargetError(
        f"{host} refuses the API key (401); check OPENSTEER_API_KEY and its scheme (--auth)"
    )


def _check_health(result: CallResult, response: Response | None, host: str) -> None:
    if result.ok:
        return
    outcome = result.interpretation.outcome
    status = response.status if response is not None else 0
    if outcome in _UNREACHABLE_OUTCOMES:
        detail = (response is not None and response.detail) or outcome
        if response is not None and response.failure is Failure.TLS:
            raise TargetError(
                f"{host} cannot be trusted ({detail}); name its authority with --ca-file, "
                "or accept any certificate with --insecure"
            )
        raise TargetError(
            f"{host} cannot be reached ({detail}); is the address right, and is it running?"
        )
    if 300 <= status < 400:  # redirects are not followed: another host would get the key
        raise TargetError(
            f"{host} answers /health with a redirect ({status}); name its destination instead"
        )
    raise TargetError(
        f"{host} answers /health with {status or 'no HTTP'} ({outcome}); "
        "is this the base URL of the Opensteer API?"
    )


def _check_key(result: CallResult, host: str) -> str:
    """The outcome that leaves the key open; "" if accepted: other answers need a valid key."""
    interpretation = result.interpretation
    outcome = interpretation.outcome
    if outcome is Outcome.AUTH_FAILED:
        raise refused_key(host)
    if outcome is Outcome.INVALID_RESPONSE or (
        outcome in {Outcome.NOT_FOUND, Outcome.CLIENT_ERROR, Outcome.SERVER_ERROR}
        and not interpretation.code
        and "JSON" in interpretation.violation
    ):
        raise TargetError(
            f"{host} does not answer as the Opensteer API does ({interpretation.violation}); "
            "is this its base URL?"
        )
    if outcome in _UNREACHABLE_OUTCOMES:
        raise TargetError(f"{host} stopped answering during the preflight ({outcome})")
    unconfirmed = outcome in {Outcome.RATE_LIMITED, Outcome.SERVER_ERROR}
    return str(outcome) if unconfirmed else ""
