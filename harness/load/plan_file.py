"""
Plan files: TOML in, a `Plan` out, or every mistake at once with its line.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from harness.errors import PlanError
from harness.load.plan import BRANCHES, Plan
from harness.load.plan_lines import Location, PlanLines
from harness.suggestions import suggest

PLANS = Path(__file__).resolve().parent.parent.parent / "scenarios" / "plans"
PLAN_BYTES_MAX = 1 << 20
_PLACE = re.compile(r" \(at line (\d+), column \d+\)$")
"""How tomllib ends its messages."""


def find_plan(name: str) -> Path:
    """
    The file of a plan named on the command line.

    Raises:
        PlanError: There is no such plan and no such file.
    """
    path = Path(name)
    if path.suffix == ".toml" or "/" in name:
        if not path.is_file():
            raise PlanError(f"{name}: no such plan file")
        return path
    built_in = PLANS / f"{name}.toml"
    if not built_in.is_file():
        known = sorted(file.stem for file in PLANS.glob("*.toml"))
        raise PlanError(
            f"no plan named {name!r}; known are {', '.join(known)}, or name a .toml file"
        )
    return built_in


def read_plan(path: Path) -> Plan:
    """
    Read and check a plan file.

    Raises:
        PlanError: One line a mistake, each with file, line and key.
    """
    return parse_plan(read_text(path), str(path))


def read_text(path: Path) -> str:
    """
    Read a plan file's text, without the byte order mark that some editors write.

    Raises:
        PlanError: It cannot be read, is no UTF-8, or is too large.
    """
    try:
        with path.open("rb") as file:
            content = file.read(PLAN_BYTES_MAX + 1)
        text = content.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise PlanError(f"{path}: cannot be read: {error}") from error
    if len(content) > PLAN_BYTES_MAX:
        raise PlanError(f"{path}: larger than {PLAN_BYTES_MAX} bytes")
    return text


def parse_plan(text: str, source: str) -> Plan:
    """
    Check a plan's text.

    Args:
        text: TOML.
        source: What to call it in messages.

    Raises:
        PlanError: One line a mistake.
    """
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # a number of 5000 digits is a ValueError
        place = _PLACE.search(str(error))
        where = f"{source}:{place[1]}" if place else source
        raise PlanError(f"{where}: not TOML: {error}") from error
    return build_plan(document, source, text)


def build_plan(document: Mapping[str, Any], source: str, text: str = "") -> Plan:
    """Check a plan given as a document; see `parse_plan`."""
    try:
        return Plan.model_validate(document)
    except ValidationError as errors:
        raise PlanError(say_mistakes(errors, source, text)) from None


def say_mistakes(
    errors: ValidationError,
    source: str,
    text: str = "",
    *,
    at: Location = (),
    model: type[BaseModel] = Plan,
) -> str:
    """
    One line a mistake: file, line, key, what is wrong with it.

    Args:
        errors: What the model found.
        source: What to call the file.
        text: The file's text, for the lines; "" when there is none.
        at: Where in the plan the model's own keys stand.
        model: The model.
    """
    told = errors.errors(include_url=False, include_input=False)
    find = PlanLines(text).find
    lines = [
        _say((*at, *keys), _remark(error["type"], error["msg"], keys, model), source, find)
        for error in told
        if not _follows(error["loc"], error["type"], [other["loc"] for other in told])
        for keys in [_keys_of(error["loc"], error["type"])]
    ]
    return "\n".join(dict.fromkeys(lines))


def say_mistake(keys: Location, remark: str, source: str, text: str = "") -> str:
    """One line on a mistake that no model sees; arguments as of `say_mistakes`."""
    return _say(keys, f": {remark}", source, PlanLines(text).find)


def _follows(location: Location, kind: str, others: Sequence[Location]) -> bool:
    # An array whose items are wrong is called too short as well: one mistake, one line.
    inside = any(len(o) > len(location) and o[: len(location)] == location for o in others)
    return kind == "too_short" and inside


def _keys_of(location: Location, kind: str) -> Location:
    # Pydantic names the branch of a union in the location, and that a name itself is wrong:
    # neither is a key of the file.
    marks = () if kind == "extra_forbidden" else (*BRANCHES, "[key]")
    return tuple(key for key in location if key not in marks)


def _remark(kind: str, message: str, keys: Location, model: type[BaseModel]) -> str:
    if kind != "extra_forbidden":
        return f": {message.removeprefix('Value error, ').rstrip('.')}"
    return f" is unknown; {suggest(str(keys[-1]), _known_keys(keys[:-1], model))}"


def _say(keys: Location, remark: str, source: str, find: Callable[[Location], int]) -> str:
    where = f"{source}:{line}" if (line := find(keys)) else source
    return f"{where}: {_spell(keys)}{remark}"


def _spell(keys: Sequence[str | int]) -> str:
    name = ""
    for key in keys:
        name += f"[{key}]" if isinstance(key, int) else f".{key}" if name else key
    return name


def _known_keys(keys: Location, root: type[BaseModel]) -> list[str]:
    model: Any = root
    for key in keys:
        if isinstance(key, int) or not (
            isinstance(model, type) and issubclass(model, BaseModel)
        ):
            continue
        annotation = model.model_fields[key].annotation
        inner = [arg for arg in get_args(annotation) if isinstance(arg, type)]
        model = inner[0] if inner else annotation
    fields = (
        model.model_fields if isinstance(model, type) and issubclass(model, BaseModel) else {}
    )
    return sorted(fields)
