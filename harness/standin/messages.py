"""Requests and responses, independent of how they are transported."""

from __future__ import annotations

from typing import NamedTuple

from harness.standin import response_bodies
from harness.standin.codes import ALL_CODES, Vocabulary, code_name, message_of


class Request(NamedTuple):
    """One complete request."""

    operation: str
    argument: str  # the path's id or slug; "" if it has none
    query: bytes  # the query string, undecoded
    api_key: str  # hash of its API key; "" if not accepted
    idempotency_key: str  # "" if none
    host: str  # the ``address:port`` it was sent to
    body: bytes


class Response(NamedTuple):
    """One response."""

    status: int
    body: bytes  # JSON; empty for a 204
    code: str = ""  # the error code; "" if none
    headers: tuple[tuple[bytes, bytes], ...] = ()  # headers beyond content type and length
    resource_id: str = ""  # the session or run that was made; "" if none
    executed: bool = False  # work was done for it
    refused: bool = False  # the limiter refused it


def error_response(vocabulary: Vocabulary, code: str, details: object = None) -> Response:
    """An error with a code, in the given vocabulary."""
    name = code_name(vocabulary, code)
    body = response_bodies.error_body(message_of(code), name, details)
    return Response(ALL_CODES[name], body, name)


def plain_error_response(status: int, message: str) -> Response:
    """An error for which the contract has no code."""
    return Response(status, response_bodies.error_body(message, ""))
