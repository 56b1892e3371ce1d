"""Options that say how a target is spoken to: the same for every command."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.errors import UsageError

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


def require_wire(transport: str, auth: str, *, proxy: str | None, http2: bool) -> None:
    """
    See that the options of the wire fit together.

    Raises:
        UsageError: They do not.
    """
    for option, value, known in (
        ("--transport", transport, TRANSPORTS),
        ("--auth", auth, SCHEMES),
    ):
        if value not in known:
            raise UsageError(f"{option} {value!r}: known are {', '.join(known)}")
    if (proxy or http2) and transport != "httpx":
        raise UsageError("--proxy and --http2 need --transport httpx")
