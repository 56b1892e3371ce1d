"""The documents that the stand-in serves describe its responses."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from openapi_spec_validator import validate

from harness.standin.api_docs import OPENAPI_PATH, PATHS, document_body
from harness.standin.api_docs.asyncapi import asyncapi_document
from harness.standin.api_docs.openapi import OPERATIONS, openapi_document
from harness.standin.codes import ALL_CODES
from harness.standin.operations import OPERATIONS as NAMES
from harness.standin.operations import find_route

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.mark.parametrize("path", PATHS)
def test_the_committed_documents_are_current(honest, path):
    """The served documents equal those in docs/; run `make api-docs` if they differ."""
    committed = (DOCS / path.lstrip("/")).read_bytes()
    assert committed == document_body(path) == honest.http.get(path).content


def test_the_openapi_document_is_one():
    """It keeps the OpenAPI 3.1 schema."""
    validate(json.loads(document_body(OPENAPI_PATH)))


def test_every_reference_of_the_asyncapi_document_leads_somewhere():
    """Each $ref resolves inside the document."""
    document = asyncapi_document()
    refs = _refs(document)
    assert len(refs) > 10
    for ref in refs:
        node = document
        for part in ref.removeprefix("#/").split("/"):
            node = node[part]


def _refs(node):
    if isinstance(node, dict):
        own = [node["$ref"]] if "$ref" in node else []
        return own + [ref for value in node.values() for ref in _refs(value)]
    return [ref for value in node for ref in _refs(value)] if isinstance(node, list) else []


def test_every_route_is_described():
    """Names, methods and paths are the router's own, both ways."""
    assert set(NAMES) == set(OPERATIONS)
    for name, described in OPERATIONS.items():
        path = described.path.replace("{sessionId}", "s").replace("{runId}", "r")
        route = find_route(described.method.upper(), path.replace("{slug}", "s"))
        assert name == route.operation


def check_answer(name, answer):
    """Validate a response by the document: a known status, and a body of its schema."""
    document = openapi_document()
    described = OPERATIONS[name]
    responses = document["paths"][described.path][described.method]["responses"]
    status = str(answer.status_code)
    response = responses.get(status) or responses[f"{status[0]}XX"]
    if "content" not in response:
        assert answer.content == b""
        return
    schema = response["content"]["application/json"]["schema"]
    jsonschema.Draft202012Validator(schema | {"components": document["components"]}).validate(
        answer.json()
    )


def test_answers_are_as_described(start):
    """Successes and refusals of every operation match the document."""
    client = start(max_sessions=2, run_wait="0ms", run_duration="0ms", run_failed=0.5)
    created = client.create(name="x", key="k1")
    session_id = created.json()["sessionId"]
    run = client.queue(key="k2", webhook={"url": "http://127.0.0.1:9/", "secret": "whsec_x"})
    run_id = run.json()["run"]["id"]
    seen = [
        ("health", client.health()),
        ("create_session", created),
        ("create_session", client.create(name="y", key="k1")),
        ("create_session", client.create(name=5)),
        ("create_session", client.create(cloudSessionContractVersion="v2")),
        ("get_session", client.get(session_id)),
        ("get_session", client.get("sess_0")),
        ("create_session", client.create()),
        ("create_session", client.create()),
        ("delete_session", client.delete(session_id)),
        ("delete_session", client.delete(session_id)),
        ("import_selector_cache", client.load(client.entry())),
        ("import_selector_cache", client.load({})),
        ("queue_run", run),
        ("queue_run", client.queue(key="k2")),
        ("queue_run", client.queue(webhook={})),
        ("get_run", client.run(run_id)),
        ("get_run", client.run("run_0")),
        ("get_run_logs", client.logs(run_id, logLimit=3)),
        ("get_run_logs", client.logs(run_id, logLimit=0)),
    ]
    for name, answer in seen:
        check_answer(name, answer)
    statuses = {answer.status_code for _, answer in seen}
    assert {200, 201, 202, 204, 400, 404, 409, 410, 422, 503} == statuses


def test_every_code_that_can_be_injected_is_described(start):
    """Each of the codes, wherever it comes up, has a described status and body."""
    client = start()
    seen = set()
    for code, status in ALL_CODES.items():
        if status in {402, 403, 405}:
            continue  # of the SDK's world, or a method that the path does not have
        name = "create_session" if status in {409, 400} else "delete_session"
        client.standin.control(fail={f"{name}:{code}": 1.0})
        answer = client.create() if name == "create_session" else client.delete("s")
        check_answer(name, answer)
        seen.add(json.loads(answer.content)["code"])
    assert len(seen) > 25
