"""The options that name a target and how to talk to it: declared once for all commands."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

import typer

from harness.cli.interrupts import importing
from harness.cli.parameters import flag, value

if TYPE_CHECKING:
    from harness.execution.transport_options import TransportOptions


@dataclass(frozen=True, slots=True)
class TargetOptions:
    """Each field declares an option and its default; `takes_target` adds them to a command."""

    host: Annotated[
        str, value("URL", "Base URL (default: the stand-in).", env="OPENSTEER_BASE_URL")
    ] = ""
    allow_host: Annotated[
        str, value("NAME", "Allow this host, which is not loopback.", env="HARNESS_ALLOW_HOST")
    ] = ""
    auth: Annotated[Literal["api-key", "bearer"], typer.Option(help="Scheme of the API key.")] = (
        "api-key"
    )
    transport: Annotated[
        Literal["fast", "httpx"], typer.Option(help="httpx knows HTTP/2 and proxies.")
    ] = "fast"
    ca_file: Annotated[
        str | None, value("FILE", "PEM file of your own authority.", env="HARNESS_CA_FILE")
    ] = None
    insecure: Annotated[bool, flag("--insecure", "Do not verify TLS.")] = False
    proxy: Annotated[str | None, value("URL", "Proxy (needs --transport httpx).")] = None
    http2: Annotated[bool, flag("--http2", "HTTP/2 (needs --transport httpx).")] = False

    @property
    def transport_options(self) -> TransportOptions:
        """How to talk to the target; raises UsageError if options contradict each other."""
        with importing():
            from harness.execution.transport_options import TransportOptions

        return TransportOptions(
            self.transport, self.auth, self.ca_file, not self.insecure, self.proxy, self.http2
        )

    def check_host(self) -> str:
        """Return the host, "" for the embedded stand-in; raises UsageError if not allowed."""
        with importing():
            from harness.load.spec import check_host

        return check_host(self.host, self.allow_host) if self.host else ""

    def read_key(self) -> str:
        """Read the API key from the environment; raises UsageError if there is none."""
        with importing():
            from harness.load.spec import read_key

        return read_key(os.environ, embedded=not self.host)

    def trial_fields(self, name: str, out: Path | None) -> dict[str, Any]:
        """Return the fields of a `TrialJob`; its name begins with the time and ends with this."""
        with importing():
            from harness.plan.trial_id import new_trial_id

        trial_id = new_trial_id(name)
        return {
            "transport_options": self.transport_options,
            "host": self.check_host(),
            "out": out or Path("trials") / trial_id,
            "trial_id": trial_id,
        }


def takes_target(command: Callable[..., None]) -> Callable[..., None]:
    """Replace the parameter ``target`` of a command by the options of `TargetOptions`."""
    hints = get_type_hints(TargetOptions, include_extras=True)
    shared = [
        Parameter(f.name, Parameter.KEYWORD_ONLY, annotation=hints[f.name], default=f.default)
        for f in fields(TargetOptions)
    ]
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
