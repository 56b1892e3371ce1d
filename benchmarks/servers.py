"""The servers that benchmarks load: nginx, and a stalling one of our own."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

NGINX = shutil.which("nginx") or "/usr/sbin/nginx"
ANSWER = '{"imported":1,"inserted":1,"updated":0,"skipped":0}'

_CONF = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log crit;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 100000000; keepalive_timeout 300s; tcp_nodelay on;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s; client_max_body_size 8m;
  client_body_buffer_size 512k; default_type application/json;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location = /health {{ return 200 '{{}}'; }}
    location /sessions {{ return 404 '{{"error":"no","code":"CLOUD_SESSION_NOT_FOUND"}}'; }}
    location / {{ return 200 '{answer}'; }}
  }}
}}
"""


class Nginx:
    """nginx in the foreground, one process, pinned to one core."""

    def __init__(self, core: int = 0) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="harness-nginx-"))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        conf = self.folder / "nginx.conf"
        conf.write_text(_CONF.format(folder=self.folder, port=self.port, answer=ANSWER))
        command = ["taskset", "-c", str(core), NGINX, "-c", str(conf), "-p", str(self.folder)]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        self.url = f"http://127.0.0.1:{self.port}"
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", self.port), 0.2).close()
                break
            except OSError:
                time.sleep(0.05)
        else:
            self.close()
            msg = "nginx did not start"
            raise RuntimeError(msg)

    def close(self) -> None:
        """Stop it."""
        self.process.terminate()
        self.process.wait(10)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Nginx:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()
