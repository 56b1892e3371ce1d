"""
What the synthetic page evaluates: JSON literals, its title, its address, its document.

Playwright first puts a helper object into the page, then calls its methods with the expression
as a text argument. So an unknown script is an object, and a call has the value of the first
known text among its arguments.
"""

from __future__ import annotations

import re
from html import escape
from typing import Any

import msgspec

TITLE = "opensteer stand-in"

_UNKNOWN = object()
_KINDS = {bool: "boolean", int: "number", float: "number", str: "string"}
_ARROW = re.compile(r"^\(\)\s*=>\s*")
_DOCUMENT = ("document.documentElement.outerHTML", ".documentContent(")
"""Expressions for the complete document: the usual one, and Playwright's."""
_TEXT_MAX = 64 * 1024


def evaluate(expression: str, url: str, *, by_value: bool) -> dict[str, Any]:
    """The RemoteObject of an expression."""
    value = _value_of(expression, url)
    if value is not _UNKNOWN:
        return _remote(value)
    if by_value:
        return {"type": "undefined"}
    return {"type": "object", "className": "Object", "description": "Object", "objectId": "O1"}


def call(arguments: list[Any], url: str) -> dict[str, Any]:
    """The RemoteObject of a function call."""
    for argument in arguments:
        text = argument.get("value") if isinstance(argument, dict) else None
        if isinstance(text, str) and (value := _value_of(text, url)) is not _UNKNOWN:
            return _remote(value)
    return {"type": "undefined"}


def document(url: str) -> str:
    """The page's HTML."""
    where = escape(url)
    return f"<html><head><title>{TITLE}</title></head><body><p>{where}</p></body></html>"


def _value_of(text: str, url: str) -> Any:
    text = _ARROW.sub("", text.strip())
    if len(text) > _TEXT_MAX:
        return _UNKNOWN
    if text in {"document.title", "location.href"}:
        return TITLE if text == "document.title" else url
    if any(name in text for name in _DOCUMENT):
        return document(url)
    try:
        return msgspec.json.decode(text.encode(errors="replace"))
    except (msgspec.DecodeError, RecursionError):
        return _UNKNOWN


def _remote(value: Any) -> dict[str, Any]:
    return {"type": _KINDS.get(type(value), "object"), "value": value}
