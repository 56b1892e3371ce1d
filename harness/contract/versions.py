"""The version of the cloud session contract."""

from __future__ import annotations

CONTRACT_VERSION = "v3"
"""Sent as ``cloudSessionContractVersion``; the public documentation's only version."""
