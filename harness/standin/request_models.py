"""Request bodies, validated strictly; unknown members are ignored."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Annotated, Any, Literal, NamedTuple, TypeVar

import msgspec

from harness.standin.cache import CacheKey

_T = TypeVar("_T")

CONTRACT_VERSION = "v3"

_Text = Annotated[str, msgspec.Meta(min_length=1)]
_Origin = Annotated[str, msgspec.Meta(pattern=r"^https?://[^/?#\s]+$")]
_Url = Annotated[str, msgspec.Meta(pattern=r"^https?://[^/?#\s]+")]

EPOCH_MS_MAX = 8_640_000_000_000_000
"""100 million days around 1970: the range of a JavaScript Date."""

_Instant = (
    Annotated[datetime, msgspec.Meta(tz=True)]
    | Annotated[int, msgspec.Meta(ge=-EPOCH_MS_MAX, le=EPOCH_MS_MAX)]
    | Annotated[float, msgspec.Meta(ge=-EPOCH_MS_MAX, le=EPOCH_MS_MAX)]
)


class CreateSession(msgspec.Struct, frozen=True):
    """Body of create_session."""

    cloudSessionContractVersion: str  # noqa: N815  the API's names
    sourceType: Literal["local-cloud"]  # noqa: N815
    clientSessionHint: _Text  # noqa: N815
    localRunId: _Text  # noqa: N815
    name: str | None = None
    model: str | None = None
    launchContext: dict[str, Any] | None = None  # noqa: N815
    launchConfig: dict[str, Any] | None = None  # noqa: N815


class Entry(msgspec.Struct, frozen=True):
    """One selector of an import; times are ISO-8601 with a zone, or epoch ms."""

    namespace: _Text
    siteOrigin: _Origin  # noqa: N815
    method: _Text
    descriptionHash: _Text  # noqa: N815
    path: msgspec.Raw
    createdAt: _Instant  # noqa: N815
    updatedAt: _Instant  # noqa: N815
    schemaHash: str | None = None  # noqa: N815


class Import(msgspec.Struct, frozen=True):
    """Body of import_selector_cache."""

    entries: list[Entry]

    def by_key(self) -> Iterator[tuple[CacheKey, int]]:
        """Each entry's key and its updatedAt in Unix microseconds."""
        for entry in self.entries:
            key = (entry.namespace, entry.siteOrigin, entry.method, entry.descriptionHash)
            yield key, _unix_us(entry.updatedAt)


class Webhook(msgspec.Struct, frozen=True):
    """Where a run's end is reported; all events by default."""

    url: _Url
    secret: _Text
    events: tuple[Literal["run.succeeded", "run.failed"], ...] = ("run.succeeded", "run.failed")


class QueueRun(msgspec.Struct, frozen=True):
    """Body of queue_run."""

    input: msgspec.Raw
    webhook: Webhook | None = None


class Problem(NamedTuple):
    """Why a body is refused: the code, and details that name the place."""

    code: str
    details: list[dict[str, str]]


class _Version(msgspec.Struct):
    cloudSessionContractVersion: str  # noqa: N815


_version = msgspec.json.Decoder(_Version)
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def _reader(model: type[_T]) -> Callable[[bytes], _T | Problem]:
    decoder = msgspec.json.Decoder(model)

    def read(body: bytes) -> _T | Problem:
        try:
            body.decode()  # JSON is UTF-8 (RFC 8259, 8.1); raw members are not decoded otherwise
            return decoder.decode(body)
        except _UNREADABLE as error:
            return _invalid(error)

    return read


_read_create_session = _reader(CreateSession)


def _read_versioned(body: bytes) -> CreateSession | Problem:
    """Read a body of create_session; another contract version is the first error reported."""
    return _mismatch(body) or _read_create_session(body)


READERS: dict[str, Callable[[bytes], CreateSession | Import | QueueRun | Problem]] = {
    "create_session": _read_versioned,
    "import_selector_cache": _reader(Import),
    "queue_run": _reader(QueueRun),
}
"""Operation with a body → what reads it."""


def _mismatch(body: bytes) -> Problem | None:
    try:
        version = _version.decode(body).cloudSessionContractVersion
    except _UNREADABLE:
        return None
    if version == CONTRACT_VERSION:
        return None
    message = f"expected {CONTRACT_VERSION!r}, got {version!r}"
    path = "$.cloudSessionContractVersion"
    return Problem("CLOUD_CONTRACT_MISMATCH", [{"path": path, "message": message}])


def _invalid(error: Exception) -> Problem:
    message, _, path = str(error).partition(" - at `")
    return Problem("CLOUD_CONFIG_INVALID", [{"path": path.rstrip("`") or "$", "message": message}])


def _unix_us(instant: datetime | float) -> int:
    if isinstance(instant, datetime):
        return round(instant.timestamp() * 1_000_000)
    return round(instant * 1_000)
