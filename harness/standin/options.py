"""Command-line texts, parsed into values of `StandinConfig`."""

from __future__ import annotations

from collections.abc import Iterable

from harness.standin.config import Lies, check_failures, require_operation
from harness.standin.distributions import parse_distribution
from harness.suggestions import suggest


def parse_latencies(texts: Iterable[str]) -> dict[str, str]:
    """
    Read ``5ms`` (for every operation) and ``create_session=lognormal(80ms,0.4)``.

    Raises:
        ValueError: A text is not a distribution, or names an unknown operation.
    """
    latency = {}
    for text in texts:
        operation, _, distribution = text.rpartition("=")
        operation = operation.strip() or "*"
        if operation != "*":
            require_operation(operation)
        parse_distribution(distribution)
        latency[operation] = distribution.strip()
    return latency


def parse_failures(texts: Iterable[str]) -> dict[str, float]:
    """
    Read ``CODE=P`` and ``OPERATION:CODE=P``.

    Raises:
        ValueError: A text has another form, or an unknown name.
    """
    fail = {}
    for text in texts:
        name, separator, value = text.partition("=")
        if not separator:
            raise ValueError(f"{text!r} is not a failure; write CODE=P or OPERATION:CODE=P")
        fail[name.strip()] = _read_number(text, value)
    check_failures(fail)
    return fail


def parse_lies(texts: Iterable[str]) -> Lies:
    """
    Read ``leaks-slot`` (always), ``executes-twice=0.5`` and ``forgets-keys-after=2``.

    Raises:
        ValueError: A text names no lie, or its value is not a number.
    """
    values = {}
    for text in texts:
        name, separator, value = text.partition("=")
        field = name.strip().replace("-", "_")
        if field == "forgets_keys_after":
            field = "forgets_keys_after_s"
        if field not in Lies.__struct_fields__:
            names = [known.replace("_", "-") for known in Lies.__struct_fields__]
            raise ValueError(f"{name.strip()!r} is not a lie; {suggest(name.strip(), names)}")
        values[field] = _read_number(text, value) if separator else 1.0
    return Lies(**values)


def _read_number(text: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise ValueError(f"{text!r}: {value.strip()!r} is not a number") from None
