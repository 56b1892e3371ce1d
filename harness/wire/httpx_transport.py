"""
The same transport over httpx: HTTP/2 and proxies, at about twenty times the cost.

It uses httpx's transport below httpx's client: no cookies, redirects or environment, and no
retries hidden from the record.
"""

from __future__ import annotations

import errno
import socket
import ssl

import httpx

from harness.clock import unix_ns
from harness.errors import UsageError
from harness.wire.content_encoding import decode
from harness.wire.httpcore_backend import IoMeter, MeteredBackend
from harness.wire.origin import parse_origin
from harness.wire.redaction import find_secret, redact, redact_text
from harness.wire.request_encoder import check_headers, check_idempotency_key, check_request_line
from harness.wire.response_parser import ResponseParser
from harness.wire.transport import ExchangeError, Failure, Request, Response, Target

FAILURES: dict[type[Exception], Failure] = {
    httpx.ConnectTimeout: Failure.CONNECT_TIMEOUT,
    httpx.PoolTimeout: Failure.CONNECT_TIMEOUT,
    httpx.WriteTimeout: Failure.SEND_TIMEOUT,
    httpx.ReadTimeout: Failure.READ_TIMEOUT,
    httpx.ConnectError: Failure.UNREACHABLE,  # unless its cause says more
    httpx.ProxyError: Failure.UNREACHABLE,
    httpx.UnsupportedProtocol: Failure.UNREACHABLE,
    httpx.ReadError: Failure.RESET,
    httpx.WriteError: Failure.RESET,
    httpx.CloseError: Failure.RESET,
    httpx.RemoteProtocolError: Failure.MALFORMED,  # unless the connection ended
    httpx.LocalProtocolError: Failure.MALFORMED,
}
"""The failure of each httpx exception whose causes are no more specific."""

_RESETS = frozenset({errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED})
_STREAM_RESETS = ("<StreamReset", "<ConnectionTerminated")  # httpcore's messages for h2's events


