"""
The input of a load process: one JSON file, and the key through the environment.

`harness run` writes the file and starts Locust with its path in ``HARNESS_SPEC``. Under plain
``locust -f``, `harness.load.config.default_spec` makes a spec from Locust's options.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from harness import __version__
from harness.addresses import is_loopback, parse_address
from harness.errors import UsageError
from harness.plan.model import TimeoutsTable
from harness.units import NS_PER_S
from harness.wire import Target, Timeouts

SPEC_VARIABLE = "HARNESS_SPEC"
PROGRESS_VARIABLE = "HARNESS_PROGRESS_FD"
ALLOW_VARIABLE = "HARNESS_ALLOW_HOST"
EMBEDDED_KEY = "osk_embedded_stand_in"
"""The key of the embedded stand-in: not a secret."""


class TrialSpec(msgspec.Struct, frozen=True):
    """
    The settings of one load.

    Attributes:
        out: The trial directory.
        host: Base URL of requests.
        shown_host: Base URL that artifacts show.
        via: ``host:port`` of the fault proxy; "" for none.
        plan: The plan as a document; every process validates it.
        embedded: The target is the embedded stand-in, started for this trial.
        webhook_url: Where scraper runs report to; "" for nowhere.
        watched: Live metrics include series by operation and outcome.
        plan_file: The plan's file, for line numbers in errors; "" for none.
        load_prefix: Prefix of worker names, such as ``s03-``, when this load is one of several
            that append to one trial; "" for a trial of one load. See `harness.trial.appended`.
            Each such load has its own prefix, its own phase names (in ``plan``), and:
        first_call_id: Its call ids start here. A process uses up to 2**40 ids.
    """

    trial_id: str
    out: str
    scenario: str
    host: str
    shown_host: str
    plan: dict[str, Any]
    via: str = ""
    transport: Literal["fast", "httpx"] = "fast"
    embedded: bool = False
    auth: Literal["api-key", "bearer"] = "api-key"
    ca_file: str | None = None
    verify: bool = True
    proxy: str | None = None
    http2: bool = False
    webhook_url: str = ""
    watched: bool = False
    plan_file: str = ""
    load_prefix: str = ""
    first_call_id: int = 1

    def target(self, timeouts: TimeoutsTable, key: str, *, direct: bool = False) -> Target:
        """The wire's target; ``direct`` bypasses the fault proxy, as cleanup does."""
        return Target(
            base_url=self.host,
            via=None if direct or not self.via else parse_address(self.via),
            headers=auth_headers(self.auth, key),
            ca_file=self.ca_file,
            verify=self.verify,
            timeouts=Timeouts(timeouts.connect / NS_PER_S, timeouts.read / NS_PER_S),
            proxy=self.proxy,
            http2=self.http2,
        )


def auth_headers(auth: str, key: str) -> tuple[tuple[str, str], ...]:
    """Headers of every request."""
    header = ("authorization", f"Bearer {key}") if auth == "bearer" else ("x-api-key", key)
    return (
        ("user-agent", f"opensteer-harness/{__version__}"),
        ("accept", "application/json"),
        *((header,) if key else ()),
    )


def read_key(environ: Mapping[str, str], *, embedded: bool) -> str:
    """The API key from the environment; raises UsageError if it is missing or unusable."""
    if embedded:
        return EMBEDDED_KEY
    key = environ.get("OPENSTEER_API_KEY") or environ.get("OPENSTEER_ACCESS_TOKEN") or ""
    if not key:
        raise UsageError("no API key: set OPENSTEER_API_KEY (or OPENSTEER_ACCESS_TOKEN)")
    if not key.isascii() or not key.isprintable():
        raise UsageError("OPENSTEER_API_KEY has characters that a header cannot carry")
    if key != key.strip():
        raise UsageError("OPENSTEER_API_KEY begins or ends with white space; remove it")
    return key


def check_host(host: str, allowed: str, remedy: str = "add --allow-host ") -> str:
    """
    Check a base URL, and return it without trailing slashes.

    Raises UsageError unless it is an http(s) URL of loopback or of the ``allowed`` host name;
    ``remedy`` and the name form the message's advice.
    """
    if set(host) & set("@?#"):  # not shown: the text before the @ may be a secret
        raise UsageError("--host takes no user, password, query or fragment")
    try:
        parts = urlsplit(host)
        name, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise UsageError(f"--host {host!r}: {error}") from error
    if parts.scheme not in {"http", "https"} or not name:
        raise UsageError(
            f"--host {host!r} is not an http:// or https:// URL; write http://HOST:PORT"
        )
    if not is_loopback(name) and allowed.lower() != name:
        raise UsageError(f"{name} is not loopback; to load it anyway, {remedy}{name}")
    return host.rstrip("/")


def webhook_secret(trial_id: str) -> str:
    """The secret that signs a trial's webhooks to the harness's own inbox."""
    return f"whsec_{trial_id}"


def read_spec(path: Path) -> TrialSpec:
    """Read the spec that `harness run` wrote."""
    return msgspec.json.decode(path.read_bytes(), type=TrialSpec)


def progress_fd(environ: Mapping[str, str] = os.environ) -> int | None:
    """The pipe for live metrics; None without a reader."""
    value = environ.get(PROGRESS_VARIABLE, "")
    return int(value) if value.isdigit() else None
