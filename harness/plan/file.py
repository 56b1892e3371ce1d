"""Plan files: read TOML into a `Plan`, or report every mistake with its line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from harness.errors import PlanError
from harness.fields import Location, find_errors, spell
from harness.plan.model import Plan

PLANS = Path(__file__).resolve().parent.parent.parent / "scenarios" / "plans"
PLAN_BYTES_MAX = 1 << 20


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
    try:
        with path.open("rb") as file:
            text = file.read(PLAN_BYTES_MAX + 1).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise PlanError(f"{path}: cannot be read: {error}") from error
    if len(text) > PLAN_BYTES_MAX:
        raise PlanError(f"{path}: larger than {PLAN_BYTES_MAX} bytes")
    return parse_plan(text, str(path))


def parse_plan(text: str, source: str) -> Plan:
    """Check a plan's TOML text, named ``source`` in messages; raise PlanError as `read_plan`."""
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # a number of 5000 digits is a ValueError
        raise PlanError(f"{source}: not TOML: {error}") from error
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
        errors: What pydantic found.
        source: The file's name in messages.
        text: The file's text, to find the lines; "" for no lines.
        at: The keys in the plan under which the model's own keys are.
        model: The model that was validated.
    """
    errors_found = find_errors(errors, model)
    lines = [_error_line((*at, *keys), remark, source, text) for keys, remark in errors_found]
    return "\n".join(dict.fromkeys(lines))


def format_error(keys: Location, remark: str, source: str, text: str = "") -> str:
    """Format one mistake that no model finds; arguments as of `format_errors`."""
    return _error_line(keys, f": {remark}", source, text)


def _error_line(keys: Location, remark: str, source: str, text: str) -> str:
    where = f"{source}:{line}" if (line := _line_of(keys, text)) else source
    return f"{where}: {spell(keys)}{remark}"


def _line_of(keys: Sequence[str | int], text: str) -> int:
    """
    The most likely line of the key in the file; 0 for none.

    tomllib keeps no positions. So this looks for each name of the path, each after the line of
    the one before it, and returns the line of the deepest name found.
    """
    lines = text.splitlines()
    found = at = 0
    for position, key in enumerate(keys):
        if isinstance(key, int):
            continue
        nth = next((k for k in keys[position + 1 : position + 2] if isinstance(k, int)), 0)
        pattern = re.compile(rf"(?:^\s*|[.\[{{,]\s*)[\"']?{re.escape(key)}[\"']?\s*(?:[=.\]]|$)")
        matches = [number for number in range(at, len(lines)) if pattern.search(lines[number])]
        if matches:
            at = matches[min(nth, len(matches) - 1)]
            found = at + 1
    return found
