"""The JSON documents, held against docs/schemas by jsonschema."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "schemas"
NAMES = sorted(path.name.removesuffix(".schema.json") for path in FOLDER.iterdir())


@cache
def validator(name: str) -> jsonschema.Draft202012Validator:
    """The validator of a document, such as ``compare``."""
    schema = json.loads((FOLDER / f"{name}.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def schema_errors(name: str, document: Any) -> list[str]:
    """What the schema has against it, with the place; empty when it conforms."""
    return [
        f"{error.json_path}: {error.message[:200]}"
        for error in validator(name).iter_errors(document)
    ]


def schema_errors_of_file(path: Path) -> list[str]:
    """The same of a file of a trial; events.jsonl by its lines."""
    if path.suffix == ".jsonl":
        return [
            complaint
            for line in path.read_text().splitlines()
            for complaint in schema_errors("event", json.loads(line, parse_constant=_refuse))
        ]
    document = json.loads(path.read_text(), parse_constant=_refuse)
    return schema_errors(path.stem, document)


def _refuse(constant: str) -> None:
    """NaN and Infinity are no JSON, though Python reads them."""
    msg = f"{constant} is no JSON"
    raise ValueError(msg)
