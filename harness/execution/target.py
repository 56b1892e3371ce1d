"""
The target of a trial: the embedded stand-in, or a host that answers and takes the key.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from secrets import token_hex

from harness.attempt import Phase
from harness.client.call import Caller, Result, Seat
from harness.client.ledger import Ledger
from harness.client.opensteer_client import OpensteerClient
from harness.client.recorder import Recorder
from harness.client.retries import RetryBudget, RetryPolicy
from harness.contract.operations import target as target_of
from harness.contract.outcomes import Outcome
from harness.errors import TargetError
from harness.load.spec import EMBEDDED_KEY
from harness.standin.config import StandinConfig
from harness.standin.launch import Standin
from harness.trial.parts import PREFLIGHT
from harness.wire import Failure, Reply, Target, connect
from harness.workload.payloads import session_body

PROBED_VERSIONS = ("v1", "v2", "v3", "v4")
"""Contract versions that `find_versions` asks for."""

_DEAD = frozenset({Outcome.CONNECTION_REFUSED, Outcome.CONNECTION_LOST, Outcome.TIMEOUT})


@contextmanager
def embedded(config: StandinConfig | None = None) -> Iterator[Standin]:
    """A fresh stand-in on a free loopback port, gone afterwards."""
    changes = {"api_keys": [EMBEDDED_KEY]}
    standin = Standin((config or StandinConfig()).changed(changes))
    try:
        yield standin
    finally:
        standin.stop()


def preflight(target: Target, recorder: Recorder, *, key_matters: bool = True) -> str:
    """
    See that the target is there, speaks the API and takes the key, before any load.

    Args:
        target: Where to.
        recorder: Gets the attempts: what is sent is recorded, this too.
        key_matters: Ask for a session that does not exist, to see the key accepted.

    Returns:
        The outcome that left untold whether the key is taken; "" when it is, or was not asked.

    Raises:
        TargetError: One line that says which of the three it was.
    """
    transport = connect(target, "httpx" if target.proxy or target.http2 else "fast")
    seat = Seat(
        worker=PREFLIGHT,
        record=recorder.record,
        policy=RetryPolicy(attempts=2, deadline_s=10.0),
        budget=RetryBudget(0.0),
        sleep=time.sleep,
        chance=Random(0),
        next_call_id=1 << 60,
    )
    try:
        caller = Caller(transport, seat)
        caller.arrive(Phase.PREFLIGHT.value, 0)
        health = caller.call("health", "/health")
        if health.answer.outcome is not Outcome.AUTH_FAILED:
            _judge_health(health, caller.last, target.base_url)
        if not key_matters:
            return ""
        caller.arrive(Phase.PREFLIGHT.value, 0)
        absent = target_of("get_session", "harness-preflight")
        return _judge_key(caller.call("get_session", absent), target.base_url)
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
    seat = Seat(
        worker=PREFLIGHT,
        record=Recorder().record,
        policy=RetryPolicy(attempts=2, deadline_s=10.0),
        budget=RetryBudget(0.0),
        sleep=time.sleep,
        chance=Random(0),
    )
    client = OpensteerClient(transport, seat, Ledger())
    found = {}
    try:
        for version in PROBED_VERSIONS:
            body = session_body(0, 0, contract_version=version)
            result = client.create_session(body, f"doctor-{token_hex(8)}")
            if result.answer.resource_id:
                client.delete_session(result.answer.resource_id)
            words = {Outcome.OK: "taken", Outcome.CONTRACT_MISMATCH: "refused"}
            found[version] = words.get(result.answer.outcome, str(result.answer.outcome))
    finally:
        transport.close()
    return found


def _judge_health(result: Result, last: Reply | None, host: str) -> None:
    if result.ok:
        return
    answer = result.answer
    status = last.status if last is not None else 0
    if answer.outcome in _DEAD:
        detail = last.detail if last is not None and last.detail else answer.outcome
        if last is not None and last.failure is Failure.TLS:
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
        f"{host} answers /health with {status or 'no HTTP'} ({answer.outcome}); "
        "is this the base URL of the Opensteer API?"
    )


def _judge_key(result: Result, host: str) -> str:
    """What left it untold; "" when it was taken: all else the API says to known keys only."""
    answer = result.answer
    if answer.outcome is Outcome.AUTH_FAILED:
        raise TargetError(
            f"{host} refuses the API key (401); check OPENSTEER_API_KEY and its scheme (--auth)"
        )
    if answer.outcome is Outcome.INVALID_RESPONSE or (
        answer.outcome in {Outcome.NOT_FOUND, Outcome.CLIENT_ERROR, Outcome.SERVER_ERROR}
        and not answer.code
        and "JSON" in answer.violation
    ):
        raise TargetError(
            f"{host} does not answer as the Opensteer API does ({answer.violation}); "
            "is this its base URL?"
        )
    if answer.outcome in _DEAD:
        raise TargetError(f"{host} stopped answering during the preflight ({answer.outcome})")
    untold = answer.outcome is Outcome.RATE_LIMITED or answer.outcome is Outcome.SERVER_ERROR
    return str(answer.outcome) if untold else ""
