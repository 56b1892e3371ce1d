"""Check the options for Locust after ``--``: those of the harness are not among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.errors import UsageError

_HINT = "give {} before the --, it is an option of harness run"
_PLAN = "the plan decides that"
_OURS = "harness run gives that option itself"
_OWN_OPTIONS: Mapping[str, str] = {
    **dict.fromkeys(("-u", "--users"), _HINT.format("--users N")),
    **dict.fromkeys(("-H", "--host"), _HINT.format("--host URL")),
    **dict.fromkeys(("-t", "--run-time"), _HINT.format("--duration")),
    "--processes": _HINT.format("--processes N"),
    "--master": _HINT.format("--master N"),
    "--worker": _HINT.format("--worker HOST"),
    **dict.fromkeys(("-f", "--locustfile"), _HINT.format("SCENARIO")),
    **dict.fromkeys(("-r", "--spawn-rate"), _PLAN),
    **dict.fromkeys(("-T", "--tags", "-E", "--exclude-tags"), _PLAN),
    **dict.fromkeys(("--config", "--config-users"), _PLAN),
    **dict.fromkeys(("--expect-workers", "--master-host", "--master-port"), _OURS),
    **dict.fromkeys(("--master-bind-host", "--master-bind-port"), _OURS),
}
"""Option of Locust → what to do instead."""


def reject_own_options(options: Sequence[str]) -> None:
    """
    Refuse options that change the load which the plan defines, also abbreviated ones.

    Raises:
        UsageError: The message names what to give instead.
    """
    for option in options:
        name = option.partition("=")[0]
        name = name if name.startswith("--") else name[:2]
        if name in _OWN_OPTIONS:
            raise UsageError(f"-- {option}: {_OWN_OPTIONS[name]}")
        full = next((own for own in _OWN_OPTIONS if own.startswith(name)), "")
        if full and len(name) > len("--"):
            raise UsageError(f"-- {option}: is it {full}? Write options in full")
