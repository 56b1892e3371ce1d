"""What comes in and what goes out, apart from how it travels."""

from __future__ import annotations

from typing import NamedTuple

from harness.standin import response_bodies
from harness.standin.codes import ALL_CODES, MESSAGES, Vocabulary, code_name


class Request(NamedTuple):
    """
    One request, read whole.

    Attributes:
        operation: Which of the API's operations.
        argument: The path's id or slug; "" where it has none.
        query: The query string, undecoded.
        api_key: Hash of the key it came with; "" before or without one.
        idempotency_key: Its Idempotency-Key; "" when none.
        host: ``address:port`` it was sent to.
        body: Its body.
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
    One answer.

    Attributes:
        status: HTTP status.
        body: JSON; empty for a 204.
        code: The error's code; "" for none.
        headers: Headers beyond content type and length.
        resource_id: The session or run that was made; "" when none.
        executed: Whether work was really done for it.
        refused: Whether the limiter refused it.
    """

    status: int
    body: bytes
    code: str = ""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    resource_id: str = ""
    executed: bool = False
    refused: bool = False


def error_response(vocabulary: Vocabulary, code: str, details: object = None) -> Response:
    """An error of the contract, named in the vocabulary asked for."""
    name = code_name(vocabulary, code)
    message = MESSAGES.get(code) or code.removeprefix("CLOUD_").replace("_", " ").lower()
    return Response(ALL_CODES[name], response_bodies.error_body(message, name, details), name)


def plain_error_response(status: int, message: str) -> Response:
    """An error that the contract has no code for."""
    return Response(status, response_bodies.error_body(message, ""))
