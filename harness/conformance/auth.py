"""Checks of health, keys and refusals."""

from __future__ import annotations

import math
import time

from harness.conformance.case import BrokenPromiseError, Check, NotSeenError
from harness.conformance.context import Desk, require, tell
from harness.contract.outcomes import Outcome
from harness.workload.payloads import session_body

BURST_MAX = 400
"""Requests sent one after the other to meet a rate limit."""
_SPARE_S = 0.1
"""Added to a Retry-After: the clocks of two machines, and the way there."""


def _health(desk: Desk) -> None:
    status = desk.ask("health").reply.status
    require(status == 200, f"GET /health answered {status}")


def _key_taken(desk: Desk) -> None:
    answer = desk.ask("get_session", f"conform-{desk.nonce}").answer
    require(answer.outcome is not Outcome.AUTH_FAILED, f"the key was refused: {tell(answer)}")


def _health_without_key(desk: Desk) -> None:
    via = desk.strangers(None)
    try:
        status = desk.ask("health", via=via).reply.status
    finally:
        via.close()
    require(status == 200, f"GET /health without a key answered {status}")


def _either_header(desk: Desk) -> None:
    key = desk.key_text()
    for header in (("x-api-key", key), ("authorization", f"Bearer {key}")):
        via = desk.strangers(header)
        try:
            answer = desk.ask("get_session", f"conform-{desk.nonce}", via=via).answer
        finally:
            via.close()
        require(
            answer.outcome is not Outcome.AUTH_FAILED,
            f"the key was refused as {header[0]}: {tell(answer)}",
        )


def _no_key(desk: Desk) -> None:
    _refused_key(desk, None)


def _wrong_key(desk: Desk) -> None:
    _refused_key(desk, ("x-api-key", f"osk_conform_{desk.nonce}"))


def _refused_key(desk: Desk, header: tuple[str, str] | None) -> None:
    via = desk.strangers(header)
    try:
        reply, answer = desk.ask("get_session", f"conform-{desk.nonce}", via=via)
    finally:
        via.close()
    require(
        reply.status == 401 and answer.code == "CLOUD_AUTH_FAILED",
        f"status {reply.status}, code {answer.code or 'none'}, not 401 CLOUD_AUTH_FAILED",
    )


def _unknown_session(desk: Desk) -> None:
    answer = desk.ask("get_session", f"conform-{desk.nonce}").answer
    require(
        answer.outcome is Outcome.NOT_FOUND and bool(answer.code),
        f"a session that never was is answered {tell(answer)}, not CLOUD_SESSION_NOT_FOUND",
    )


def _refusal(desk: Desk) -> None:
    for key in ("", f"osk_conform_{desk.nonce}"):
        via = desk.strangers(("x-api-key", key)) if key else None
        try:
            reply, answer = desk.ask("get_session", f"conform-{desk.nonce}", via=via)
        finally:
            if via is not None:
                via.close()
        require(
            bool(answer.code) and not answer.violation,
            f"a refusal with {reply.status} is no {{error, code}}: {tell(answer)}",
        )


def _method(desk: Desk) -> None:
    reply, answer = desk.ask("create_session", method="PUT", body=b"{}")
    require(
        reply.status == 405 and answer.outcome is Outcome.UNSUPPORTED_METHOD,
        f"PUT /sessions was answered {reply.status} {tell(answer)}, "
        "not 405 CLOUD_UNSUPPORTED_METHOD",
    )


def _invalid(desk: Desk) -> None:
    for what, body in (("{}", b"{}"), ("half a JSON text", b'{"sourceType":')):
        reply, answer = desk.ask("create_session", body=body)
        require(
            reply.status == 400 and answer.outcome is Outcome.CONFIG_INVALID,
            f"a create of {what} was answered {reply.status} {tell(answer)}, "
            "not 400 CLOUD_CONFIG_INVALID",
        )


def _mismatch(desk: Desk) -> None:
    body = session_body(int(desk.nonce, 16), desk.number(), contract_version="v0-conform")
    reply, answer = desk.ask("create_session", body=body)
    require(
        reply.status == 409 and answer.code == "CLOUD_CONTRACT_MISMATCH",
        f"contract version v0-conform was answered {reply.status} {tell(answer)}, "
        "not 409 CLOUD_CONTRACT_MISMATCH",
    )


def _rate_limit(desk: Desk) -> None:
    for _ in range(BURST_MAX):
        reply, answer = desk.ask("get_session", f"conform-{desk.nonce}", patient=False)
        if reply.status == 429 or answer.outcome is Outcome.RATE_LIMITED:
            break
    else:
        raise NotSeenError(f"no rate limit met with {BURST_MAX} requests in a row")
    require(
        reply.status == 429 and answer.code == "CLOUD_RATE_LIMITED" and not answer.violation,
        f"the limit was answered {reply.status} {tell(answer)}, "
        "not a plain 429 CLOUD_RATE_LIMITED with Retry-After",
    )
    wait_s = answer.retry_after_s
    if math.isnan(wait_s):
        raise BrokenPromiseError("the refusal has no Retry-After that can be read")
    if wait_s > desk.patience_s:
        raise NotSeenError(f"Retry-After asks for {wait_s:g} s, longer than --patience")
    time.sleep(max(0.0, wait_s) + _SPARE_S)
    again = desk.ask("get_session", f"conform-{desk.nonce}", patient=False).answer
    require(
        again.outcome is not Outcome.RATE_LIMITED,
        f"refused again after the {wait_s:g} s that Retry-After asked for",
    )


CHECKS = (
    Check("health.ok", "GET /health answers 200", _health, destructive=False),
    Check("auth.key_taken", "The key is taken by its header", _key_taken, destructive=False),
    Check(
        "health.without_key",
        "GET /health needs no key",
        _health_without_key,
        source="ours",
        destructive=False,
    ),
    Check(
        "auth.either_header",
        "The key is taken as x-api-key and as a bearer token alike",
        _either_header,
        source="ours",
        destructive=False,
    ),
    Check(
        "auth.no_key",
        "A request without a key is answered 401 CLOUD_AUTH_FAILED",
        _no_key,
        destructive=False,
    ),
    Check(
        "auth.wrong_key",
        "A request with an unknown key is answered 401 CLOUD_AUTH_FAILED",
        _wrong_key,
        destructive=False,
    ),
    Check(
        "get_session.unknown",
        "A session id that is not known is answered CLOUD_SESSION_NOT_FOUND",
        _unknown_session,
        destructive=False,
    ),
    Check(
        "errors.body",
        "A refusal is JSON: {error, code, details?}",
        _refusal,
        source="client",
        destructive=False,
    ),
    Check(
        "errors.method",
        "A method that a path does not have is answered 405 CLOUD_UNSUPPORTED_METHOD",
        _method,
        source="ours",
        destructive=False,
    ),
    Check(
        "create_session.invalid",
        "A body that lacks what is required is answered 400 CLOUD_CONFIG_INVALID",
        _invalid,
        source="ours",
    ),
    Check(
        "create_session.contract_mismatch",
        "Another contract version is answered 409 CLOUD_CONTRACT_MISMATCH",
        _mismatch,
    ),
)
LAST = (
    Check(
        "rate_limit.retry_after",
        "A rate-limited request is answered 429 CLOUD_RATE_LIMITED with a Retry-After "
        "after which it is let through",
        _rate_limit,
    ),
)
"""What uses up a limit comes after everything else."""
