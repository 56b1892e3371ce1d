"""``harness serve``: the stand-in, by hand."""

from __future__ import annotations

import errno
import sqlite3
from typing import Annotated, Any

import msgspec
import typer

from harness.errors import UsageError
from harness.standin.config import StandinConfig
from harness.standin.options import parse_failures, parse_latencies, parse_lies
from harness.standin.process import run_server
from harness.units import NS_PER_S, parse_duration_ns


def standin_config(**options: Any) -> StandinConfig:
    """
    Make the stand-in's settings from options as typed.

    Raises:
        UsageError: A value is wrong; the message names it.
    """
    given = {name: value for name, value in options.items() if value is not None}
    try:
        if "window" in given:
            given["window_s"] = parse_duration_ns(given.pop("window")) / NS_PER_S
        given["latency"] = parse_latencies(given.get("latency") or [])
        given["fail"] = parse_failures(given.get("fail") or [])
        given["lies"] = parse_lies(given.pop("lie", None) or [])
        given["api_keys"] = tuple(given.get("api_keys") or ())
        return StandinConfig(**given)
    except (ValueError, TypeError) as error:
        raise UsageError(f"serve: {error}") from error


def serve(
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.")] = 8787,
    limiter: Annotated[
        str | None,
        typer.Option(help="none, token-bucket, fixed-window, sliding-window or concurrency."),
    ] = None,
    rate: Annotated[float | None, typer.Option(help="Requests a second a key may make.")] = None,
    burst: Annotated[int | None, typer.Option(help="Requests at once a key may make.")] = None,
    window: Annotated[str | None, typer.Option(help="Length of a window, such as 1s.")] = None,
    max_sessions: Annotated[int | None, typer.Option(help="Most sessions open at once.")] = None,
    latency: Annotated[
        list[str] | None,
        typer.Option(help="5ms, lognormal(20ms,0.5), create_session=uniform(50ms,90ms) …"),
    ] = None,
    fail: Annotated[
        list[str] | None, typer.Option(help="CODE=P or OPERATION:CODE=P: fail so often.")
    ] = None,
    lie: Annotated[
        list[str] | None, typer.Option(help="Do something wrong, such as executes-twice=0.1.")
    ] = None,
    api_key: Annotated[
        list[str] | None, typer.Option(help="Let in this key only (any, when not given).")
    ] = None,
    vocabulary: Annotated[str | None, typer.Option(help="Error codes: seed or sdk.")] = None,
    state: Annotated[str | None, typer.Option(help="SQLite file the state survives in.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of everything random.")] = None,
    browser: Annotated[
        str | None,
        typer.Option(help="Chromium to run behind each session, such as /usr/bin/chromium."),
    ] = None,
) -> None:
    """Serve the stand-in API on loopback until Ctrl-C; a limiter is on when --rate is given."""
    if limiter is None and (rate is not None or burst is not None or window is not None):
        limiter = "token-bucket"
    config = standin_config(
        port=port, limiter=limiter, rate=rate, burst=burst, window=window,
        max_sessions=max_sessions, latency=latency, fail=fail, lie=lie, api_keys=api_key,
        vocabulary=vocabulary, state=state, seed=seed, browser=browser,
    )  # fmt: skip
    try:
        run_server(config)
    except (sqlite3.Error, msgspec.MsgspecError) as error:
        raise UsageError(
            f"--state {state}: {error}; name a file of the stand-in's, or one that is not there"
        ) from error
    except OSError as error:
        if error.errno not in {errno.EADDRINUSE, errno.EACCES}:
            raise
        raise UsageError(f"--port {port}: {error.strerror}; 0 takes a free one") from error
