"""
What the stand-in says of itself: OpenAPI for HTTP, AsyncAPI for sockets and webhooks.

Requests are described by the very types that read them (`harness.standin.request_models`,
`harness.standin.sockets.frames`), statuses by the table of codes, paths by the
router's own; answers by the types of `answers`, which tests hold against what is
really answered.
"""

from __future__ import annotations

from functools import cache

import msgspec

from harness.standin.api_docs.asyncapi import asyncapi_document
from harness.standin.api_docs.openapi import openapi_document

OPENAPI_PATH = "/openapi.json"
ASYNCAPI_PATH = "/asyncapi.json"
PATHS = (OPENAPI_PATH, ASYNCAPI_PATH)


@cache
def document_body(path: str) -> bytes:
    """The document served at one of `PATHS`, as text for people and tools."""
    document = openapi_document() if path == OPENAPI_PATH else asyncapi_document()
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"
