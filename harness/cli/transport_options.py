"""Options that say how a target is spoken to: the same for every command."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Any

import typer

from harness.cli.overrides import require_choice
from harness.errors import UsageError
from harness.wire import TransportKind

Host = Annotated[str, typer.Option(help="Base URL; the stand-in's own when not given.")]
TransportName = Annotated[str, typer.Option(help="fast, or httpx (HTTP/2, proxies).")]
AllowHost = Annotated[str, typer.Option(help="Name of a host that is not this machine.")]
Auth = Annotated[str, typer.Option(help="api-key or bearer.")]
CaFile = Annotated[str | None, typer.Option(help="PEM file of your own authority.")]
Insecure = Annotated[bool, typer.Option("--insecure", help="Do not verify TLS.")]
Proxy = Annotated[str | None, typer.Option(help="Proxy URL (needs --transport httpx).")]
Http2 = Annotated[bool, typer.Option("--http2", help="HTTP/2 (needs --transport httpx).")]

TRANSPORTS = ("fast", "httpx")
SCHEMES = ("api-key", "bearer")


@dataclass(frozen=True, slots=True)
class TransportOptions:
    """
    How a target is spoken to.

    Attributes:
        transport, auth, ca_file, verify, proxy, http2: See `harness.load.spec.TrialSpec`.
    """

    transport: str = "fast"
    auth: str = "api-key"
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
        require_choice("--transport", self.transport, TRANSPORTS)
        require_choice("--auth", self.auth, SCHEMES)
        if (self.proxy or self.http2) and self.transport != "httpx":
            raise UsageError("--proxy and --http2 need --transport httpx")

    @property
    def kind(self) -> TransportKind:
        """The transport, as `harness.wire.connect` takes it."""
        return "httpx" if self.transport == "httpx" else "fast"

    def to_spec(self) -> dict[str, Any]:
        """Give the fields of a `Spec` that are the wire's."""
        return asdict(self)


DEFAULT_TRANSPORT = TransportOptions()
"""HTTP/1.1 over our own wire, the key in its header, TLS verified."""
