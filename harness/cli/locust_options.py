"""What may be handed on to Locust behind ``--``: its own options, and none of the harness's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.errors import UsageError

_HINT = "give {} before the --, it is an option of harness run"
_OWN_OPTIONS: Mapping[str, str] = {
    **dict.fromkeys(("-u", "--users"), _HINT.format("--users N")),
    **dict.fromkeys(("-H", "--host"), _HINT.format("--host URL")),
    **dict.fromkeys(("-t", "--run-time"), _HINT.format("--duration")),
    "--processes": _HINT.format("--processes N"),
    "--master": _HINT.format("--master N"),
    "--worker": _HINT.format("--worker HOST"),
    **dict.fromkeys(("-f", "--locustfile"), _HINT.format("SCENARIO")),
}
"""Locust's options that the command gives itself → what to do instead."""


def reject_own_options(options: Sequence[str]) -> None:
    """
    See that nothing is handed on to Locust that would change the load behind the plan's back.

    Raises:
        UsageError: Something is; the message names what to give instead.
    """
    for option in options:
        name = option.partition("=")[0]
        name = name if name.startswith("--") else name[:2]
        if name in _OWN_OPTIONS:
            raise UsageError(f"-- {option}: {_OWN_OPTIONS[name]}")
