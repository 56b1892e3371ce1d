"""Run conformance cases against a target."""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import NamedTuple
from urllib.parse import urlsplit

from harness.addresses import LOOPBACK, is_loopback, parse_address
from harness.client.recorder import Recorder
from harness.conformance.case import CaseResult, ConformanceCase
from harness.conformance.context import CaseContext
from harness.conformance.suite import CASES, run_suite
from harness.errors import UsageError
from harness.execution import target as targets
from harness.execution.transport_options import TransportOptions
from harness.execution.webhook_inbox import open_webhook_inbox
from harness.standin.config import StandinConfig
from harness.wire import TransportKind

STANDIN = StandinConfig(limiter="token-bucket", rate=200, burst=40, max_sessions=20)
"""The embedded stand-in has limits, because cases need them."""


def select_cases(patterns: list[str]) -> list[ConformanceCase]:
    """The cases that match any pattern, all without one; raises UsageError if none matches."""
    for pattern in patterns:
        if not any(fnmatchcase(case.name, pattern) for case in CASES):
            raise UsageError(f"--only {pattern!r} matches no check; see harness conform --list")
    wanted = patterns or ["*"]
    return [case for case in CASES if any(fnmatchcase(case.name, one) for one in wanted)]


class InboxAddress(NamedTuple):
    """Where the target reaches the inbox, "" for ``listen``; a free port of loopback for None."""

    url: str = ""
    listen: str | None = None


def parse_inbox_address(url: str, listen: str) -> InboxAddress:
    """Parse ``--webhook-url`` and ``--webhook-listen``; raises UsageError."""
    if url and urlsplit(url).scheme not in {"http", "https"}:
        raise UsageError(f"--webhook-url {url!r}: must be an http or https URL")
    if url and not listen:
        raise UsageError("--webhook-url needs --webhook-listen PORT, its destination")
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
    How the cases run.

    Attributes:
        patience_s: How long to wait for a run or a webhook.
        fill: Most sessions to open until the target is full.
        inbox_address: Where webhooks arrive.
        kind: The transport.
        destructive: Run cases that leave something behind.
        ours: Run cases of what only the stand-in promises.
    """

    patience_s: float
    fill: int
    inbox_address: InboxAddress
    kind: TransportKind
    destructive: bool
    ours: bool


def run_cases(
    transport_options: TransportOptions,
    host: str,
    key: str,
    cases: list[ConformanceCase],
    run: ConformanceRun,
    on_result: Callable[[CaseResult], None],
    on_message: Callable[[str], None],
) -> list[CaseResult]:
    """
    Run the cases against a host, or the embedded stand-in where it is "".

    Raises:
        TargetError: The target is unreachable or refuses the key.
    """
    with ExitStack() as stack:
        url = host or stack.enter_context(targets.embedded(STANDIN)).url
        target = transport_options.to_target(url, key)
        targets.preflight(target, Recorder(), key_matters=True)
        # SIGTERM ends the run like Ctrl-C: open sessions are closed first.
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
        stack.callback(signal.signal, signal.SIGTERM, before)
        inbox_url, listen = run.inbox_address
        # Another machine cannot reach an inbox on loopback.
        reachable = inbox_url or is_loopback(urlsplit(url).hostname or "")
        inbox = None
        if run.destructive and reachable:
            inbox = stack.enter_context(open_webhook_inbox(listen, inbox_url))
        context = CaseContext(target, run.patience_s, inbox, fill=run.fill, kind=run.kind)
        try:
            return run_suite(
                cases, context, destructive=run.destructive, ours=run.ours, on_result=on_result
            )
        finally:
            for session_id in context.close():
                on_message(f"session {session_id} could not be closed")
