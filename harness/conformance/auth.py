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
    status = context.call("health").response.status
    require(status == 200, f"GET /health answered {status}")


def _key_accepted(context: CaseContext) -> None:
    interpretation = context.call("get_session", f"conform-{context.nonce}").interpretation
    require(
        interpretation.outcome is not Outcome.AUTH_FAILED,
        f"the key was refused: {describe(interpretation)}",
    )


def _health_without_key(context: CaseContext) -> None:
    transport = context.without_key(None)
    try:
        status = context.call("health", transport=transport).response.status
    finally:
        transport.close()
    require(status == 200, f"GET /health without a key answered {status}")


def _either_header(context: CaseContext) -> None:
    key = context.api_key()
    for header in (("x-api-key", key), ("authorization", f"Bearer {key}")):
        transport = context.without_key(header)
        try:
            interpretation = context.call(
                "get_session", f"conform-{context.nonce}", transport=transport
            ).interpretation
        finally:
            transport.close()
        require(
            interpretation.outcome is not Outcome.AUTH_FAILED,
            f"the key was refused as {header[0]}: {describe(interpretation)}",
        )


def _no_key(context: CaseContext) -> None:
    _refused_key(context, None)


def _wrong_key(context: CaseContext) -> None:
    _refused_key(context, ("x-api-key", f"osk_conform_{context.nonce}"))


def _refused_key(context: CaseContext, header: tuple[str, str] | None) -> None:
    transport = context.without_key(header)
    try:
        response, interpretation = context.call(
            "get_session", f"conform-{context.nonce}", transport=transport
        )
    finally:
        transport.close()
    require(
        response.status == 401 and interpretation.code == "CLOUD_AUTH_FAILED",
        f"status {response.status}, code {interpretation.code or 'none'}, not 401 "
        "CLOUD_AUTH_FAILED",
    )


def _unknown_session(context: CaseContext) -> None:
    interpretation = context.call("get_session", f"conform-{context.nonce}").interpretation
    require(
        interpretation.outcome is Outcome.NOT_FOUND and bool(interpretation.code),
        f"a session that never was is answered {describe(interpretation)}, not "
        "CLOUD_SESSION_NOT_FOUND",
    )


def _refusal(context: CaseContext) -> None:
    for key in ("", f"osk_conform_{context.nonce}"):
        transport = context.without_key(("x-api-key", key)) if key else None
        try:
            response, interpretation = context.call(
                "get_session", f"conform-{context.nonce}", transport=transport
            )
        finally:
            if transport is not None:
                transport.close()
        require(
            bool(interpretation.code) and not interpretation.violation,
            f"a refusal with {response.status} is no {{error, code}}: {describe(interpretation)}",
        )


def _method(context: CaseContext) -> None:
    response, interpretation = context.call("create_session", method="PUT", body=b"{}")
    require(
        response.status == 405 and interpretation.outcome is Outcome.UNSUPPORTED_METHOD,
        f"PUT /sessions was answered {response.status} {describe(interpretation)}, "
        "not 405 CLOUD_UNSUPPORTED_METHOD",
    )


def _invalid(context: CaseContext) -> None:
    for what, body in (("{}", b"{}"), ("half a JSON text", b'{"sourceType":')):
        response, interpretation = context.call("create_session", body=body)
        require(
            response.status == 400 and interpretation.outcome is Outcome.CONFIG_INVALID,
            f"a create of {what} was answered {response.status} {describe(interpretation)}, "
            "not 400 CLOUD_CONFIG_INVALID",
        )


def _mismatch(context: CaseContext) -> None:
    body = session_body(int(context.nonce, 16), context.number(), contract_version="v0-conform")
    response, interpretation = context.call("create_session", body=body)
    require(
        response.status == 409 and interpretation.code == "CLOUD_CONTRACT_MISMATCH",
        f"contract version v0-conform was answered {response.status} "
        f"{describe(interpretation)}, "
        "not 409 CLOUD_CONTRACT_MISMATCH",
    )


def _rate_limit(context: CaseContext) -> None:
    for _ in range(BURST_MAX):
        response, interpretation = context.call(
            "get_session", f"conform-{context.nonce}", retry_rate_limited=False
        )
        if response.status == 429 or interpretation.outcome is Outcome.RATE_LIMITED:
            break
    else:
        raise CaseSkippedError(f"no rate limit met with {BURST_MAX} requests in a row")
    require(
        response.status == 429
        and interpretation.code == "CLOUD_RATE_LIMITED"
        and not interpretation.violation,
        f"the limit was answered {response.status} {describe(interpretation)}, "
        "not a plain 429 CLOUD_RATE_LIMITED with Retry-After",
    )
    wait_s = interpretation.retry_after_s
    if math.isnan(wait_s):
        raise CaseFailedError("the refusal has no Retry-After that can be read")
    if wait_s > context.patience_s:
        raise CaseSkippedError(f"Retry-After asks for {wait_s:g} s, longer than --patience")
    time.sleep(max(0.0, wait_s) + _MARGIN_S)
    again = context.call(
        "get_session", f"conform-{context.nonce}", retry_rate_limited=False
    ).interpretation
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
