"""The options that name a target and how to talk to it: declared once for all commands."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

import typer

from harness.cli.interrupts import importing

if TYPE_CHECKING:
    from harness.execution.transport_options import TransportOptions


@dataclass(frozen=True, slots=True)
class TargetOptions:
    """
    The options as they were given.

    Each field is one option: its annotation declares name and help, its default is the
    option's. `takes_target` adds them to a command.
    """

    host: Annotated[
        str,
        typer.Option(
            metavar="URL", envvar="OPENSTEER_BASE_URL", help="Base URL (default: the stand-in)."
        ),
    ] = ""
    allow_host: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            envvar="HARNESS_ALLOW_HOST",
            help="Allow this host, which is not loopback.",
        ),
    ] = ""
    auth: Annotated[Literal["api-key", "bearer"], typer.Option(help="Scheme of the API key.")] = (
        "api-key"
    )
    transport: Annotated[
        Literal["fast", "httpx"], typer.Option(help="httpx knows HTTP/2 and proxies.")
    ] = "fast"
    ca_file: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", envvar="HARNESS_CA_FILE", help="PEM file of your own authority."
        ),
    ] = None
    insecure: Annotated[bool, typer.Option("--insecure", help="Do not verify TLS.")] = False
    proxy: Annotated[
        str | None, typer.Option(metavar="URL", help="Proxy (needs --transport httpx).")
    ] = None
    http2: Annotated[bool, typer.Option("--http2", help="HTTP/2 (needs --transport httpx).")] = (
        False
    )

    @property
    def transport_options(self) -> TransportOptions:
        """
        How to talk to the target.

        Raises:
            UsageError: The options contradict each other.
        """
        with importing():
            from harness.execution.transport_options import TransportOptions

        return TransportOptions(
            self.transport, self.auth, self.ca_file, not self.insecure, self.proxy, self.http2
        )

    def check_host(self) -> str:
        """
        Check that the host may be loaded; "" for the embedded stand-in.

        Raises:
            UsageError: It may not.
        """
        with importing():
            from harness.load.spec import check_host

        return check_host(self.host, self.allow_host) if self.host else ""

    def read_key(self) -> str:
        """
        Read the API key from the environment; the stand-in has its own.

        Raises:
            UsageError: There is none.
        """
        with importing():
            from harness.load.spec import read_key

        return read_key(os.environ, embedded=not self.host)


def takes_target(command: Callable[..., None]) -> Callable[..., None]:
    """Replace the parameter ``target`` of a command by the options of `TargetOptions`."""
    hints = get_type_hints(TargetOptions, include_extras=True)
    shared = [_to_parameter(f.name, hints[f.name], f.default) for f in fields(TargetOptions)]
    parameters: list[Parameter] = []
    for own in signature(command, eval_str=True).parameters.values():
        added = shared if own.name == "target" else [own]
        parameters += [one.replace(kind=Parameter.KEYWORD_ONLY) for one in added]

    @wraps(command)
    def run(**given: Any) -> None:
        target = TargetOptions(**{one.name: given.pop(one.name) for one in shared})
        command(target=target, **given)

    run.__annotations__ = {one.name: one.annotation for one in parameters}
    run.__signature__ = Signature(parameters)  # type: ignore[attr-defined]  # what typer reads
    return run


def _to_parameter(name: str, annotation: Any, default: Any) -> Parameter:
    assert default is not MISSING
    return Parameter(name, Parameter.KEYWORD_ONLY, annotation=annotation, default=default)
