"""A run of the conformance checks: which, with what around them, and what is shown."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from rich.console import Console

from harness.addresses import LOOPBACK, is_loopback, parse_address
from harness.client.recorder import Recorder
from harness.conformance.case import CaseResult, ConformanceCase
from harness.conformance.context import CaseContext
from harness.conformance.suite import CHECKS, run_suite
from harness.conformance.webhook_inbox import WebhookInbox
from harness.errors import UsageError
from harness.execution import target as targets
from harness.execution.webhook_inbox import open_webhook_inbox
from harness.standin.config import StandinConfig
from harness.wire import Target, TransportKind

STANDIN = StandinConfig(limiter="token-bucket", rate=200, burst=40, max_sessions=20)
"""The embedded stand-in has its limits, for there are checks of them."""
_MARKS = {"pass": "[green]pass[/]", "fail": "[bold red]FAIL[/]", "skip": "[yellow]skip[/]"}


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
    try:
        host, port = parse_address(listen, host=LOOPBACK)
    except ValueError as error:
        raise UsageError(f"--webhook-listen {listen!r}: {error}") from error
    return InboxAddress(url.rstrip("/"), f"[{host}]:{port}" if ":" in host else f"{host}:{port}")


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


def run_cases(
    target: Target, checks: list[ConformanceCase], run: ConformanceRun
) -> list[CaseResult]:
    """
    Run the checks; what they open is closed.

    Raises:
        TargetError: The target is not there, or refuses the key.
    """
    progress = Console(stderr=True, highlight=False)
    targets.preflight(target, Recorder(), key_matters=True)

    def report(result: CaseResult) -> None:
        progress.print(f"{_MARKS[result.verdict]}  {result.check.name}", end="")
        progress.print(f"  {result.detail}" if result.detail else "", markup=False)

    with ExitStack() as stack:
        # SIGTERM ends the run as Ctrl-C does: what is open is closed first.
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
        stack.callback(signal.signal, signal.SIGTERM, before)
        webhook_inbox = stack.enter_context(run.webhook_inbox(target))
        context = CaseContext(target, run.patience_s, webhook_inbox, fill=run.fill, kind=run.kind)
        try:
            return run_suite(
                checks, context, destructive=run.destructive, ours=run.ours, on_result=report
            )
        finally:
            for session_id in context.close():
                progress.print(f"session {session_id} could not be closed", markup=False)


def print_cases(checks: list[ConformanceCase]) -> None:
    """Print what each check states, and whether it is destructive."""
    width = max(len(check.name) for check in checks)
    for check in checks:
        mark = "destructive" if check.destructive else "-"
        print(f"{check.name:<{width}}  {check.source:<6}  {mark:<11}  {check.states}")
