"""Run commands as a user does: the command line, its exit code, its files."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from harness.cli import main
from harness.contract.outcomes import CODES, outcome_of_status

KEY = "osk_live_d0n0tprintme"
TIMEOUT_S = 240
"""Below the 300 s of a test: a search on a busy machine repeats steps that were void."""


@dataclass
class CompletedCommand:
    """How a command ended."""

    code: int
    out: str
    err: str


class Command:
    """A ``harness`` command, run as a user runs it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def start(self, *args: str, **environ: str) -> subprocess.Popen[str]:
        """Start it."""
        return subprocess.Popen(
            [sys.executable, "-c", "from harness.cli import main; main()", *args],
            cwd=self.folder,
            env={**_clean_environ(), **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *args: str, **environ: str) -> CompletedCommand:
        """
        Run it to its end in this process, which saves an interpreter and its imports.

        `start` runs it in a process of its own, as do the commands that a trial starts.
        """
        with (
            tempfile.TemporaryFile("w+") as out,
            tempfile.TemporaryFile("w+") as err,
            _process_state(self.folder, {**_clean_environ(), **environ}),
            _redirected(1, out.fileno()),
            _redirected(2, err.fileno()),
        ):
            sys.argv = ["harness", *args]
            with pytest.raises(SystemExit) as ended:
                main()
            sys.stdout.flush()
            sys.stderr.flush()
            out.seek(0)
            err.seek(0)
            return CompletedCommand(ended.value.code or 0, out.read(), err.read())

    def in_subprocess(self, *args: str, **environ: str) -> CompletedCommand:
        """Run it to its end in a process of its own, with its own imports and sockets."""
        return self.wait(self.start(*args, **environ))

    @staticmethod
    def wait(process: subprocess.Popen[str]) -> CompletedCommand:
        """Wait for its end."""
        try:
            out, err = process.communicate(timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        return CompletedCommand(process.returncode, out, err)


@contextmanager
def _process_state(folder: Path, environ: dict[str, str]) -> Iterator[None]:
    """Give a command this directory and environment; restore all that it changes."""
    before = (dict(os.environ), Path.cwd(), sys.argv, sys.stdout, sys.stderr)
    handlers = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(folder)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before[0])
        os.chdir(before[1])
        sys.argv, sys.stdout, sys.stderr = before[2:]
        for number, handler in handlers.items():
            signal.signal(number, handler)


@contextmanager
def _redirected(number: int, to: int) -> Iterator[None]:
    """Let a file descriptor be another one."""
    kept = os.dup(number)
    os.dup2(to, number)
    try:
        yield
    finally:
        os.dup2(kept, number)
        os.close(kept)


def _clean_environ() -> dict[str, str]:
    environ = {
        k: v for k, v in os.environ.items() if not k.startswith(("OPENSTEER", "HARNESS", "GITHUB_"))
    }
    return environ | {"OPENSTEER_API_KEY": KEY, "NO_COLOR": "1", "COLUMNS": "160"}


@pytest.fixture
def harness(tmp_path: Path) -> Command:
    """The command, in a folder of its own."""
    return Command(tmp_path)


def summary_of(trial: Path) -> dict:
    """summary.json of a trial."""
    return json.loads((trial / "summary.json").read_text())


def outcomes_of_truth(truth: dict) -> dict[str, dict[str, int]]:
    """What the stand-in says it answered, as operation → outcome → count."""
    outcomes: dict[str, dict[str, int]] = {}
    for operation, counts in truth["requests"].items():
        row = outcomes.setdefault(operation, {})
        for code, count in counts["by_code"].items():
            name = "ok" if code == "ok" else _outcome(code)
            row[name] = row.get(name, 0) + count
    return {operation: row for operation, row in outcomes.items() if row}


def _outcome(code: str) -> str:
    """By its code; an answer without one is counted under its status."""
    return str(outcome_of_status(int(code)) if code.isdigit() else CODES[code])


def outcomes_of_summary(summary: dict) -> dict[str, dict[str, int]]:
    """What the harness says was answered, in the same form."""
    return {
        operation: {name: count for name, count in row["outcomes"].items() if count}
        for operation, row in summary["operations"].items()
    }


def interrupt(process: subprocess.Popen[str], after_s: float) -> None:
    """Ctrl-C, some time later."""
    time.sleep(after_s)
    process.send_signal(signal.SIGINT)


class Recording:
    """A server that keeps each POST's path and body, imports entries, and knows nothing else."""

    def __init__(self, content_type: str = "application/json", page: bytes | None = None) -> None:
        self.requests: list[tuple[str, bytes]] = []
        recording = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self) -> None:
                size = int(self.headers.get("content-length") or 0)
                body = self.rfile.read(size)
                if self.command == "POST":
                    recording.requests.append((self.path, body))
                status, answer = 200, page
                if answer is None and self.path == "/selector-cache/import":
                    n = len(json.loads(body)["entries"])
                    counts = {"imported": n, "inserted": n, "updated": 0, "skipped": 0}
                    answer = json.dumps(counts).encode()
                elif answer is None and self.path != "/health":
                    status = 404
                    answer = b'{"error":"no","code":"CLOUD_SESSION_NOT_FOUND"}'
                answer = b"{}" if answer is None else answer
                self.send_response(status)
                self.send_header("content-type", content_type)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_POST = do_DELETE = _answer

            def log_message(self, *_args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop."""
        self.server.shutdown()
        self.server.server_close()
