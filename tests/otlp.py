"""A real OTLP/HTTP receiver, in a thread of the test."""

from __future__ import annotations

import gzip
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)


class Receiver:
    """An OTLP/HTTP receiver that decodes what is posted to it."""

    def __init__(self, status: int = 200) -> None:
        self.exports: list[tuple[str, ExportMetricsServiceRequest]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                assert self.headers["content-type"] == "application/x-protobuf"
                receiver.exports.append((self.path, ExportMetricsServiceRequest.FromString(body)))
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever)

    def __enter__(self) -> Receiver:
        self.thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def metrics(self) -> dict:
        """The last export's metrics by name."""
        (resource,) = self.exports[-1][1].resource_metrics
        return {m.name: m for scope in resource.scope_metrics for m in scope.metrics}


def labels(point) -> tuple[str, str]:
    """A point's operation and outcome."""
    named = {a.key: a.value.string_value for a in point.attributes}
    return named["operation"], named["outcome"]
