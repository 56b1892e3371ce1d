"""
How an attempt can end, and which error code means which outcome.

Two vocabularies are read: the 17 codes of the public documentation, and those of the TypeScript
SDK. An SDK name with the meaning of a documented code is its alias. The SDK's other codes are
known, but have no outcome of their own: the HTTP status decides between ``client_error`` and
``server_error``.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from enum import StrEnum


class Outcome(StrEnum):
    """How an attempt ended."""

    OK = "ok"
    """A success status, and a body that keeps the contract."""
    RATE_LIMITED = "rate_limited"
    CAPACITY_FULL = "capacity_full"
    TIMEOUT = "timeout"
    """The target reported it, or the client's own deadline passed: the effect is unknown."""
    LAUNCH_TIMEOUT = "launch_timeout"
    LAUNCH_FAILED = "launch_failed"
    NOT_FOUND = "not_found"
    SESSION_CLOSED = "session_closed"
    RUNTIME_GONE = "runtime_gone"
    CDP_UNAVAILABLE = "cdp_unavailable"
    CONNECTION_LOST = "connection_lost"
    """Reset or closed before the complete response: the effect is unknown."""
    ACTION_FAILED = "action_failed"
    UNSUPPORTED_METHOD = "unsupported_method"
    CONFIG_INVALID = "config_invalid"
    NOT_CONFIGURED = "not_configured"
    SERVER_ERROR = "server_error"
    """CLOUD_INTERNAL_ERROR, and every other 5xx without a code."""
    AUTH_FAILED = "auth_failed"
    CONTRACT_MISMATCH = "contract_mismatch"
    CONNECTION_REFUSED = "connection_refused"
    INVALID_RESPONSE = "invalid_response"
    """A response that is not the API's: a 2xx that breaks the contract, garbled JSON."""
    CLIENT_ERROR = "client_error"
    """Every other 4xx without a code."""


MAY_HAVE_HAPPENED = frozenset(
    {
        Outcome.TIMEOUT, Outcome.LAUNCH_TIMEOUT, Outcome.CONNECTION_LOST,
        Outcome.INVALID_RESPONSE, Outcome.SERVER_ERROR,
    }
)  # fmt: skip
"""Outcomes after which it is unknown whether the work was done."""

DOCUMENTED_CODES: Mapping[str, Outcome] = {
    "CLOUD_ACTION_FAILED": Outcome.ACTION_FAILED,
    "CLOUD_AUTH_FAILED": Outcome.AUTH_FAILED,
    "CLOUD_CAPACITY_FULL": Outcome.CAPACITY_FULL,
    "CLOUD_CDP_UNAVAILABLE": Outcome.CDP_UNAVAILABLE,
    "CLOUD_CONFIG_INVALID": Outcome.CONFIG_INVALID,
    "CLOUD_CONNECTION_LOST": Outcome.CONNECTION_LOST,
    "CLOUD_CONTRACT_MISMATCH": Outcome.CONTRACT_MISMATCH,
    "CLOUD_INTERNAL_ERROR": Outcome.SERVER_ERROR,
    "CLOUD_LAUNCH_FAILED": Outcome.LAUNCH_FAILED,
    "CLOUD_LAUNCH_TIMEOUT": Outcome.LAUNCH_TIMEOUT,
    "CLOUD_NOT_CONFIGURED": Outcome.NOT_CONFIGURED,
    "CLOUD_RATE_LIMITED": Outcome.RATE_LIMITED,
    "CLOUD_RUNTIME_GONE": Outcome.RUNTIME_GONE,
    "CLOUD_SESSION_CLOSED": Outcome.SESSION_CLOSED,
    "CLOUD_SESSION_NOT_FOUND": Outcome.NOT_FOUND,
    "CLOUD_TIMEOUT": Outcome.TIMEOUT,
    "CLOUD_UNSUPPORTED_METHOD": Outcome.UNSUPPORTED_METHOD,
}
"""The codes of the public documentation."""

