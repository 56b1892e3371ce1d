"""
Settings of faults and of the webhook inbox, as pydantic models.

They validate a plan's tables, the text of ``--fault`` and the configuration of a fault process.
A fault has two equivalent forms::

    [[faults]]
    kind = "response-lost"
    from = "20s"
    for = "10s"
    probability = 0.05

    --fault response-lost:probability=0.05,from=20s,for=10s

Times are relative to the start signal. The proxy injects all kinds but ``restart``, for which
`harness run` kills the embedded stand-in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    SerializerFunctionWrapHandler,
    Tag,
    TypeAdapter,
    ValidationError,
    model_serializer,
    model_validator,
)

from harness.errors import UsageError
from harness.fields import Duration, Positive, Share, Table, describe_errors
from harness.suggestions import suggest
from harness.units import NS_PER_MS, NS_PER_S

RESTART = "restart"
"""The only kind that is not injected by the proxy."""


def _refuse_flag(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("write a number")  # noqa: TRY004  pydantic expects a ValueError
    return value


# Numbers may be text, as in ``--fault``.
_Count = Annotated[int, BeforeValidator(_refuse_flag), Field(ge=1)]
_Probability = Annotated[float, BeforeValidator(_refuse_flag), Field(gt=0, le=1)]


class FaultSpec(Table):
    """What all kinds of faults have."""

    kind: str  # a key of `KINDS`
    from_ns: Duration = Field(0, alias="from")  # start of its window, ns after the start signal
    for_ns: Positive | None = Field(None, alias="for")  # its length; None for the rest of the trial

    def to_table(self) -> dict[str, Any]:
        """The plan's form with the defaults filled in; `Fault` reads it back."""
        return self.model_dump(mode="json")


class NetworkFault(FaultSpec):
    """A fault that the proxy injects."""

    every: _Count | None = None  # each n-th request or connection; None if `probability` decides
    probability: _Probability = 1.0  # of requests (connections for ``refuse`` and for TLS)
    # ``connection`` decides once per connection, for all its requests.
    per: Literal["request", "connection"] = "request"

    @model_validator(mode="after")
    def _check(self) -> Self:
        if {"every", "probability"} <= self.model_fields_set:
            raise ValueError("give either probability or every, not both")
        return self

    @model_serializer(mode="wrap")
    def _write(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        table: dict[str, Any] = write(self)
        left_out = {"per": "request", "probability": self.every and self.probability}
        return {
            key: value
            for key, value in table.items()
            if value is not None and value != left_out.get(key)
        }

    def covers(self, since_begin_ns: int) -> bool:
        """Whether a moment, in ns after the start signal, is in the fault's window."""
        if since_begin_ns < self.from_ns:
            return False
        return self.for_ns is None or since_begin_ns < self.from_ns + self.for_ns

    @property
    def is_total(self) -> bool:
        """Whether it applies to every request in its window."""
        return self.every in (None, 1) and self.probability >= 1.0


class PlainSpec(NetworkFault):
    """The kinds without settings of their own."""

    kind: Literal[
        "refuse", "reset-before", "reset-after", "response-lost", "response-truncated",
        "blackhole",
    ]  # fmt: skip


class LatencySpec(NetworkFault):
    """Each request is forwarded after a delay."""

    kind: Literal["latency"]
    latency_ns: Duration = Field(100 * NS_PER_MS, alias="latency")
    # Uniform between minus and plus this much, added to the latency.
    jitter_ns: Duration = Field(0, alias="jitter")


class BandwidthSpec(NetworkFault):
    """Bytes pass at this rate in each direction."""

    kind: Literal["bandwidth"]
    rate_bytes_per_s: _Count = 65_536


class SlowSpec(NetworkFault):
    """The response's bytes are sent one by one at this rate."""

    kind: Literal["slow"]
    rate_bytes_per_s: _Count = 200


class RestartSpec(FaultSpec):
    """The embedded stand-in is killed at `from_ns`, and started again `for_ns` later."""

    kind: Literal["restart"]
    from_ns: Duration = Field(0, alias="at")
    for_ns: Positive = Field(NS_PER_S, alias="down")


KINDS: Mapping[str, type[FaultSpec]] = {
    "latency": LatencySpec,
    "bandwidth": BandwidthSpec,
    "refuse": PlainSpec,
    "reset-before": PlainSpec,
    "reset-after": PlainSpec,
    "response-lost": PlainSpec,
    "response-truncated": PlainSpec,
    "blackhole": PlainSpec,
    "slow": SlowSpec,
    RESTART: RestartSpec,
}
"""Kind → its model."""


def _kind_of(fault: Any) -> Any:
    return fault.get("kind", "") if isinstance(fault, Mapping) else getattr(fault, "kind", "")


def _check_kind(fault: Any) -> Any:
    kind = _kind_of(fault)
    if not isinstance(kind, str) or kind not in KINDS:
        raise ValueError(f"unknown fault {kind!r}; {suggest(str(kind), KINDS)}")
    return fault


Fault = Annotated[
    Annotated[PlainSpec, Tag("[PlainSpec]")]
    | Annotated[LatencySpec, Tag("[LatencySpec]")]
    | Annotated[BandwidthSpec, Tag("[BandwidthSpec]")]
    | Annotated[SlowSpec, Tag("[SlowSpec]")]
    | Annotated[RestartSpec, Tag("[RestartSpec]")],
    Discriminator(lambda fault: f"[{KINDS[_kind_of(fault)].__name__}]"),
    BeforeValidator(_check_kind),
]
"""A fault as a field of a model; ``kind`` selects the model."""

_ADAPTER: TypeAdapter[Fault] = TypeAdapter(Fault)


def parse_fault(text: str) -> Fault:
    """
    Read the text form: ``kind`` or ``kind:key=value,key=value``.

    Raises:
        UsageError: One line with all errors, and the nearest known words.
    """
    kind, _, rest = text.strip().partition(":")
    table: dict[str, Any] = {"kind": kind.strip()}
    for part in rest.split(",") if rest else ():
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not key or not value:
            raise UsageError(f"fault {text!r}: {part!r} is not key=value")
        if key in table:
            raise UsageError(f"fault {text!r}: {key!r} is given twice")
        table[key] = value
    try:
        return _ADAPTER.validate_python(table)
    except ValidationError as errors:
        raise UsageError(f"fault {text!r}: {describe_errors(errors, *KINDS.values())}") from None


class Webhooks(Table):
    """How the inbox treats genuine deliveries: the plan's ``[webhooks]``."""

    slow: Share = 0.0  # answered late
    slow_by: Positive = 2 * NS_PER_S  # delay of those, ns
    fail: Share = 0.0  # answered with 500
    silent: Share = 0.0  # without a response: the connection is held, then closed
    hold: Positive = 30 * NS_PER_S  # how long it is held, ns

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.slow + self.fail + self.silent > 1:
            raise ValueError("slow, fail and silent add up to more than 1")
        return self


class InboxBehaviour(Webhooks):
    """The plan's settings, and one that plans do not have."""

    refused: str = ""  # deliveries whose tag ends so get 500 the first time; "" refuses none
