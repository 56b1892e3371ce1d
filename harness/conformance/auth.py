"""Cases of health, keys and refusals."""

from __future__ import annotations

import math
import time

from harness.conformance.case import CaseList
from harness.conformance.context import (
    CaseContext,
    CaseFailedError,
    CaseSkippedError,
    describe,
    require,
    require_status,
)
from harness.contract.outcomes import Outcome
from harness.workload.payloads import session_body

CASES = CaseList()
LAST = CaseList()
"""Cases that use up a limit; they run last."""

BURST_MAX = 400
"""Most consecutive requests sent to meet a rate limit."""
_MARGIN_S = 0.1
"""Added to a Retry-After: clocks differ, and the request takes time to arrive."""


@CASES.case("health.ok", "GET /health answers 200", destructive=False)
def _health(context: CaseContext) -> None:
    require_status(context.call("health"), "GET /health", 200)


@CASES.case("auth.key_taken", "The key in its header is accepted", destructive=False)
def _key_accepted(context: CaseContext) -> None:
    interpretation = context.call("get_session", context.unknown_id).interpretation
    require(
        interpretation.outcome is not Outcome.AUTH_FAILED,
        f"the key was refused: {describe(interpretation)}",
    )


@CASES.case("health.without_key", "GET /health needs no key", source="ours", destructive=False)
def _health_without_key(context: CaseContext) -> None:
    with context.without_key() as transport:
        require_status(
            context.call("health", transport=transport), "GET /health without a key", 200
        )


@CASES.case(
    "auth.either_header",
    "The key is accepted as x-api-key and as a bearer token",
    source="ours",
    destructive=False,
)
def _either_header(context: CaseContext) -> None:
    key = context.api_key
    for header in (("x-api-key", key), ("authorization", f"Bearer {key}")):
        with context.without_key(header) as transport:
            exchange = context.call("get_session", context.unknown_id, transport=transport)
        require(
            exchange.interpretation.outcome is not Outcome.AUTH_FAILED,
            f"the key was refused as {header[0]}: {describe(exchange.interpretation)}",
        )


@CASES.case(
    "auth.no_key", "A request without a key is answered 401 CLOUD_AUTH_FAILED", destructive=False
)
def _no_key(context: CaseContext) -> None:
    _require_auth_failed(context, "a request without a key", None)


@CASES.case(
    "auth.wrong_key",
    "A request with an unknown key is answered 401 CLOUD_AUTH_FAILED",
    destructive=False,
)
def _wrong_key(context: CaseContext) -> None:
    header = ("x-api-key", f"osk_conform_{context.nonce}")
    _require_auth_failed(context, "a request with an unknown key", header)


def _require_auth_failed(
    context: CaseContext, request: str, header: tuple[str, str] | None
) -> None:
    with context.without_key(header) as transport:
        exchange = context.call("get_session", context.unknown_id, transport=transport)
    require_status(exchange, request, 401, "CLOUD_AUTH_FAILED")


@CASES.case(
    "get_session.unknown",
    "An unknown session id is answered CLOUD_SESSION_NOT_FOUND",
    destructive=False,
)
def _unknown_session(context: CaseContext) -> None:
    interpretation = context.call("get_session", context.unknown_id).interpretation
    require(
        interpretation.outcome is Outcome.NOT_FOUND and bool(interpretation.code),
        f"an unknown session: got {describe(interpretation)}, not CLOUD_SESSION_NOT_FOUND",
    )


@CASES.case(
    "errors.body",
    "An error response is JSON: {error, code, details?}",
    source="client",
    destructive=False,
)
def _error_body(context: CaseContext) -> None:
    with context.without_key(("x-api-key", f"osk_conform_{context.nonce}")) as wrong_key:
        for transport in (None, wrong_key):
            response, interpretation = context.call(
                "get_session", context.unknown_id, transport=transport
            )
            require(
                bool(interpretation.code) and not interpretation.violation,
                f"the body of a {response.status} is not {{error, code}}: "
                f"{describe(interpretation)}",
            )


@CASES.case(
    "errors.method",
    "A method that a path does not have is answered 405 CLOUD_UNSUPPORTED_METHOD",
    source="ours",
    destructive=False,
)
def _method(context: CaseContext) -> None:
    exchange = context.call("create_session", method="PUT", body=b"{}")
    require_status(exchange, "PUT /sessions", 405, "CLOUD_UNSUPPORTED_METHOD")


@CASES.case(
    "create_session.invalid",
    "A body without a required member is answered 400 CLOUD_CONFIG_INVALID",
    source="ours",
)
def _invalid(context: CaseContext) -> None:
    for what, body in (("{}", b"{}"), ("truncated JSON", b'{"sourceType":')):
        exchange = context.call("create_session", body=body)
        require_status(exchange, f"a create with {what}", 400, "CLOUD_CONFIG_INVALID")


@CASES.case(
    "create_session.contract_mismatch",
    "Another contract version is answered 409 CLOUD_CONTRACT_MISMATCH",
)
def _mismatch(context: CaseContext) -> None:
    body = session_body(context.seed, context.number(), contract_version="v0-conform")
    exchange = context.call("create_session", body=body)
    require_status(exchange, "contract version v0-conform", 409, "CLOUD_CONTRACT_MISMATCH")


@LAST.case(
    "rate_limit.retry_after",
    "A rate-limited request is answered 429 CLOUD_RATE_LIMITED, and is accepted after its "
    "Retry-After",
)
def _rate_limit(context: CaseContext) -> None:
    for _ in range(BURST_MAX):
        exchange = context.call("get_session", context.unknown_id, retry_rate_limited=False)
        interpretation = exchange.interpretation
        if exchange.response.status == 429 or interpretation.outcome is Outcome.RATE_LIMITED:
            break
    else:
        raise CaseSkippedError(f"no rate limit met with {BURST_MAX} consecutive requests")
    require_status(exchange, "over the limit", 429, "CLOUD_RATE_LIMITED")
    require(not interpretation.violation, f"over the limit: got {describe(interpretation)}")
    wait_s = interpretation.retry_after_s
    if math.isnan(wait_s):
        raise CaseFailedError("the refusal has no readable Retry-After")
    if wait_s > context.patience_s:
        raise CaseSkippedError(f"Retry-After is {wait_s:g} s, longer than --patience")
    time.sleep(max(0.0, wait_s) + _MARGIN_S)
    again = context.call("get_session", context.unknown_id, retry_rate_limited=False)
    require(
        again.interpretation.outcome is not Outcome.RATE_LIMITED,
        f"refused again after the {wait_s:g} s of Retry-After",
    )
