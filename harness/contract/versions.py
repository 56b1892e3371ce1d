"""The version of the cloud session contract: what is sent, and what can be asked for."""

from __future__ import annotations

CONTRACT_VERSION = "v3"
"""Sent as ``cloudSessionContractVersion``; the public documentation's only version."""

ACCEPTED_VERSIONS = frozenset({CONTRACT_VERSION})
"""Versions this harness can read the answers of; any other is refused with 409."""
