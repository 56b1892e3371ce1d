"""
Field types of settings that pydantic validates, and the messages for their mistakes.

Plans, settings of scenarios, faults and fault processes are models of these fields. Members of
a union have a tag in brackets, such as ``[ItsName]`` for a model. Pydantic puts the tag into
the location of an error, though it is no key of the document.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    Strict,
    ValidationError,
)

from harness.suggestions import suggest
from harness.units import NS_PER_S, parse_duration_ns, write_duration

DURATION_MAX_NS = 31 * 24 * 3600 * NS_PER_S

Location = tuple[str | int, ...]
"""Keys of tables and indices of arrays, from the root to a value."""


class Table(BaseModel):
    """A table of settings: unknown keys are errors, values are never changed."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, serialize_by_alias=True
    )


def _read_duration(value: Any) -> int:
    if not isinstance(value, str):
        msg = 'a duration is text with a unit, such as "30s" or "250ms"'
        raise ValueError(msg)  # noqa: TRY004  pydantic wants a ValueError
    ns = parse_duration_ns(value)
    if ns > DURATION_MAX_NS:
        msg = "longer than 31 days"
        raise ValueError(msg)
    return ns


Duration = Annotated[int, BeforeValidator(_read_duration), PlainSerializer(write_duration)]
"""A duration: text with a unit in the document, nanoseconds here."""

Positive = Annotated[Duration, Field(gt=0)]
Number = Annotated[float, Strict(), Field(ge=0)]
Share = Annotated[float, Strict(), Field(ge=0, le=1)]
Flag = Annotated[bool, Strict()]


def find_errors(
    errors: ValidationError, *models: type[BaseModel]
) -> Iterator[tuple[Location, str]]:
    """
    The keys of each mistake, and the text that follows them in a message.

    ``models`` are the model, or the members of the union, that was validated.
    """
    found = errors.errors(include_url=False, include_input=False)
    for error in found:
        kind, location = error["type"], error["loc"]
        if _follows(location, kind, [other["loc"] for other in found]):
            continue
        if kind == "extra_forbidden":
            hint = suggest(str(location[-1]), _known_keys(location[:-1], models))
            yield (*_without_tags(location[:-1]), location[-1]), f" is unknown; {hint}"
        else:
            message = error["msg"].removeprefix("Value error, ").rstrip(".")
            yield _without_tags(location), f": {message}"


def describe_errors(errors: ValidationError, *models: type[BaseModel]) -> str:
    """All mistakes in one line; see `find_errors`."""
    lines = (spell(keys) + text for keys, text in find_errors(errors, *models))
    return "; ".join(text.removeprefix(": ") for text in lines)


def spell(keys: Location) -> str:
    """A location as a key path: ``faults[0].from``."""
    name = ""
    for key in keys:
        name += f"[{key}]" if isinstance(key, int) else f".{key}" if name else key
    return name


def _follows(location: Location, kind: str, others: Sequence[Location]) -> bool:
    # An array whose items are wrong is called too short as well: one mistake, one line.
    inside = any(len(o) > len(location) and o[: len(location)] == location for o in others)
    return kind == "too_short" and inside


def _is_tag(part: str | int) -> bool:
    return isinstance(part, str) and part.startswith("[")


def _without_tags(location: Location) -> Location:
    return tuple(part for part in location if not _is_tag(part))


def _known_keys(location: Location, models: Sequence[type[BaseModel]]) -> list[str]:
    for part in location:
        if _is_tag(part):
            models = [model for model in models if part == f"[{model.__name__}]"]
        elif not isinstance(part, int):
            models = [
                inner
                for model in models
                for name, field in model.model_fields.items()
                if part == (field.alias or name)
                for inner in _models_in(field.annotation)
            ]
    return sorted({f.alias or name for m in models for name, f in m.model_fields.items()})


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in get_args(annotation) for model in _models_in(inner)]
