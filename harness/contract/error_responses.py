"""
Answers that are no success, and bodies that cannot be read.

The error body is ``{error: message, code, details?}``. The code decides; where there
is none, or none that has an outcome of its own, the status does.

A body that is no JSON can mean two things. If it sets out as JSON (``{``, ``[`` or
``"``) and breaks, the API spoke and was garbled: ``invalid_response``. Anything else
(nginx's HTML 502, a framework's ``Internal Server Error``, an empty body) comes from
something that stands before or under the API, and its status says all it has to say:
outcome by status, with a violation. Only a 404 is not believed to be about the
resource then: a proxy's page says that the *route* is unknown, a ``client_error``.
"""

from __future__ import annotations

import re

import msgspec
from msgspec import Raw
from msgspec.json import Decoder

from harness.contract.operations import OPERATIONS
from harness.contract.outcomes import CODES, SDK_CODES, Outcome, code_fits_status, outcome_of_status

DECODE_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding a stranger's bytes can raise."""

CODE_MAX = 64  # characters
_VIOLATION_MAX = 160  # characters
_CODE = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_ENUM_VALUE = re.compile(r"^Invalid enum value .*?( - at `[^`]*`)?$", re.DOTALL)
_SPACE = b" \t\r\n"


_NULL = Raw(b"null")


class _ErrorBody(msgspec.Struct, gc=False):
    error: Raw = _NULL
    code: Raw = _NULL


class _NestedError(msgspec.Struct, gc=False):
    code: Raw = _NULL


_error_body = Decoder(_ErrorBody).decode
_nested_error = Decoder(_NestedError).decode
_string = Decoder(str).decode
_json = Decoder(Raw).decode


def read_error_response(operation: str, status: int, body: bytes) -> tuple[Outcome, str, list[str]]:
    """
    Classify an answer whose status is no success.

    Args:
        operation: A name of `harness.contract.operations.OPERATIONS`.
        status: Any integer outside 200 to 299.
        body: Any bytes.

    Returns:
        The outcome, the code ("" when none) and the violations. Never raises for
        any status or body.
    """
    by_status = outcome_of_status(status, operation)
    violations = []
    if not 400 <= status < 600:
        violations.append(f"status {status} is outside the contract")
    try:
        error = _error_body(body)
    except DECODE_ERRORS as flaw:
        return _read_unreadable(by_status, status, body, violations, flaw)
    code, flaws = _find_code(operation, status, error)
    violations += flaws
    if not code:
        return by_status, "", violations
    if code not in CODES and code not in SDK_CODES:
        violations.append(describe_unknown_code(code))
    elif not code_fits_status(code, status):
        violations.append(f"code {code} with status {status}")
    return CODES.get(code, by_status), code, violations


def _read_unreadable(
    by_status: Outcome, status: int, body: bytes, violations: list[str], flaw: Exception
) -> tuple[Outcome, str, list[str]]:
    if isinstance(flaw, msgspec.ValidationError):
        try:
            _json(body)
        except DECODE_ERRORS as garbled:  # the type was wrong before the syntax was
            flaw = garbled
        else:
            return by_status, "", [*violations, "the error body is no JSON object"]
    violations = [*violations, describe_decode_error(body, flaw)]
    start = body.lstrip(_SPACE)[:1]
    if start in {b"{", b"[", b'"'}:
        return Outcome.INVALID_RESPONSE, "", violations
    if status == 404 and start:
        return Outcome.CLIENT_ERROR, "", violations
    return by_status, "", violations


def _find_code(operation: str, status: int, body: _ErrorBody) -> tuple[str, list[str]]:
    """Take the code where it stands, or from ``error.code``, where other APIs put it."""
    violations = []
    raw = body.code
    message = bytes(body.error)
    if message[:1] == b"{":
        violations.append("`error` is an object, not a message")
        raw = _nested_error(message).code if bytes(raw) == b"null" else raw
    elif message[:1] != b'"':
        violations.append("the error body has no `error` message")
    if bytes(raw) == b"null":
        if not _has_no_code(operation, status):
            violations.append("the error body has no `code`")
        return "", violations
    try:
        code = _string(raw)
    except DECODE_ERRORS:
        return "", [*violations, "`code` is no string"]
    if not code:
        violations.append("`code` is empty")
    return code[:CODE_MAX], violations


def _has_no_code(operation: str, status: int) -> bool:
    """
    Whether the vocabulary has no word for this refusal, so that none can be asked for.

    An unknown run or scraper (404), an idempotency key in use (409) or used with
    another body (422).
    """
    if status == 404:
        return not operation.endswith(("_session", ".connect"))
    op = OPERATIONS.get(operation)  # an upgrade is none of them
    return status in (409, 422) and op is not None and op.keyed


def describe_unknown_code(code: str) -> str:
    """Say that no list has a code; what is no name is not repeated."""
    return f"unknown code {code}" if _CODE.fullmatch(code) else "`code` is no name"


def describe_decode_error(body: bytes, error: Exception) -> str:
    """Say in a few words, and without its values, how a body breaks the contract."""
    if not body.strip(_SPACE):
        return "the body is empty"
    if isinstance(error, RecursionError):
        return "the body is nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return "the body is not UTF-8"
    if not isinstance(error, msgspec.ValidationError):
        return f"the body is no JSON: {error}"[:_VIOLATION_MAX]
    # msgspec quotes a wrong enum value; a stranger's value has no place in a log
    return _ENUM_VALUE.sub(r"Invalid enum value\1", str(error))[:_VIOLATION_MAX]
