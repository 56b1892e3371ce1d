"""What comes in and what goes out, apart from how it travels."""

from __future__ import annotations

from typing import NamedTuple

from harness.standin import response_bodies
from harness.standin.codes import ALL, MESSAGES, Vocabulary, name_in


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


class Answer(NamedTuple):
    """
    One answer.

    Attributes:
        status: HTTP status.
        body: JSON; empty for a 204.
        code: The error's code; "" for none.
        headers: Headers beyond content type and length.
        resource_id: The session or run that was made; "" when none.
        worked: Whether work was really done for it.
        refused: Whether the limiter refused it.
    """

    status: int
    body: bytes
    code: str = ""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    resource_id: str = ""
    worked: bool = False
    refused: bool = False


def fail(vocabulary: Vocabulary, code: str, details: object = None) -> Answer:
    """An error of the contract, named in the vocabulary asked for."""
    name = name_in(vocabulary, code)
    message = MESSAGES.get(code) or code.removeprefix("CLOUD_").replace("_", " ").lower()
    return Answer(ALL[name], response_bodies.error_body(message, name, details), name)


def fail_plainly(status: int, message: str) -> Answer:
    """An error that the contract has no code for."""
    return Answer(status, response_bodies.error_body(message, ""))
