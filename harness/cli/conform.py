"""``harness conform``: does a target do what the API's documentation states?"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer
from rich.console import Console

from harness.cli.transport_options import (
    AllowHost,
    Auth,
    CaFile,
    Host,
    Http2,
    Insecure,
    Proxy,
    TransportName,
    TransportOptions,
)
from harness.client.recorder import Recorder
from harness.conformance.case import CaseResult, ConformanceCase
from harness.conformance.context import CaseContext
from harness.conformance.suite import CHECKS, run_suite
from harness.conformance.webhook_inbox import WebhookInbox
from harness.errors import UsageError
from harness.execution import target as targets
from harness.execution.webhook_inbox import open_webhook_inbox
from harness.exit_codes import ExitCode
from harness.load.spec import auth_headers, check_host, is_loopback, read_key
from harness.standin.config import StandinConfig
from harness.trial.store import write_atomically
from harness.wire import Target, TransportKind
from reports.conformance import render_junit, render_tap

FORMATS = ("tap", "junit")
FILL_MAX = 10_000
_STANDIN_CONFIG = StandinConfig(limiter="token-bucket", rate=200, burst=40, max_sessions=20)
"""The embedded stand-in has its limits, for there are checks of them."""
_MARKS = {"pass": "[green]pass[/]", "fail": "[bold red]FAIL[/]", "skip": "[yellow]skip[/]"}


def conform(
    host: Host = "",
    allow_host: AllowHost = "",
    destructive: Annotated[
        bool,
        typer.Option(
            "--destructive",
            help="Also open sessions, queue runs, import entries and meet the rate limit.",
        ),
    ] = False,
    ours: Annotated[
        bool,
        typer.Option("--ours", help="Also what no document states, but our stand-in does."),
    ] = False,
    only: Annotated[
        list[str] | None, typer.Option(help="A check's name, or a pattern such as 'auth.*'.")
    ] = None,
    list_: Annotated[
        bool, typer.Option("--list", help="Say what is checked, and send nothing.")
    ] = False,
    format_: Annotated[str, typer.Option("--format", help="tap or junit.")] = "tap",
    out: Annotated[
        Path | None, typer.Option(help="Write the result here instead of stdout.")
    ] = None,
    fill: Annotated[
        int, typer.Option(help="Open up to so many sessions to find the target full.")
    ] = 0,
    webhook_url: Annotated[
        str, typer.Option(help="Where the target reaches this machine's webhook receiver.")
    ] = "",
    webhook_listen: Annotated[
        str, typer.Option(metavar="[HOST:]PORT", help="Where that receiver listens.")
    ] = "",
    patience: Annotated[
        float, typer.Option(help="Seconds a run's end or a webhook is waited for.")
    ] = 60.0,
    auth: Auth = "api-key",
    transport: TransportName = "fast",
    ca_file: CaFile = None,
    insecure: Insecure = False,
    proxy: Proxy = None,
    http2: Http2 = False,
) -> None:
    """Hold a target against the API's documented statements; destructive ones are opt-in."""
    if format_ not in FORMATS:
        raise UsageError(f"--format {format_!r}: known are {', '.join(FORMATS)}")
    if not 0 < patience <= 3600:
        raise UsageError(f"--patience {patience:g}: seconds, above 0 and 3600 at most")
    if not 0 <= fill <= FILL_MAX:
        raise UsageError(f"--fill {fill}: sessions, from 0 to {FILL_MAX:,}")
    inbox_address = parse_inbox_address(webhook_url, webhook_listen)
    transport_options = TransportOptions(transport, auth, ca_file, not insecure, proxy, http2)
    chosen = select_cases(only or [])
    if list_:
        _list(chosen)
        return
    key = read_key(os.environ, embedded=not host)

    def run_cases(url: str) -> list[CaseResult]:
        target = Target(
            url,
            auth_headers(transport_options.auth, key),
            ca_file=transport_options.ca_file,
            verify=transport_options.verify,
            proxy=transport_options.proxy,
            http2=transport_options.http2,
        )
        run = ConformanceRun(
            patience,
            fill,
            inbox_address,
            transport_options.kind,
            destructive=destructive,
            ours=ours,
        )
        return _run_cases(target, chosen, run)

    if host:
        found = run_cases(check_host(host, allow_host))
    else:
        with targets.embedded(_STANDIN_CONFIG) as standin:
            found = run_cases(standin.url)
    text = render_tap(found) if format_ == "tap" else render_junit(found, host or "stand-in")
    if out is None:
        print(text, end="")
    else:
        write_atomically(out, text.encode())
    failed = any(result.verdict == "fail" for result in found)
    raise typer.Exit(int(ExitCode.FAIL if failed else ExitCode.PASS))