class HttpxTransport:
    """One user's connection through httpx; used by one greenlet or thread at a time."""

    def __init__(self, target: Target, context: ssl.SSLContext) -> None:
        """Prepare; nothing is sent. Raises as `harness.wire.connect`."""
        self._target = target
        self._origin = parse_origin(target.base_url)
        self._headers = check_headers(target.headers)
        self._secret = find_secret(target.headers)
        self._has_content_type = any(name == "content-type" for name, _ in self._headers)
        self._timeout = {
            "connect": target.timeouts.connect_s,
            "read": target.timeouts.read_s,
            "write": target.timeouts.read_s,
            "pool": target.timeouts.connect_s,
        }
        self._meter = IoMeter(target.timeouts.connect_s)
        self._context = context
        self._http = self._make_http()

    def exchange(self, request: Request, deadline_ns: int) -> Response:
        """As `Transport.exchange`."""
        start_ns = unix_ns()
        message = self._write(request)
        target, meter = self._target, self._meter
        parser = None
        if target.proxy is None:
            parser = ResponseParser(target.max_head_bytes, target.max_body_bytes)
        meter.begin(deadline_ns, parser)
        response: httpx.Response | None = None
        try:
            meter.clamp(None)
            response = self._http.handle_request(message)
            try:
                raw = self._read_body(response)
            finally:
                response.close()
            coding = response.headers.get("content-encoding", "").strip().lower()
            body = decode(raw, coding, target.max_body_bytes)
        except BaseException as error:
            self._drop()
            if not isinstance(error, Exception):  # the user was killed
                raise
            status = response.status_code if response is not None else 0
            return self._fail(error, status, start_ns)
        end_ns = unix_ns()
        if parser is not None and not parser.reusable:
            self._drop()  # what followed the response must not begin the next one
        headers = response.headers
        return Response(
            response.status_code, redact(body, self._secret),
            headers.get("retry-after"), headers.get("content-type"),
            start_ns, end_ns, meter.bytes_out, meter.bytes_in,
        )  # fmt: skip

    def close(self) -> None:
        """Close the connection; a second call does nothing."""
        self._http.close()

    def _make_http(self) -> httpx.HTTPTransport:
        try:
            http = httpx.HTTPTransport(
                verify=self._context,
                http2=self._target.http2,
                limits=httpx.Limits(max_connections=1, max_keepalive_connections=1),
                trust_env=False,
                proxy=self._target.proxy,
                retries=0,
            )
        except (ValueError, ImportError, httpx.InvalidURL) as error:
            raise UsageError(f"the proxy cannot be used: {error}") from None
        # httpx has no option for httpcore's (public) network backend.
        http._pool._network_backend = MeteredBackend(self._meter, self._target.via)  # noqa: SLF001
        return http

    def _drop(self) -> None:
        """Close the connection and replace the pool: with HTTP/2 it would not notice."""
        self._meter.drop()
        self._http = self._make_http()

    def _write(self, request: Request) -> httpx.Request:
        method, target, key = request.method, request.target, request.idempotency_key
        check_request_line(method, target)
        headers = [("host", self._origin.authority), *self._headers]
        if method in {"POST", "PUT", "PATCH"} and not self._has_content_type:
            headers.append(("content-type", "application/json"))
        if key:
            check_idempotency_key(key)
            headers.append(("idempotency-key", key))
        path = self._origin.prefix + target
        scheme = "https" if self._origin.tls else "http"
        extensions: dict[str, object] = {"timeout": self._timeout}
        if self._target.proxy is None:
            extensions["target"] = path.encode()  # unchanged, not as httpx would quote it
        url = f"{scheme}://{self._origin.authority}{path}"
        return httpx.Request(
            method, url, headers=headers, content=request.body, extensions=extensions
        )

    def _read_body(self, response: httpx.Response) -> bytes:
        bound_bytes = self._target.max_body_bytes
        parts: list[bytes] = []
        size_bytes = 0
        stream = response.stream
        if not isinstance(stream, httpx.SyncByteStream):
            raise TypeError("httpx answered with a stream for another kind of client")
        for part in stream:
            self._meter.clamp(None)
            size_bytes += len(part)
            if size_bytes > bound_bytes:
                raise ExchangeError(Failure.MALFORMED, f"a body of more than {bound_bytes} bytes")
            parts.append(part)
        return b"".join(parts)

    def _fail(self, error: Exception, status: int, start_ns: int) -> Response:
        meter = self._meter
        end_ns = unix_ns()
        failure, detail = classify(error, ended=meter.ended)
        if failure in _TIMEOUTS and end_ns >= meter.deadline_ns:
            failure, detail = Failure.DEADLINE, "the deadline passed"
        if failure is Failure.RESET and not meter.dialled and meter.bytes_in == 0:
            failure = Failure.STALE
        detail, sizes = redact_text(detail, self._secret), (meter.bytes_out, meter.bytes_in)
        return Response(status, b"", None, None, start_ns, end_ns, *sizes, failure, detail)


_TIMEOUTS = frozenset({Failure.CONNECT_TIMEOUT, Failure.SEND_TIMEOUT, Failure.READ_TIMEOUT})


def classify(error: Exception, *, ended: bool) -> tuple[Failure, str]:
    """The failure, and its detail, of an exception of httpx or below; ``ended`` by the server."""
    if isinstance(error, ExchangeError):
        return error.failure, error.detail
    detail = f"{type(error).__name__}: {error}"[:200]
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLError) and not (
            isinstance(cause, ssl.SSLEOFError) and not isinstance(error, httpx.ConnectError)
        ):
            return Failure.TLS, detail
        if isinstance(cause, ConnectionRefusedError):
            return Failure.REFUSED, detail
        if isinstance(cause, socket.gaierror):
            return Failure.UNREACHABLE, detail
        if isinstance(cause, TimeoutError) and isinstance(error, httpx.ConnectError):
            return Failure.CONNECT_TIMEOUT, detail
        if isinstance(cause, OSError) and cause.errno in _RESETS:
            return Failure.RESET, detail
    if isinstance(error, httpx.RemoteProtocolError) and (
        ended or str(error).startswith(_STREAM_RESETS)
    ):
        return Failure.RESET, detail
    if isinstance(error, OSError):
        return Failure.RESET, detail
    return FAILURES.get(type(error), Failure.MALFORMED), detail


def _causes(error: BaseException | None) -> list[BaseException]:
    chain: list[BaseException] = []
    while error is not None and error not in chain:
        chain.append(error)
        error = error.__cause__ or error.__context__
    return chain
