"""
The API's documents, as the stand-in wrote them, against the harness's own reading.

Two readings of one contract meet here, in the committed files: neither side imports
the other.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import msgspec
import pytest

from harness.contract import response_models
from harness.contract.interpretation import interpret
from harness.contract.operations import OPERATIONS
from harness.contract.outcomes import ALIASES, DOCUMENTED_CODES, SDK_CODES, Outcome
from harness.workload.entries import EntryPool
from harness.workload.payloads import Webhook, run_body, session_body

DOCS = Path(__file__).resolve().parents[2] / "docs"
OPENAPI = json.loads((DOCS / "openapi.json").read_text())
SCHEMAS = OPENAPI["components"]["schemas"]


def described() -> dict[str, tuple[str, str, dict]]:
    """Operation → (method, path with {id}, its document)."""
    return {
        document["operationId"]: (method.upper(), re.sub(r"{\w+}", "{id}", path), document)
        for path, methods in OPENAPI["paths"].items()
        for method, document in methods.items()
    }


def validator(schema: dict) -> jsonschema.Draft202012Validator:
    """A validator that knows the document's components."""
    return jsonschema.Draft202012Validator(schema | {"components": OPENAPI["components"]})


def test_operations_agree():
    """Names, methods, paths and query parameters."""
    expected = {name: (op.method, op.path, sorted(op.query)) for name, op in OPERATIONS.items()}
    found = {
        name: (method, path, sorted(
            parameter["name"] for parameter in document.get("parameters", [])
            if parameter["in"] == "query"
        ))
        for name, (method, path, document) in described().items()
    }  # fmt: skip
    assert expected == found


def test_success_statuses_and_keys_agree():
    """One success each, which the harness takes; a key where the harness sends one."""
    for name, (_, _, document) in described().items():
        (success,) = (int(status) for status in document["responses"] if status[0] == "2")
        assert success in OPERATIONS[name].success
        named = {parameter["name"] for parameter in document.get("parameters", [])}
        assert OPERATIONS[name].keyed == ("Idempotency-Key" in named)


def test_the_codes_agree():
    """All that the harness classifies or knows, and none besides."""
    assert DOCUMENTED_CODES.keys() | ALIASES.keys() | SDK_CODES == set(SCHEMAS["Code"]["enum"])


def test_the_harness_sends_what_is_described():
    """300 bodies of each kind keep the schema of their operation."""
    hook = Webhook("http://127.0.0.1:9/hook", "whsec_x")
    pool = EntryPool(seed=3)
    bodies = {
        "CreateSession": [session_body(1, number) for number in range(300)],
        "QueueRun": [run_body(1, n, hook if n % 2 else None)[1] for n in range(300)],
        "Import": [pool.batch([(n, 0), (n + 1, 0)]) for n in range(300)],
    }
    for name, made in bodies.items():
        check = validator({"$ref": f"#/components/schemas/{name}"})
        for body in made:
            check.validate(json.loads(body))


PAIRS = {
    "CloudSession": response_models.CloudSession,
    "CreatedSession": response_models.CreatedSession,
    "Imported": response_models.ImportCounts,
    "QueuedRun": response_models.QueuedRun,
    "Links": response_models.Links,
    "LogLine": response_models.LogLine,
    "LogPage": response_models.LogPage,
}
"""Schemas of the document, and the harness's types for the same thing."""


@pytest.mark.parametrize("name", PAIRS)
def test_answers_are_read_by_their_described_names(name):
    """Every member the harness reads is described, and what it demands is promised."""
    schema = SCHEMAS[name]
    fields = msgspec.structs.fields(PAIRS[name])
    assert {field.encode_name for field in fields} <= schema["properties"].keys()
    demanded = {field.encode_name for field in fields if field.required}
    assert demanded <= set(schema.get("required", ()))


@pytest.mark.parametrize("name", ["SessionState", "SourceType", "RunStatus"])
def test_the_words_agree(name):
    """States, sources and statuses: the same words on both sides."""
    where = {
        "SessionState": ("CloudSession", "state"),
        "SourceType": ("CloudSession", "sourceType"),
        "RunStatus": ("Run", "status"),
    }
    schema, member = where[name]
    expected = set(getattr(response_models, name).__args__)
    assert expected == set(SCHEMAS[schema]["properties"][member]["enum"])


def example(schema: dict, *, full: bool) -> object:
    """The least (or fullest) instance of a schema of the document."""
    if "$ref" in schema:
        return example(SCHEMAS[schema["$ref"].rpartition("/")[2]], full=full)
    if "anyOf" in schema:
        return example(schema["anyOf"][-1 if full else 0], full=full)
    if "enum" in schema:
        return schema["enum"][-1 if full else 0]
    match schema.get("type"):
        case "object":
            names = schema["properties"] if full else schema.get("required", ())
            return {name: example(schema["properties"][name], full=full) for name in names}
        case "array":
            return [example(schema["items"], full=full)] if full else []
        case "string":
            return {"^wss?://": "ws://h/x", "^log_[0-9]+$": "log_1"}.get(schema.get("pattern"), "x")
        case "integer":
            return schema.get("minimum", 0)
        case "boolean":
            return full
        case _:
            return None


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("name", OPERATIONS)
def test_a_described_answer_is_read_as_a_success(name, full):
    """The least and the fullest body of every success is ok, without a violation."""
    responses = described()[name][2]["responses"]
    (status,) = (status for status in responses if status[0] == "2")
    content = responses[status].get("content")
    schema = content["application/json"]["schema"] if content else None
    body = b"" if schema is None else json.dumps(example(schema, full=full)).encode()

    interpretation = interpret(name, int(status), body)

    assert (Outcome.OK, "") == (interpretation.outcome, interpretation.violation)
