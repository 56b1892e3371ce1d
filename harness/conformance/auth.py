"""Checks of health, keys and refusals."""

from __future__ import annotations

import math
import time

from harness.conformance.case import CaseFailedError, CaseSkippedError, ConformanceCase
from harness.conformance.context import CaseContext, describe, require
from harness.contract.outcomes import Outcome
from harness.workload.payloads import session_body

BURST_MAX = 400
"""Requests sent one after the other to meet a rate limit."""
_MARGIN_S = 0.1
"""Added to a Retry-After: the clocks of two machines, and the way there."""


def _health(context: CaseContext) -> None:
    status = context.call("health").reply.status
    require(status == 200, f"GET /health answered {status}")


def _key_accepted(context: CaseContext) -> None:
    answer = context.call("get_session", f"conform-{context.nonce}").answer
    require(
        answer.outcome is not Outcome.AUTH_FAILED, f"the key was refused: {describe(answer)}"
    )


def _health_without_key(context: CaseContext) -> None:
    transport = context.without_key(None)
    try:
        status = context.call("health", transport=transport).reply.status
    finally:
        transport.close()
    require(status == 200, f"GET /health without a key answered {status}")


def _either_header(context: CaseContext) -> None:
    key = context.api_key()
    for header in (("x-api-key", key), ("authorization", f"Bearer {key}")):
        transport = context.without_key(header)
        try:
            answer = context.call(
                "get_session", f"conform-{context.nonce}", transport=transport
            ).answer
        finally:
            transport.close()
        require(
            answer.outcome is not Outcome.AUTH_FAILED,
            f"the key was refused as {header[0]}: {describe(answer)}",
        )


def _no_key(context: CaseContext) -> None:
    _refused_key(context, None)


def _wrong_key(context: CaseContext) -> None:
    _refused_key(context, ("x-api-key", f"osk_conform_{context.nonce}"))


def _refused_key(context: CaseContext, header: tuple[str, str] | None) -> None:
    transport = context.without_key(header)
    try:
        reply, answer = context.call(
            "get_session", f"conform-{context.nonce}", transport=transport
        )
    finally:
        transport.close()
    require(
        reply.status == 401 and answer.code == "CLOUD_AUTH_FAILED",
        f"status {reply.status}, code {answer.code or 'none'}, not 401 CLOUD_AUTH_FAILED",
    )


def _unknown_session(context: CaseContext) -> None:
    answer = context.call("get_session", f"conform-{context.nonce}").answer
    require(
        answer.outcome is Outcome.NOT_FOUND and bool(answer.code),
        f"a session that never was is answered {describe(answer)}, not CLOUD_SESSION_NOT_FOUND",
    )


def _refusal(context: CaseContext) -> None:
    for key in ("", f"osk_conform_{context.nonce}"):
        transport = context.without_key(("x-api-key", key)) if key else None
        try:
            reply, answer = context.call(
                "get_session", f"conform-{context.nonce}", transport=transport
            )
        finally:
            if transport is not None:
                transport.close()
        require(
            bool(answer.code) and not answer.violation,
            f"a refusal with {reply.status} is no {{error, code}}: {describe(answer)}",
        )


def _method(context: CaseContext) -> None:
    reply, answer = context.call("create_session", method="PUT", body=b"{}")
    require(
        reply.status == 405 and answer.outcome is Outcome.UNSUPPORTED_METHOD,
        f"PUT /sessions was answered {reply.status} {describe(answer)}, "
        "not 405 CLOUD_UNSUPPORTED_METHOD",
    )


def _invalid(context: CaseContext) -> None:
    for what, body in (("{}", b"{}"), ("half a JSON text", b'{"sourceType":')):
        reply, answer = context.call("create_session", body=body)
        require(
            reply.status == 400 and answer.outcome is Outcome.CONFIG_INVALID,
            f"a create of {what} was answered {reply.status} {describe(answer)}, "
            "not 400 CLOUD_CONFIG_INVALID",
        )