def select_cases(patterns: list[str]) -> list[ConformanceCase]:
    """
    The checks that any of the patterns names; all without patterns.

    Raises:
        UsageError: A pattern names none.
    """
    for pattern in patterns:
        if not any(fnmatchcase(check.name, pattern) for check in CHECKS):
            raise UsageError(f"--only {pattern!r} names no check; see harness conform --list")
    return [
        check
        for check in CHECKS
        if not patterns or any(fnmatchcase(check.name, pattern) for pattern in patterns)
    ]


@dataclass(frozen=True, slots=True)
class InboxAddress:
    """
    Where webhooks come to when it is not simply loopback.

    Attributes:
        url: Where the target reaches it; "" where it listens.
        listen: ``host:port``; None for a free port of loopback.
    """

    url: str = ""
    listen: str | None = None


def parse_inbox_address(url: str, listen: str) -> InboxAddress:
    """
    ``--webhook-url`` and ``--webhook-listen``.

    Raises:
        UsageError: One of them is none, or would lead nowhere.
    """
    if url and urlsplit(url).scheme not in {"http", "https"}:
        raise UsageError(f"--webhook-url {url!r}: an http or https URL")
    if url and not listen:
        raise UsageError("--webhook-url needs --webhook-listen PORT: what it leads to")
    if not listen:
        return InboxAddress()
    host, _, port = listen.rpartition(":")
    if not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise UsageError(f"--webhook-listen {listen!r}: write PORT or HOST:PORT")
    return InboxAddress(url.rstrip("/"), f"{host.strip('[]') or '127.0.0.1'}:{port}")


@dataclass(frozen=True, slots=True)
class ConformanceRun:
    """
    How the checks are made.

    Attributes:
        patience_s: How long something is waited for.
        fill: Most sessions opened to find the target full.
        inbox_address: Where webhooks come to.
        kind: Which wire.
        destructive: Make those that leave something behind.
        ours: Make those that no document states.
    """

    patience_s: float
    fill: int
    inbox_address: InboxAddress
    kind: TransportKind
    destructive: bool
    ours: bool

    @contextmanager
    def webhook_inbox(self, target: Target) -> Iterator[WebhookInbox | None]:
        """Where the target's webhooks come to; None where none can."""
        inbox_address = self.inbox_address
        # A target elsewhere could not reach an inbox on loopback.
        near = is_loopback(urlsplit(target.base_url).hostname or "")
        if not self.destructive or not (near or inbox_address.url):
            yield None
            return
        with open_webhook_inbox(inbox_address.listen, inbox_address.url) as webhook_inbox:
            yield webhook_inbox


def _run_cases(
    target: Target, checks: list[ConformanceCase], run: ConformanceRun
) -> list[CaseResult]:
    progress = Console(stderr=True, highlight=False)
    targets.preflight(target, Recorder(), key_matters=True)

    def tell(result: CaseResult) -> None:
        progress.print(f"{_MARKS[result.verdict]}  {result.check.name}", end="")
        progress.print(f"  {result.detail}" if result.detail else "", markup=False)

    with ExitStack() as stack:
        # SIGTERM ends the sitting as Ctrl-C does: what is open is closed first.
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
        stack.callback(signal.signal, signal.SIGTERM, before)
        webhook_inbox = stack.enter_context(run.webhook_inbox(target))
        context = CaseContext(target, run.patience_s, webhook_inbox, fill=run.fill, kind=run.kind)
        try:
            return run_suite(
                checks,
                context,
                destructive=run.destructive,
                ours=run.ours,
                on_result=tell,
            )
        finally:
            for session_id in context.close():
                progress.print(f"session {session_id} could not be closed", markup=False)


def _list(checks: list[ConformanceCase]) -> None:
    width = max(len(check.name) for check in checks)
    for check in checks:
        mark = "destructive" if check.destructive else "-"
        print(f"{check.name:<{width}}  {check.source:<6}  {mark:<11}  {check.states}")
