"""``harness serve``: serve the stand-in until Ctrl-C."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from harness.cli.interrupts import importing
from harness.cli.parameters import value
from harness.errors import UsageError

if TYPE_CHECKING:
    from harness.standin.config import StandinConfig

Limiter = Literal["none", "token-bucket", "fixed-window", "sliding-window", "concurrency"]
Texts = list[str] | None


def standin_config(**options: Any) -> StandinConfig:
    """Make the stand-in's settings from options as typed; raises UsageError."""
    with importing():
        from harness.standin.config import StandinConfig
        from harness.standin.options import parse_failures, parse_latencies, parse_lies
        from harness.units import NS_PER_S, parse_duration_ns

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
    port: Annotated[int, value("N", "Port on 127.0.0.1; 0 takes a free one.")] = 8787,
    limiter: Annotated[Limiter | None, typer.Option(help="Kind of the rate limiter.")] = None,
    rate: Annotated[float | None, value("N", "Requests a second for each key.")] = None,
    burst: Annotated[int | None, value("N", "Concurrent requests for each key.")] = None,
    window: Annotated[str | None, value("TIME", "Length of a window, such as 1s.")] = None,
    max_sessions: Annotated[int | None, value("N", "Most open sessions.")] = None,
    latency: Annotated[
        Texts, value("DIST", "5ms, lognormal(20ms,0.5), create_session=uniform(50ms,90ms).")
    ] = None,
    fail: Annotated[Texts, value("[OP:]CODE=P", "Fail with this probability.")] = None,
    lie: Annotated[Texts, value("NAME=P", "Misbehave, such as executes-twice=0.1.")] = None,
    api_key: Annotated[Texts, value("KEY", "Accept only this key (default: any).")] = None,
    vocabulary: Annotated[
        Literal["seed", "sdk"] | None, typer.Option(help="Error codes of the responses.")
    ] = None,
    state: Annotated[str | None, value("FILE", "SQLite file that keeps the state.")] = None,
    seed: Annotated[int | None, value("N", "Seed of everything random.")] = None,
    browser: Annotated[str | None, value("PATH", "Chromium to run behind each session.")] = None,
) -> None:
    """Serve the stand-in API on loopback until Ctrl-C.

    A limiter is on when --limiter, --rate, --burst or --window is given.
    """
    with importing():
        import sqlite3

        import msgspec

        from harness.standin.process import run_server

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
            f"--state {state}: {error}; name a state file of the stand-in, or a new file"
        ) from error
    except OSError as error:
        if error.errno not in {errno.EADDRINUSE, errno.EACCES}:
            raise
        raise UsageError(f"--port {port}: {error.strerror}; 0 takes a free one") from error
