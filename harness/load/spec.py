"""
What a load process is told: one JSON file, and the key through the environment.

`harness run` writes the file and starts Locust with its path in ``HARNESS_SPEC``.
Under plain ``locust -f`` there is none; then `default_spec` makes one from Locust's
own options and the environment.
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
"""The key of the embedded stand-in: no secret, it guards nothing."""


class TrialSpec(msgspec.Struct, frozen=True):
    """
    One trial's orders.

    Attributes:
        trial_id: Its unique name.
        out: Its directory.
        scenario: The workload's name.
        host: Base URL that requests go to.
        via: ``host:port`` of the fault proxy that they go through; "" for none.
        shown_host: Base URL that artifacts show.
        plan: The plan as a document; every process validates it again.
        transport: Which wire.
        embedded: The target is the harness's own stand-in, fresh for this trial.
        auth: Scheme of the key.
        ca_file, verify: TLS.
        proxy, http2: What only the httpx wire can do.
        webhook_url: Where scraper runs shall report to; "" for nowhere.
        watched: Live figures are to be told in full, by operation and outcome.
        plan_file: Where the plan was read, to point at its lines; "" for nowhere.
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
        """
        The wire's target, with the key in its headers and nowhere else.

        Args:
            timeouts: Bounds of an exchange: a plan's ``[timeouts]``.
            key: The API key.
            direct: Past the fault proxy, as who cleans up does.
        """
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
    """Headers that every request carries."""
    header = ("authorization", f"Bearer {key}") if auth == "bearer" else ("x-api-key", key)
    return (
        ("user-agent", f"opensteer-harness/{__version__}"),
        ("accept", "application/json"),
        *((header,) if key else ()),
    )


def read_key(environ: Mapping[str, str], *, embedded: bool) -> str:
    """
    The API key, from the environment only.

    Raises:
        UsageError: There is none, and the target is not the embedded stand-in.
    """
    if embedded:
        return EMBEDDED_KEY
    key = environ.get("OPENSTEER_API_KEY") or environ.get("OPENSTEER_ACCESS_TOKEN") or ""
    if not key:
        raise UsageError("no API key: set OPENSTEER_API_KEY (or OPENSTEER_ACCESS_TOKEN)")
    if not key.isascii() or not key.isprintable():
        raise UsageError("OPENSTEER_API_KEY holds characters that no header can carry")
    if key != key.strip():  # pasted with it, or read from a file
        raise UsageError("OPENSTEER_API_KEY begins or ends with white space; take that away")
    return key


def check_host(host: str, allowed: str, remedy: str = "add --allow-host ") -> str:
    """
    A base URL that may be loaded: loopback, or spelled out by the operator.

    Args:
        host: The base URL.
        allowed: The host name of ``--allow-host``; "" when it was not given.
        remedy: What lets in another host, its name put behind.

    Returns:
        The base URL without trailing slashes.

    Raises:
        UsageError: It is no http(s) URL, or neither loopback nor allowed.
    """
    if set(host) & set("@?#"):  # not repeated: what stands before the @ may be a secret
        raise UsageError("--host takes no user, password, query or fragment")
    try:
        parts = urlsplit(host)
        name, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise UsageError(f"--host {host!r}: {error}") from error
    if parts.scheme not in {"http", "https"} or not name:
        raise UsageError(f"--host {host!r} is no http:// or https:// URL; write http://HOST:PORT")
    if not is_loopback(name) and allowed.lower() != name:
        raise UsageError(f"{name} is not this machine; to load it all the same, {remedy}{name}")
    return host.rstrip("/")


def webhook_secret(trial_id: str) -> str:
    """
    The secret of the webhooks of a trial.

    It is the harness's own and signs deliveries to the harness's own inbox for the
    length of one trial, so it may be derived from the trial's name.
    """
    return f"whsec_{trial_id}"


def read_spec(path: Path) -> TrialSpec:
    """Read the orders that `harness run` wrote."""
    return msgspec.json.decode(path.read_bytes(), type=TrialSpec)


def progress_fd(environ: Mapping[str, str] = os.environ) -> int | None:
    """The pipe that live figures go to; None when nobody listens."""
    value = environ.get(PROGRESS_VARIABLE, "")
    return int(value) if value.isdigit() else None
