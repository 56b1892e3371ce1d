"""Requests and responses, independent of how they are transported."""

from __future__ import annotations

from typing import NamedTuple

from harness.standin import response_bodies
from harness.standin.codes import ALL_CODES, Vocabulary, code_name, message_of


class Request(NamedTuple):
    """
    One complete request.

    Attributes:
        argument: The path's id or slug; "" if it has none.
        query: The query string, undecoded.
        api_key: Hash of its API key; "" if not accepted.
        idempotency_key: "" if none.
        host: The ``address:port`` it was sent to.
    """

    operation: str
    argument: str
    query: bytes
    api_key: str
    idempotency_key: str
    host: str
    body: bytes


class Response(NamedTuple):
    """
    One response.

    Attributes:
        body: JSON; empty for a 204.
        code: The error code; "" if none.
        headers: Headers beyond content type and length.
        resource_id: The session or run that was made; "" if none.
        executed: Work was done for it.
        refused: The limiter refused it.
    """

    status: int
    body: bytes
    code: str = ""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    resource_id: str = ""
    executed: bool = False
    refused: bool = False


def error_response(vocabulary: Vocabulary, code: str, details: object = None) -> Response:
    """An error with a code, in the given vocabulary."""
    name = code_name(vocabulary, code)
    body = response_bodies.error_body(message_of(code), name, details)
    return Response(ALL_CODES[name], body, name)


def plain_error_response(status: int, message: str) -> Response:
    """An error for which the contract has no code."""
    return Response(status, response_bodies.error_body(message, ""))