def _mismatch(context: CaseContext) -> None:
    body = session_body(int(context.nonce, 16), context.number(), contract_version="v0-conform")
    reply, answer = context.call("create_session", body=body)
    require(
        reply.status == 409 and answer.code == "CLOUD_CONTRACT_MISMATCH",
        f"contract version v0-conform was answered {reply.status} {describe(answer)}, "
        "not 409 CLOUD_CONTRACT_MISMATCH",
    )


def _rate_limit(context: CaseContext) -> None:
    for _ in range(BURST_MAX):
        reply, answer = context.call(
            "get_session", f"conform-{context.nonce}", retry_rate_limited=False
        )
        if reply.status == 429 or answer.outcome is Outcome.RATE_LIMITED:
            break
    else:
        raise CaseSkippedError(f"no rate limit met with {BURST_MAX} requests in a row")
    require(
        reply.status == 429 and answer.code == "CLOUD_RATE_LIMITED" and not answer.violation,
        f"the limit was answered {reply.status} {describe(answer)}, "
        "not a plain 429 CLOUD_RATE_LIMITED with Retry-After",
    )
    wait_s = answer.retry_after_s
    if math.isnan(wait_s):
        raise CaseFailedError("the refusal has no Retry-After that can be read")
    if wait_s > context.patience_s:
        raise CaseSkippedError(f"Retry-After asks for {wait_s:g} s, longer than --patience")
    time.sleep(max(0.0, wait_s) + _MARGIN_S)
    again = context.call(
        "get_session", f"conform-{context.nonce}", retry_rate_limited=False
    ).answer
    require(
        again.outcome is not Outcome.RATE_LIMITED,
        f"refused again after the {wait_s:g} s that Retry-After asked for",
    )


CHECKS = (
    ConformanceCase("health.ok", "GET /health answers 200", _health, destructive=False),
    ConformanceCase(
        "auth.key_taken", "The key is taken by its header", _key_accepted, destructive=False
    ),
    ConformanceCase(
        "health.without_key",
        "GET /health needs no key",
        _health_without_key,
        source="ours",
        destructive=False,
    ),
    ConformanceCase(
        "auth.either_header",
        "The key is taken as x-api-key and as a bearer token alike",
        _either_header,
        source="ours",
        destructive=False,
    ),
    ConformanceCase(
        "auth.no_key",
        "A request without a key is answered 401 CLOUD_AUTH_FAILED",
        _no_key,
        destructive=False,
    ),
    ConformanceCase(
        "auth.wrong_key",
        "A request with an unknown key is answered 401 CLOUD_AUTH_FAILED",
        _wrong_key,
        destructive=False,
    ),
    ConformanceCase(
        "get_session.unknown",
        "A session id that is not known is answered CLOUD_SESSION_NOT_FOUND",
        _unknown_session,
        destructive=False,
    ),
    ConformanceCase(
        "errors.body",
        "A refusal is JSON: {error, code, details?}",
        _refusal,
        source="client",
        destructive=False,
    ),
    ConformanceCase(
        "errors.method",
        "A method that a path does not have is answered 405 CLOUD_UNSUPPORTED_METHOD",
        _method,
        source="ours",
        destructive=False,
    ),
    ConformanceCase(
        "create_session.invalid",
        "A body that lacks what is required is answered 400 CLOUD_CONFIG_INVALID",
        _invalid,
        source="ours",
    ),
    ConformanceCase(
        "create_session.contract_mismatch",
        "Another contract version is answered 409 CLOUD_CONTRACT_MISMATCH",
        _mismatch,
    ),
)
LAST = (
    ConformanceCase(
        "rate_limit.retry_after",
        "A rate-limited request is answered 429 CLOUD_RATE_LIMITED with a Retry-After "
        "after which it is let through",
        _rate_limit,
    ),
)
"""What uses up a limit comes after everything else."""
