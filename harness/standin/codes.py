"""
The stand-in's error codes and the HTTP status of each.

This is a reading of the API's documents independent of the client's. Statuses that the documents
leave open are ours. ACTION_FAILED and CONNECTION_LOST belong to WebSockets; over HTTP they exist
only when injected.
"""

from __future__ import annotations

from typing import Literal

Vocabulary = Literal["seed", "sdk"]

STATUS: dict[str, int] = {
    "CLOUD_ACTION_FAILED": 500,
    "CLOUD_AUTH_FAILED": 401,
    "CLOUD_CAPACITY_FULL": 503,
    "CLOUD_CDP_UNAVAILABLE": 503,
    "CLOUD_CONFIG_INVALID": 400,
    "CLOUD_CONNECTION_LOST": 502,
    "CLOUD_CONTRACT_MISMATCH": 409,
    "CLOUD_INTERNAL_ERROR": 500,
    "CLOUD_LAUNCH_FAILED": 502,
    "CLOUD_LAUNCH_TIMEOUT": 504,
    "CLOUD_NOT_CONFIGURED": 400,
    "CLOUD_RATE_LIMITED": 429,
    "CLOUD_RUNTIME_GONE": 410,
    "CLOUD_SESSION_CLOSED": 410,
    "CLOUD_SESSION_NOT_FOUND": 404,
    "CLOUD_TIMEOUT": 504,
    "CLOUD_UNSUPPORTED_METHOD": 405,
}
"""The 17 documented codes."""

SDK_STATUS: dict[str, int] = {
    "CLOUD_CAPACITY_EXHAUSTED": 503,
    "CLOUD_SESSION_STALE": 409,
    "CLOUD_RUNTIME_UNAVAILABLE": 410,
    "CLOUD_RUNTIME_MISMATCH": 410,
    "CLOUD_INVALID_REQUEST": 400,
    "CLOUD_INTERNAL": 500,
    "CLOUD_CONTROL_PLANE_ERROR": 500,
    "CLOUD_MODEL_NOT_ALLOWED": 403,
    "CLOUD_PROXY_UNAVAILABLE": 503,
    "CLOUD_PROXY_REQUIRED": 400,
    "CLOUD_BILLING_LIMIT_REACHED": 402,
    "CLOUD_BROWSER_PROFILE_NOT_FOUND": 404,
    "CLOUD_BROWSER_PROFILE_BUSY": 409,
    "CLOUD_BROWSER_PROFILE_DISABLED": 403,
    "CLOUD_BROWSER_PROFILE_PROXY_UNAVAILABLE": 503,
    "CLOUD_BROWSER_PROFILE_SYNC_FAILED": 502,
}
"""Codes that only the SDK has; they can be injected in either vocabulary."""

SDK_NAMES: dict[str, str] = {
    "CLOUD_CAPACITY_FULL": "CLOUD_CAPACITY_EXHAUSTED",
    "CLOUD_RUNTIME_GONE": "CLOUD_RUNTIME_UNAVAILABLE",
    "CLOUD_CONFIG_INVALID": "CLOUD_INVALID_REQUEST",
    "CLOUD_INTERNAL_ERROR": "CLOUD_INTERNAL",
}
"""Documented code → the SDK's name, if it differs."""

ALL_CODES: dict[str, int] = STATUS | SDK_STATUS
"""Every code and its status."""

LAUNCH_FAILURES = frozenset({"CLOUD_LAUNCH_FAILED", "CLOUD_LAUNCH_TIMEOUT"})
"""Failures of a create after it was admitted."""

MESSAGES: dict[str, str] = {
    "CLOUD_AUTH_FAILED": "the API key is missing or unknown",
    "CLOUD_CAPACITY_FULL": "no runtime capacity available",
    "CLOUD_CONTRACT_MISMATCH": "this server speaks cloud session contract v3",
    "CLOUD_CONFIG_INVALID": "the request is not valid",
    "CLOUD_RATE_LIMITED": "too many requests; respect Retry-After",
    "CLOUD_SESSION_NOT_FOUND": "no such session",
    "CLOUD_SESSION_CLOSED": "the session is closed",
    "CLOUD_SESSION_STALE": "the session is not ready yet",
    "CLOUD_UNSUPPORTED_METHOD": "this method is not available here",
    "CLOUD_INTERNAL_ERROR": "unexpected server error",
}
"""The text of `error`; other codes use their own name."""


def message_of(code: str) -> str:
    """The text of `error` for a code."""
    return MESSAGES.get(code) or code.removeprefix("CLOUD_").replace("_", " ").lower()


def code_name(vocabulary: Vocabulary, code: str) -> str:
    """The name of a code in a vocabulary; SDK codes keep theirs."""
    return SDK_NAMES.get(code, code) if vocabulary == "sdk" else code
