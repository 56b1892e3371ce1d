"""What is said of a target that is there, and cannot be used."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading

import pytest
import trustme

from harness.client.recorder import Recorder
from harness.errors import TargetError
from harness.execution.target import preflight
from harness.wire import Target


def _accept(listener: socket.socket, context: ssl.SSLContext) -> None:
    while True:
        try:
            sock, _ = listener.accept()
        except OSError:
            return
        with contextlib.suppress(OSError):
            context.wrap_socket(sock, server_side=True).close()


def test_a_certificate_that_nobody_vouches_for_is_named_with_its_remedy():
    """It is there, and it runs: what is wanting is an authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_accept, args=(listener, context), daemon=True).start()
        host = f"https://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(TargetError) as caught:
            preflight(Target(host), Recorder())
        listener.shutdown(socket.SHUT_RDWR)

    assert str(caught.value).startswith(f"{host} cannot be trusted (")
    assert "--ca-file" in str(caught.value)
