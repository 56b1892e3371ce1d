"""
Request bodies, each a pure function of (seed, number): the same call, the same bytes.

So a retry sends what the first attempt sent, and a trial can be repeated. Two workers that
share a schedule never make the same body, since their numbers differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import msgspec

from harness.contract.versions import CONTRACT_VERSION
from harness.workload.fake_names import MODELS, NAMESPACES, ORIGINS, SLUGS, mix64

_encode = msgspec.json.Encoder().encode


class Webhook(msgspec.Struct, frozen=True):
    """Where the API reports the end of a run; the secret is the signature's key, unchanged."""

    url: str
    secret: str
    events: tuple[str, ...] = ("run.succeeded", "run.failed")

    def __repr__(self) -> str:
        """Leave out the secret."""
        return f"Webhook(url={self.url!r}, events={self.events!r})"


def session_body(seed: int, number: int, *, contract_version: str = CONTRACT_VERSION) -> bytes:
    """
    Body of create_session: the four required fields, most often name and model too.

    Distinct numbers give distinct ``localRunId``. Another contract version is answered with 409.
    """
    mixed = mix64(seed, number)
    namespace = NAMESPACES[mixed % len(NAMESPACES)]
    fields = {
        "cloudSessionContractVersion": contract_version,
        "sourceType": "local-cloud",
        "clientSessionHint": f"{namespace}-{mixed >> 40:06x}",
        "localRunId": f"run-{number}-{mixed:016x}",
    }
    if mixed >> 16 & 3:
        fields["name"] = f"{namespace} {number}"
    if mixed >> 18 & 3:
        fields["model"] = MODELS[(mixed >> 20) % len(MODELS)]
    return _encode(fields)


def run_body(
    seed: int, number: int, webhook: Webhook | Mapping[str, Any] | None = None
) -> tuple[str, bytes]:
    """Scraper slug and body of queue_run; distinct numbers give distinct bodies."""
    mixed = mix64(seed, number)
    slug = SLUGS[mixed % len(SLUGS)]
    origin = ORIGINS[(mixed >> 8) % len(ORIGINS)]
    fields: dict[str, Any] = {
        "input": {
            "url": f"{origin}/{slug.partition('-')[2]}?page={1 + (mixed >> 16) % 40}",
            "request": f"{number}-{mixed:016x}",
            "limit": 10 * (1 + (mixed >> 24) % 20),
            "options": {
                "locale": ("en-US", "de-DE", "fr-FR", "ja-JP")[mixed >> 32 & 3],
                "screenshots": bool(mixed >> 34 & 1),
                "fields": ["title", "price", "currency", "url"][: 1 + (mixed >> 35 & 3)],
            },
        }
    }
    if webhook is not None:
        fields["webhook"] = webhook
    return slug, _encode(fields)


def digest16(body: bytes) -> str:
    """First 16 hex digits of the SHA-256 of a body, to distinguish bodies in evidence."""
    return sha256(body).hexdigest()[:16]


def mutate_body(body: bytes) -> bytes:
    """
    Make another valid body of the same kind, to be sent with a key already used.

    The result asks for something else: the first entry's path, the run's input or the session's
    local run id changes, or else a field is added. A second mutation differs from both. Raises
    ValueError for a body that is not a JSON object.
    """
    fields = msgspec.json.decode(body)
    if not isinstance(fields, dict):
        msg = "the body to mutate is not a JSON object"
        raise ValueError(msg)  # noqa: TRY004  the type of a value, not of an argument
    entries = fields.get("entries")
    if isinstance(entries, list) and entries and isinstance(entries[0], dict):
        entries[0]["path"] = _mutate(entries[0].get("path"))
    elif "input" in fields:
        fields["input"] = _mutate(fields["input"])
    elif isinstance(fields.get("localRunId"), str):
        fields["localRunId"] += "-altered"
    else:
        fields = _mutate(fields)
    return _encode(fields)


def _mutate(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        return {"altered": 1, "was": value}
    times = value.get("altered")
    return value | {"altered": times + 1 if isinstance(times, int) else 1}
