"""How a target is talked to, as the options of `harness.cli.target_options` say it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from harness.errors import UsageError
from harness.load.spec import auth_headers
from harness.wire import Target, TransportKind


@dataclass(frozen=True, slots=True)
class TransportOptions:
    """
    How a target is spoken to.

    Attributes:
        transport, auth, ca_file, verify, proxy, http2: See `harness.load.spec.TrialSpec`.
    """

    transport: TransportKind = "fast"
    auth: Literal["api-key", "bearer"] = "api-key"
    ca_file: str | None = None
    verify: bool = True
    proxy: str | None = None
    http2: bool = False

    def __post_init__(self) -> None:
        """
        See that the options fit together.

        Raises:
            UsageError: They do not.
        """
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
        """Give the fields of a `Spec` that are the wire's."""
        return asdict(self)


DEFAULT_TRANSPORT = TransportOptions()
"""HTTP/1.1 over our own wire, the key in its header, TLS verified."""
