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
from harness.cli import target as targets
from harness.cli.mailbox import open_mailbox
from harness.conformance.check import Check, Seen
from harness.conformance.desk import Desk
from harness.conformance.mailbox import Mailbox
from harness.conformance.suite import CHECKS, make
from harness.errors import UsageError
from harness.recorder import Recorder
from harness.standin.config import StandinConfig
from harness.wire import Kind, Target

STANDIN = StandinConfig(limiter="token-bucket", rate=200, burst=40, max_sessions=20)
"""The embedded stand-in has its limits, for there are checks of them."""
_MARKS = {"pass": "[green]pass[/]", "fail": "[bold red]FAIL[/]", "skip": "[yellow]skip[/]"}


def choose(patterns: list[str]) -> list[Check]:
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
class Receiver:
    """
    Where webhooks come to when it is not simply loopback.

    Attributes:
        url: Where the target reaches it; "" where it listens.
        listen: ``host:port``; None for a free port of loopback.
    """

    url: str = ""
    listen: str | None = None


def read_receiver(url: str, listen: str) -> Receiver:
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
        return Receiver()
    try:
        host, port = parse_address(listen, host=LOOPBACK)
    except ValueError as error:
        raise UsageError(f"--webhook-listen {listen!r}: {error}") from error
    return Receiver(url.rstrip("/"), f"[{host}]:{port}" if ":" in host else f"{host}:{port}")


@dataclass(frozen=True, slots=True)
class Sitting:
    """
    How the checks are made.

    Attributes:
        patience_s: How long something is waited for.
        fill: Most sessions opened to find the target full.
        receiver: Where webhooks come to.
        kind: Which wire.
        destructive: Make those that leave something behind.
        ours: Make those that no document states.
    """

    patience_s: float
    fill: int
    receiver: Receiver
    kind: Kind
    destructive: bool
    ours: bool

    @contextmanager
    def mailbox(self, target: Target) -> Iterator[Mailbox | None]:
        """Where the target's webhooks come to; None where none can."""
        receiver = self.receiver
        # A target elsewhere could not reach an inbox on loopback.
        near = is_loopback(urlsplit(target.base_url).hostname or "")
        if not self.destructive or not (near or receiver.url):
            yield None
            return
        with open_mailbox(receiver.listen, receiver.url) as mailbox:
            yield mailbox


def sit(target: Target, checks: list[Check], sitting: Sitting) -> list[Seen]:
    """
    Run the checks; what they open is closed.

    Raises:
        TargetError: The target is not there, or refuses the key.
    """
    progress = Console(stderr=True, highlight=False)
    targets.preflight(target, Recorder(), key_matters=True)

    def tell(seen: Seen) -> None:
        progress.print(f"{_MARKS[seen.verdict]}  {seen.check.name}", end="")
        progress.print(f"  {seen.detail}" if seen.detail else "", markup=False)

    with ExitStack() as stack:
        # SIGTERM ends the sitting as Ctrl-C does: what is open is closed first.
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
        stack.callback(signal.signal, signal.SIGTERM, before)
        mailbox = stack.enter_context(sitting.mailbox(target))
        desk = Desk(target, sitting.patience_s, mailbox, fill=sitting.fill, kind=sitting.kind)
        try:
            return make(
                checks, desk, destructive=sitting.destructive, ours=sitting.ours, told=tell
            )
        finally:
            for session_id in desk.close():
                progress.print(f"session {session_id} could not be closed", markup=False)


def print_checks(checks: list[Check]) -> None:
    """Print what each check states, and whether it is destructive."""
    width = max(len(check.name) for check in checks)
    for check in checks:
        mark = "destructive" if check.destructive else "-"
        print(f"{check.name:<{width}}  {check.source:<6}  {mark:<11}  {check.states}")
