"""
The stand-in's description of itself: OpenAPI for HTTP, AsyncAPI for sockets and webhooks.

Requests are described by the types that read them, statuses by the table of codes, responses by
`response_models`, which tests compare with real responses.
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
    """The document served at one of `PATHS`."""
    document = openapi_document() if path == OPENAPI_PATH else asyncapi_document()
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"
