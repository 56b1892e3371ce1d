"""
Lifetime of a fault process: configured by stdin, ended by SIGTERM or its parent's death.

::

    parent ── {"upstream": …} ─────► stdin      one line: the configuration
    parent ◄─ {"listening": …} ───── stdout     ready
    parent ── {"begin_ns": 17…} ───► stdin      the start signal
    parent ◄─ {"begun": true} ────── stdout     windows count from now on

A process that cannot start prints ``{"error": …}`` and exits with 2.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Protocol, TypeVar

import uvloop
from pydantic import BeforeValidator, Field, ValidationError

from harness.addresses import parse_address
from harness.errors import UsageError
from harness.exit_codes import ExitCode
from harness.fields import Table, describe_errors

_PARENT_POLL_S = 0.25
_LINE_BYTES_MAX = 1024 * 1024


def _split_listen(value: Any) -> tuple[str, int]:
    return parse_address(str(value))


class ProcessConfig(Table):
    """Configuration of any fault process."""

    # ``host:port``; a free port of loopback by default.
    listen: Annotated[tuple[str, int], BeforeValidator(_split_listen)] = ("127.0.0.1", 0)
    events: str | None = None  # the file to append events to; None discards them
    seed: int = 0
    parent: int = Field(default_factory=os.getppid)  # end when this process is no longer the parent


Config = TypeVar("Config", bound=ProcessConfig)


class Service(Protocol):
    """What a process serves."""

    @property
    def url(self) -> str:
        """Where it listens."""

    def begin(self, begun_ns: int) -> None:
        """Take the start signal."""

    async def close(self) -> None:
        """Close everything."""


def main(name: str, model: type[Config], start: Callable[[Config], Awaitable[Service]]) -> int:
    """Read the configuration and serve until the end; returns the exit code."""
    # A proxy has two connections per user: the usual limit of 1024 is too low.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with suppress(OSError, ValueError):  # a system may report an unlimited value and refuse it
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    parser = argparse.ArgumentParser(prog=f"python -m {name}")
    parser.add_argument("--config", required=True, help="a JSON file, or - for a line of stdin")
    arguments = parser.parse_args()
    try:
        config = read_config(model, _read_document(arguments.config))
        uvloop.run(_serve(config, start))
    except (UsageError, OSError) as error:
        _print_json({"error": str(error)})
        return int(ExitCode.USAGE)
    return 0


def read_config(model: type[Config], document: Any) -> Config:
    """
    Validate a configuration.

    Raises:
        UsageError: One line with all errors.
    """
    try:
        return model.model_validate(document)
    except ValidationError as errors:
        raise UsageError(describe_errors(errors, model)) from None


def _read_document(source: str) -> Any:
    text = sys.stdin.readline(_LINE_BYTES_MAX) if source == "-" else Path(source).read_text("utf-8")
    try:
        return json.loads(text)
    except ValueError as error:
        raise UsageError(f"the configuration is not JSON: {error}") from error


async def _serve(config: Config, start: Callable[[Config], Awaitable[Service]]) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    service = await start(config)
    watchers = [
        asyncio.create_task(_watch_parent(config.parent, ended)),
        asyncio.create_task(_read_commands(service)),
    ]
    _print_json({"listening": service.url})
    try:
        await ended.wait()
    finally:
        for watcher in watchers:
            watcher.cancel()
        await asyncio.gather(*watchers, return_exceptions=True)
        await service.close()


async def _watch_parent(parent: int, ended: asyncio.Event) -> None:
    while os.getppid() == parent:  # noqa: ASYNC110  the kernel has no event for it
        await asyncio.sleep(_PARENT_POLL_S)
    ended.set()


async def _read_commands(service: Service) -> None:
    """Execute the lines of stdin; its end only means that no more will come."""
    reader = asyncio.StreamReader(limit=_LINE_BYTES_MAX)
    loop = asyncio.get_running_loop()
    try:
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    except (ValueError, OSError):
        return  # a file or a closed stdin holds no commands
    while line := await reader.readline():
        try:
            service.begin(int(json.loads(line)["begin_ns"]))
        except (ValueError, KeyError, TypeError):
            _print_json({"error": 'a command is a line such as {"begin_ns": 1700000000000000000}'})
        else:
            _print_json({"begun": True})


def _print_json(document: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()
