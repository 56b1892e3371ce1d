"""The contract's table of codes, written down once more, by hand."""

TABLE = {
    "CLOUD_ACTION_FAILED": "action_failed",
    "CLOUD_AUTH_FAILED": "auth_failed",
    "CLOUD_CAPACITY_FULL": "capacity_full",
    "CLOUD_CDP_UNAVAILABLE": "cdp_unavailable",
    "CLOUD_CONFIG_INVALID": "config_invalid",
    "CLOUD_CONNECTION_LOST": "connection_lost",
    "CLOUD_CONTRACT_MISMATCH": "contract_mismatch",
    "CLOUD_INTERNAL_ERROR": "server_error",
    "CLOUD_LAUNCH_FAILED": "launch_failed",
    "CLOUD_LAUNCH_TIMEOUT": "launch_timeout",
    "CLOUD_NOT_CONFIGURED": "not_configured",
    "CLOUD_RATE_LIMITED": "rate_limited",
    "CLOUD_RUNTIME_GONE": "runtime_gone",
    "CLOUD_SESSION_CLOSED": "session_closed",
    "CLOUD_SESSION_NOT_FOUND": "not_found",
    "CLOUD_TIMEOUT": "timeout",
    "CLOUD_UNSUPPORTED_METHOD": "unsupported_method",
}
"""The codes of the public documentation, each with its outcome."""

ALIAS_TABLE = {
    "CLOUD_CAPACITY_EXHAUSTED": "capacity_full",
    "CLOUD_SESSION_STALE": "session_closed",
    "CLOUD_RUNTIME_UNAVAILABLE": "runtime_gone",
    "CLOUD_RUNTIME_MISMATCH": "runtime_gone",
    "CLOUD_INVALID_REQUEST": "config_invalid",
    "CLOUD_INTERNAL": "server_error",
    "CLOUD_CONTROL_PLANE_ERROR": "server_error",
}
"""The SDK's other names for them."""

SDK_ONLY = {
    "CLOUD_MODEL_NOT_ALLOWED",
    "CLOUD_PROXY_UNAVAILABLE",
    "CLOUD_PROXY_REQUIRED",
    "CLOUD_BILLING_LIMIT_REACHED",
    "CLOUD_BROWSER_PROFILE_NOT_FOUND",
    "CLOUD_BROWSER_PROFILE_BUSY",
    "CLOUD_BROWSER_PROFILE_DISABLED",
    "CLOUD_BROWSER_PROFILE_PROXY_UNAVAILABLE",
    "CLOUD_BROWSER_PROFILE_SYNC_FAILED",
}
"""Codes that only the SDK has; the status decides their outcome."""
