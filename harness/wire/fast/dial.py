"""Make a connection: name, TCP, TLS, with a failure for each, all within ``connect_s``."""

from __future__ import annotations

import errno
import ssl

from harness.clock import unix_ns
from harness.units import NS_PER_S
from harness.wire.fast.dns import Address, evict, resolve
from harness.wire.fast.stream import Stream
from harness.wire.fast.tls import TlsStream
from harness.wire.origin import Origin
from harness.wire.transport import ExchangeError, Failure, Timeouts

_BY_ERRNO = {
    errno.ECONNREFUSED: Failure.REFUSED,
    errno.ETIMEDOUT: Failure.CONNECT_TIMEOUT,
    errno.ECONNRESET: Failure.RESET,
    errno.EPIPE: Failure.RESET,
}


def dial(
    origin: Origin,
    context: ssl.SSLContext | None,
    timeouts: Timeouts,
    deadline_ns: int,
    connect_to: tuple[str, int] | None = None,
) -> Stream | TlsStream:
    """
    Connect to an origin; its addresses are tried one after the other.

    ``context`` is None for plain TCP; ``connect_to`` replaces the origin's host and port. Raises
    ExchangeError with the failure of the last address tried.
    """
    host, port = connect_to or (origin.host, origin.port)
    until_ns = unix_ns() + int(timeouts.connect_s * NS_PER_S)
    late = Failure.CONNECT_TIMEOUT
    if until_ns >= deadline_ns:
        until_ns, late = deadline_ns, Failure.DEADLINE
    if unix_ns() >= until_ns:
        raise ExchangeError(late, "the deadline had already passed")
    try:
        addresses = resolve(host, port, until_ns)
    except ExchangeError as broken:
        if broken.failure is Failure.CONNECT_TIMEOUT:
            broken.failure = late
        raise
    read_timeout_ns = int(timeouts.read_s * NS_PER_S)
    for address in addresses[:-1]:
        try:
            return _connect(address, origin, context, read_timeout_ns, until_ns, deadline_ns)
        except ExchangeError as broken:
            if broken.failure in {Failure.TLS, late}:
                raise
    try:
        return _connect(addresses[-1], origin, context, read_timeout_ns, until_ns, deadline_ns)
    except ExchangeError:
        evict(host, port)
        raise


def _connect(
    address: Address,
    origin: Origin,
    context: ssl.SSLContext | None,
    read_timeout_ns: int,
    until_ns: int,
    deadline_ns: int,
) -> Stream | TlsStream:
    try:
        stream = Stream(address.family, read_timeout_ns, deadline_ns)
    except OSError as error:
        raise ExchangeError(Failure.UNREACHABLE, f"no socket: {error.strerror}") from None
    try:
        stream.connect(address.socket_address, until_ns)
        if context is None:
            return stream
        secure = TlsStream(stream, context, origin.host)
        secure.handshake(until_ns)
    except ssl.SSLError as error:  # an OSError too, so it comes first
        stream.close()
        raise ExchangeError(Failure.TLS, _tls_detail(error)) from None
    except OSError as error:
        stream.close()
        failure = _BY_ERRNO.get(error.errno or 0, Failure.UNREACHABLE)
        raise ExchangeError(failure, f"connect: {error.strerror}") from None
    except BaseException:  # the user was killed
        stream.close()
        raise
    return secure


def _tls_detail(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate: {error.verify_message}"
    return f"handshake: {error.reason or error.strerror or error}"
