"""
Interpret error responses, and bodies that cannot be decoded.

The error body is ``{error: message, code, details?}``. The code decides the outcome. Without a
code, or with one that has no outcome of its own, the status decides.

A body that is not JSON has two possible causes. One that begins as JSON (``{``, ``[`` or ``"``)
and then breaks is a garbled response of the API: ``invalid_response``. All else (nginx's HTML
502, a framework's ``Internal Server Error``, an empty body) comes from something before or
below the API. Then the status decides, with a violation. Except that such a 404 says nothing
about the resource: a proxy's page means an unknown *route*, a ``client_error``.
"""

from __future__ import annotations

import re

import msgspec
from msgspec import Raw
from msgspec.json import Decoder

from harness.contract.operations import OPERATIONS
from harness.contract.outcomes import CODES, SDK_CODES, Outcome, code_fits_status, outcome_of_status

DECODE_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding untrusted bytes can raise."""

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
    Classify a response whose status is no success: outcome, code ("" for none), violations.

    Never raises for any status outside 200 to 299, nor for any body.
    """
    by_status = outcome_of_status(status, operation)
    violations = []
    if not 400 <= status < 600:
        violations.append(f"status {status} is outside the contract")
    try:
        error_body = _error_body(body)
    except DECODE_ERRORS as error:
        return _read_undecodable(by_status, status, body, violations, error)
    code, code_violations = _find_code(operation, status, error_body)
    violations += code_violations
    if not code:
        return by_status, "", violations
    if code not in CODES and code not in SDK_CODES:
        violations.append(describe_unknown_code(code))
    elif not code_fits_status(code, status):
        violations.append(f"code {code} with status {status}")
    return CODES.get(code, by_status), code, violations


def _read_undecodable(
    by_status: Outcome, status: int, body: bytes, violations: list[str], error: Exception
) -> tuple[Outcome, str, list[str]]:
    if isinstance(error, msgspec.ValidationError):
        try:
            _json(body)
        except DECODE_ERRORS as garbled:  # a wrong type, followed by a syntax error
            error = garbled
        else:
            return by_status, "", [*violations, "the error body is not a JSON object"]
    violations.append(describe_decode_error(body, error))
    start = body.lstrip(_SPACE)[:1]
    if start in {b"{", b"[", b'"'}:
        return Outcome.INVALID_RESPONSE, "", violations
    if status == 404 and start:
        return Outcome.CLIENT_ERROR, "", violations
    return by_status, "", violations


def _find_code(operation: str, status: int, body: _ErrorBody) -> tuple[str, list[str]]:
    """The top-level code, or ``error.code``, where other APIs put it."""
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
        return "", [*violations, "`code` is not a string"]
    if not code:
        violations.append("`code` is empty")
    return code[:CODE_MAX], violations


def _has_no_code(operation: str, status: int) -> bool:
    """
    Whether the vocabulary has no code for this error.

    An unknown run or scraper (404), a key in use (409), a key used with another body (422).
    """
    if status == 404:
        return not operation.endswith(("_session", ".connect"))
    op = OPERATIONS.get(operation)  # an upgrade is none of them
    return status in (409, 422) and op is not None and op.keyed


def describe_unknown_code(code: str) -> str:
    """Report an unknown code; one that is not a name is not repeated."""
    return f"unknown code {code}" if _CODE.fullmatch(code) else "`code` is not a name"


def describe_decode_error(body: bytes, error: Exception) -> str:
    """How a body breaks the contract, in a few words and without its values."""
    if not body.strip(_SPACE):
        return "the body is empty"
    if isinstance(error, RecursionError):
        return "the body is nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return "the body is not UTF-8"
    if not isinstance(error, msgspec.ValidationError):
        return f"the body is not JSON: {error}"[:_VIOLATION_MAX]
    # msgspec quotes a wrong enum value, which is untrusted
    return _ENUM_VALUE.sub(r"Invalid enum value\1", str(error))[:_VIOLATION_MAX]
