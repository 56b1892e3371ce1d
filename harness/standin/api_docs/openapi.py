"""The OpenAPI 3.1 document of the HTTP part."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from harness import __version__
from harness.standin.api_docs import response_models
from harness.standin.codes import ALL_CODES, STATUS
from harness.standin.handlers import LOG_LINES_DEFAULT, LOG_LINES_MAX
from harness.standin.operations import SLUG_PATTERN
from harness.standin.request_models import CONTRACT_VERSION, CreateSession, Import, QueueRun
from harness.standin.response_bodies import CURSOR_PATTERN

_REFS = "#/components/schemas/{name}"


class _OperationDoc(NamedTuple):
    """One operation."""

    path: str  # with its parameter in braces
    method: str  # in lower case
    summary: str
    success: tuple[int, type | None]  # status and response type; None has no body
    refusals: dict[int, str]  # statuses beyond 401 and 429 → their meaning
    body: type | None = None  # the request's type; None for no body


_NO_SESSION = {
    404: "CLOUD_SESSION_NOT_FOUND",
    409: "CLOUD_SESSION_STALE: too soon after its creation",
    410: "CLOUD_SESSION_CLOSED or CLOUD_RUNTIME_GONE",
}
_BODY = {
    400: "CLOUD_CONFIG_INVALID: the body does not match its schema",
    409: "the first request with this Idempotency-Key is in progress",
    413: "the body is too large",
    422: "this Idempotency-Key was used with another request",
}
_NO_RUN = {404: "no such run"}

OPERATIONS: dict[str, _OperationDoc] = {
    "health": _OperationDoc(
        "/health", "get", "Report that the service is available", (200, response_models.Health), {}
    ),
    "create_session": _OperationDoc(
        "/sessions", "post", "Create a browser session", (201, response_models.CreatedSession),
        _BODY | {409: f"CLOUD_CONTRACT_MISMATCH, or {_BODY[409]}"}, CreateSession,
    ),
    "get_session": _OperationDoc(
        "/sessions/{sessionId}", "get", "Read a session", (200, response_models.FoundSession),
        _NO_SESSION,
    ),
    "delete_session": _OperationDoc(
        "/sessions/{sessionId}", "delete", "Close a session", (204, None), _NO_SESSION
    ),
    "import_selector_cache": _OperationDoc(
        "/selector-cache/import", "post", "Import selectors", (200, response_models.Imported),
        _BODY,
        Import,
    ),
    "queue_run": _OperationDoc(
        "/scrapers/{slug}/runs", "post", "Queue a scraper's run",
        (202, response_models.QueuedRun),
        _BODY | {404: "no such scraper"}, QueueRun,
    ),
    "get_run": _OperationDoc(
        "/runs/{runId}", "get", "Read a run", (200, response_models.FoundRun), _NO_RUN
    ),
    "get_run_logs": _OperationDoc(
        "/runs/{runId}/logs", "get", "Read a run's log, the newest page first",
        (200, response_models.LogPage),
        _NO_RUN | {400: "CLOUD_CONFIG_INVALID: a wrong parameter"},
    ),
}  # fmt: skip


def openapi_document() -> dict[str, Any]:
    """Describe every operation."""
    paths: dict[str, Any] = {}
    for name, described in OPERATIONS.items():
        paths.setdefault(described.path, {})[described.method] = _operation(name, described)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Opensteer Cloud API, as the stand-in of opensteer-harness serves it",
            "version": __version__,
            "description": f"Cloud session contract {CONTRACT_VERSION}.",
        },
        "servers": [{"url": "/"}],
        "security": [{"apiKey": []}, {"bearer": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
            "schemas": _schemas(),
        },
    }


def component_schemas(types: list[Any]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """References to some types, and the schemas they refer to."""
    refs, schemas = msgspec.json.schema_components(types, ref_template=_REFS)
    return list(refs), dict(sorted(schemas.items()))


def codes_schema(codes: dict[str, int]) -> dict[str, Any]:
    """The schema of an error body's code."""
    return {"type": "string", "enum": sorted(codes), "description": "The cause of the error."}


def _schemas() -> dict[str, Any]:
    types: list[Any] = [response_models.Error]
    for described in OPERATIONS.values():
        types += filter(None, (described.success[1], described.body))
    _, schemas = component_schemas(types)
    schemas["Error"]["properties"]["code"] = {"$ref": _REFS.format(name="Code")}
    documented = ", ".join(sorted(STATUS))
    schemas["Code"] = codes_schema(ALL_CODES) | {
        "description": f"Documented: {documented}; the others are the SDK's."
    }
    version = schemas["CreateSession"]["properties"]["cloudSessionContractVersion"]
    version["const"] = CONTRACT_VERSION
    return schemas


def _operation(name: str, described: _OperationDoc) -> dict[str, Any]:
    status, response_type = described.success
    responses = {str(status): _response(described.summary, response_type)}
    refusals = dict(described.refusals)
    if name != "health":
        refusals |= {
            401: "CLOUD_AUTH_FAILED",
            429: "CLOUD_RATE_LIMITED: see Retry-After",
        }
    for refused, what in sorted(refusals.items()):
        responses[str(refused)] = _response(what, response_models.Error)
    if "429" in responses:
        responses["429"]["headers"] = {"Retry-After": _header("Seconds, or an HTTP-date.")}
    responses["5XX"] = _response(
        "Capacity, launch, timeout or an internal error", response_models.Error
    )
    document: dict[str, Any] = {"operationId": name, "summary": described.summary}
    if name == "health":
        document["security"] = []
    if parameters := _parameters(name, described):
        document["parameters"] = parameters
    if described.body is not None:
        content = {"application/json": {"schema": _ref(described.body)}}
        document["requestBody"] = {"required": True, "content": content}
    document["responses"] = responses
    return document


def _response(description: str, response_type: type | None) -> dict[str, Any]:
    document: dict[str, Any] = {"description": description}
    if response_type is not None:
        document["content"] = {"application/json": {"schema": _ref(response_type)}}
    return document


def _ref(response_type: type) -> dict[str, str]:
    return {"$ref": _REFS.format(name=response_type.__name__)}


def _header(description: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string"}}


def _parameters(name: str, described: _OperationDoc) -> list[dict[str, Any]]:
    parameters = []
    if "{" in described.path:
        argument = described.path.partition("{")[2].partition("}")[0]
        pattern = f"^{SLUG_PATTERN}$" if argument == "slug" else "^[^/]+$"
        parameters.append(_parameter(argument, "path", {"type": "string", "pattern": pattern}))
    if described.body is not None:
        schema = {"type": "string", "pattern": "^[!-~]{1,255}$"}
        parameters.append(_parameter("Idempotency-Key", "header", schema))
    if name == "get_run_logs":
        limit = {"type": "integer", "minimum": 1, "maximum": LOG_LINES_MAX}
        cursor = {"type": "string", "pattern": CURSOR_PATTERN}
        parameters += [
            _parameter("logLimit", "query", limit | {"default": LOG_LINES_DEFAULT}),
            _parameter("beforeLogCursor", "query", cursor),
        ]
    return parameters


def _parameter(name: str, place: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": place, "required": place == "path", "schema": schema}