ALIASES: Mapping[str, str] = {
    "CLOUD_CAPACITY_EXHAUSTED": "CLOUD_CAPACITY_FULL",
    "CLOUD_SESSION_STALE": "CLOUD_SESSION_CLOSED",
    "CLOUD_RUNTIME_UNAVAILABLE": "CLOUD_RUNTIME_GONE",
    "CLOUD_RUNTIME_MISMATCH": "CLOUD_RUNTIME_GONE",
    "CLOUD_INVALID_REQUEST": "CLOUD_CONFIG_INVALID",
    "CLOUD_INTERNAL": "CLOUD_INTERNAL_ERROR",
    "CLOUD_CONTROL_PLANE_ERROR": "CLOUD_INTERNAL_ERROR",
}
"""SDK name → the documented code with the same meaning."""

SDK_CODES = frozenset(
    {
        "CLOUD_MODEL_NOT_ALLOWED", "CLOUD_PROXY_UNAVAILABLE", "CLOUD_PROXY_REQUIRED",
        "CLOUD_BILLING_LIMIT_REACHED", "CLOUD_BROWSER_PROFILE_NOT_FOUND",
        "CLOUD_BROWSER_PROFILE_BUSY", "CLOUD_BROWSER_PROFILE_DISABLED",
        "CLOUD_BROWSER_PROFILE_PROXY_UNAVAILABLE", "CLOUD_BROWSER_PROFILE_SYNC_FAILED",
    }
)  # fmt: skip
"""Codes only the SDK knows; the HTTP status classifies them."""

CODES: Mapping[str, Outcome] = {
    **DOCUMENTED_CODES, **{alias: DOCUMENTED_CODES[code] for alias, code in ALIASES.items()}
}  # fmt: skip
"""Every code that decides the outcome."""

_CLIENT = range(400, 500)
_SERVER = range(500, 600)

_STATUSES: Mapping[str, Container[int]] = {
    "CLOUD_AUTH_FAILED": (401,),
    "CLOUD_CONTRACT_MISMATCH": (409,),
    "CLOUD_RATE_LIMITED": (429,),
    "CLOUD_INTERNAL_ERROR": _SERVER,
    "CLOUD_SESSION_NOT_FOUND": _CLIENT,
    "CLOUD_SESSION_CLOSED": _CLIENT,
    "CLOUD_CONFIG_INVALID": _CLIENT,
}
"""
Statuses a code may come with. The first three are documented. For the others RFC 9110, section
15 gives the class: 4xx for a wrong request, 5xx for a server error. Codes without an entry may
come with any error status.
"""

_CODE_OF_STATUS = {401: {"CLOUD_AUTH_FAILED"}, 429: {"CLOUD_RATE_LIMITED", "CLOUD_CAPACITY_FULL"}}
"""Statuses with a meaning fixed by HTTP and the documentation, and the codes that fit."""


def code_fits_status(code: str, status: int) -> bool:
    """Whether a known code may come with this HTTP status."""
    code = ALIASES.get(code, code)
    fitting = _CODE_OF_STATUS.get(status)
    if fitting is not None and code in DOCUMENTED_CODES and code not in fitting:
        return False
    return status in _STATUSES.get(code, range(400, 600))


def outcome_of_status(status: int, operation: str = "") -> Outcome:
    """
    Classify a response without a code.

    401, 404 and 429 mean what HTTP says; 410 for a session is a closed one. Other statuses that the
    stand-in ties to a code (503, 504, …) are not classified further, since no document promises
    them. A status that is neither 4xx nor 5xx is an ``invalid_response``.
    """
    if status == 401:
        return Outcome.AUTH_FAILED
    if status == 404:
        return Outcome.NOT_FOUND
    if status == 410 and operation.endswith(("_session", ".connect")):
        return Outcome.SESSION_CLOSED
    if status == 429:
        return Outcome.RATE_LIMITED
    if status in _CLIENT:
        return Outcome.CLIENT_ERROR
    return Outcome.SERVER_ERROR if status in _SERVER else Outcome.INVALID_RESPONSE
