"""
Detect a TLS client's first request from the headers of its records (RFC 8446 §5.1).

A client's first application-data record is its request. The exception is TLS 1.3, where the
client's Finished is application data too: 53 encrypted bytes (SHA-256 suites) or 69 (SHA-384),
which do not count.
"""

from __future__ import annotations

_HEADER_BYTES = 5
_APPLICATION_DATA = 23
_FINISHED_BYTES = (53, 69)


def looks_like_tls(data: bytes) -> bool:
    """Whether a connection's first bytes are a TLS handshake record."""
    return len(data) > 1 and data[0] == 0x16 and data[1] == 0x03


class TlsRecordScanner:
    """Scans the records that a TLS client sends."""

    def __init__(self) -> None:
        self._header = b""
        self._left_bytes = 0
        self._application_records = 0

    def feed(self, data: bytes) -> bool:
        """Whether application data was sent, up to and including `data`."""
        position = 0
        while position < len(data):
            if self._left_bytes:
                step = min(self._left_bytes, len(data) - position)
                self._left_bytes -= step
                position += step
                continue
            take = _HEADER_BYTES - len(self._header)
            self._header += data[position : position + take]
            position += take
            if len(self._header) == _HEADER_BYTES:
                self._end_header()
        return self._application_records > 0

    def _end_header(self) -> None:
        header, self._header = self._header, b""
        self._left_bytes = int.from_bytes(header[3:5], "big")
        if header[0] == _APPLICATION_DATA and self._left_bytes not in _FINISHED_BYTES:
            self._application_records += 1
