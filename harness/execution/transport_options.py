"""The options for talking to a target."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from harness.errors import UsageError
from harness.load.spec import auth_headers
from harness.wire import Target, TransportKind


@dataclass(frozen=True, slots=True)
class TransportOptions:
    """How to talk to a target, as in `harness.load.spec.TrialSpec`."""

    transport: TransportKind = "fast"
    auth: Literal["api-key", "bearer"] = "api-key"
    ca_file: str | None = None
    verify: bool = True
    proxy: str | None = None
    http2: bool = False

    def __post_init__(self) -> None:
        """Raise UsageError if the options contradict each other."""
        if (self.proxy or self.http2) and self.transport != "httpx":
            raise UsageError("--proxy and --http2 need --transport httpx")

    def to_target(self, url: str, key: str) -> Target:
        """Make the target of a transport, with the key in its headers."""
        return Target(
            url,
            auth_headers(self.auth, key),
            ca_file=self.ca_file,
            verify=self.verify,
            proxy=self.proxy,
            http2=self.http2,
        )

    def to_spec(self) -> dict[str, Any]:
        """Return these fields of a `TrialSpec`."""
        return asdict(self)


DEFAULT_TRANSPORT = TransportOptions()
"""HTTP/1.1, x-api-key, TLS verified."""
