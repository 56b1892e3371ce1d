"""
Decode content codings within a bound: a few kilobytes must not become gigabytes.

``deflate`` is the zlib format (RFC 9110, section 8.4.1.2), but some servers send raw deflate.
Both are read.
"""

from __future__ import annotations

import zlib

from harness.wire.transport import ExchangeError, Failure

_GZIP, _ZLIB, _RAW_DEFLATE = 31, 15, -15


def decode(body: bytes, coding: str, max_bytes: int) -> bytes:
    """
    The body without its content coding, given in lower case; raise ExchangeError if it is unknown
    or damaged, or if more than ``max_bytes`` come out.
    """
    if coding in {"", "identity"} or not body:
        return body
    if coding in {"gzip", "x-gzip"}:
        return _inflate(body, _GZIP, max_bytes)
    if coding == "deflate":
        # The zlib format begins with the method 8 and a multiple of 31 (RFC 1950).
        is_zlib = body[0] & 0x0F == 8 and int.from_bytes(body[:2], "big") % 31 == 0
        return _inflate(body, _ZLIB if is_zlib else _RAW_DEFLATE, max_bytes)
    raise ExchangeError(Failure.MALFORMED, f"unknown content coding {coding[:40]!r}")


def _inflate(body: bytes, window_bits: int, max_bytes: int) -> bytes:
    parts: list[bytes] = []
    room = max_bytes
    while body:  # gzip allows several members, one after the other
        member = zlib.decompressobj(window_bits)
        try:
            part = member.decompress(body, room + 1)
        except zlib.error as error:
            raise ExchangeError(Failure.MALFORMED, f"damaged coding: {error}") from None
        room -= len(part)
        if room < 0:
            raise ExchangeError(Failure.MALFORMED, f"more than {max_bytes} bytes decoded")
        if not member.eof:
            raise ExchangeError(Failure.MALFORMED, "the coded body is truncated")
        parts.append(part)
        body = member.unused_data if window_bits == _GZIP else b""
    return b"".join(parts)
