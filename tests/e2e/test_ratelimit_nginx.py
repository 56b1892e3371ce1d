"""
A limiter that nobody here wrote: nginx's ``limit_req`` with ``burst``, in its three modes.

With ``nodelay`` it refuses at once; without it queues what exceeds the rate; with
``delay=N`` it queues what exceeds N.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import KEY, Command

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
pytestmark = [
    pytest.mark.alone,
    pytest.mark.skipif(NGINX is None, reason="nginx is not installed (apt-get install nginx)"),
]
CONFIG = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  limit_req_zone $http_x_api_key zone=z:1m rate=20r/s;
  limit_req_status 429;
  server {{
    listen 127.0.0.1:{port}; root {folder}; default_type application/json;
    location = /health {{ return 200 '{{"status":"ok"}}'; }}
    location / {{ limit_req zone=z burst=9 {mode}; }}
  }}
}}
"""


@pytest.fixture
def nginx(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """The base URL of an nginx with 20 requests a second and a burst of 9 beyond the first."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path / "nginx"
    folder.mkdir()
    config = folder / "nginx.conf"
    config.write_text(CONFIG.format(folder=folder, port=port, mode=request.param))
    assert NGINX is not None
    process = subprocess.Popen([NGINX, "-p", str(folder), "-c", str(config)])
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            break
        except OSError:
            assert process.poll() is None, (folder / "error.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.02)  # nothing tells when it listens
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(timeout=10)


@pytest.mark.parametrize(
    ("nginx", "at_once"), [("nodelay", None), ("", 1), ("delay=3", 4)], indirect=["nginx"]
)
def test_nginx_is_a_token_bucket_without_retry_after(
    harness: Command, nginx: str, at_once: int | None
) -> None:
    """20 a second, bursts to 10; where it queues, how many pass without a wait."""
    ended = harness(
        "ratelimit", "--host", nginx, "--out", "trial", "--max-attempts", "800",
        OPENSTEER_API_KEY=KEY,
    )  # fmt: skip
    result = json.loads((harness.folder / "trial" / "rate_limit.json").read_text())

    assert "Traceback" not in ended.err
    assert result["algorithm"] == "token-bucket"
    assert result["rate_per_s"]["estimate"] == pytest.approx(20, rel=0.03)
    assert result["burst"]["estimate"] == pytest.approx(10, abs=1)
    assert result["retry_after"]["kind"] == "missing"
    assert ("token bucket that queues" in result["paragraph"]) == (at_once is not None)
    if at_once is not None:
        assert f"{at_once} pass immediately" in result["paragraph"]
