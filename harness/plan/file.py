"""Plan files: read TOML into a `Plan`, or report every mistake with its line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from harness.errors import PlanError
from harness.fields import Location, find_errors, spell
from harness.plan.lines import PlanLines
from harness.plan.model import Plan

PLANS = Path(__file__).resolve().parent.parent.parent / "scenarios" / "plans"
PLAN_BYTES_MAX = 1 << 20
_PLACE = re.compile(r" \(at line (\d+), column \d+\)$")
"""How tomllib ends its messages."""


def find_plan(name: str) -> Path:
    """The file of a plan named on the command line; raise PlanError if there is none."""
    path = Path(name)
    if path.suffix == ".toml" or "/" in name:
        if not path.is_file():
            raise PlanError(f"{name}: no such plan file")
        return path
    built_in = PLANS / f"{name}.toml"
    if not built_in.is_file():
        known = ", ".join(sorted(file.stem for file in PLANS.glob("*.toml")))
        raise PlanError(f"no plan named {name!r}; known are {known}, or name a .toml file")
    return built_in


def read_plan(path: Path) -> Plan:
    """Read and check a plan file; raise PlanError with file, line and key of each mistake."""
    return parse_plan(read_text(path), str(path))


def read_text(path: Path) -> str:
    """Read a plan file without its byte order mark; raise PlanError if it cannot be read."""
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
    """Check a plan's TOML text, named ``source`` in messages; raise PlanError as `read_plan`."""
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
        raise PlanError(format_errors(errors, source, text)) from None


def format_errors(
    errors: ValidationError,
    source: str,
    text: str = "",
    *,
    at: Location = (),
    model: type[BaseModel] = Plan,
) -> str:
    """
    One line per mistake: file, line, key, what is wrong.

    Args:
        source: The file's name in messages.
        text: The file's text, to find the lines; "" for no lines.
        at: The keys in the plan under which the model's own keys are.
        model: The model that was validated.
    """
    errors_found = find_errors(errors, model)
    find = PlanLines(text).find
    lines = [_error_line((*at, *keys), remark, source, find) for keys, remark in errors_found]
    return "\n".join(dict.fromkeys(lines))


def format_error(keys: Location, remark: str, source: str, text: str = "") -> str:
    """Format one mistake that no model finds; arguments as of `format_errors`."""
    return _error_line(keys, f": {remark}", source, PlanLines(text).find)


def _error_line(keys: Location, remark: str, source: str, find: Callable[[Location], int]) -> str:
    where = f"{source}:{line}" if (line := find(keys)) else source
    return f"{where}: {spell(keys)}{remark}"
