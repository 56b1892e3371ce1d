"""Locust's own clients and httpx, at the request that the harness's benchmark sends."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import httpx
from locust import FastHttpUser, HttpUser, User, events, task

PATH = "/selector-cache/import"
BODY = os.environ.get("BENCH_BODY", "{}").encode()
HEADERS = {"content-type": "application/json", "x-api-key": "osk_bench"}
TIMES = os.environ.get("BENCH_TIMES", "")
"""Where to write every response time in ms: Locust's own percentiles have two digits."""

_times: list[float] = []
if TIMES:
    events.request.add_listener(lambda response_time, **_: _times.append(response_time))
    events.quitting.add_listener(lambda **_: Path(TIMES).write_text(json.dumps(_times)))


class FastRival(FastHttpUser):
    """geventhttpclient, as Locust wraps it."""

    @task
    def post(self) -> None:
        """One request."""
        self.client.post(PATH, data=BODY, headers=HEADERS)


class RequestsRival(HttpUser):
    """requests, as Locust wraps it."""

    @task
    def post(self) -> None:
        """One request."""
        self.client.post(PATH, data=BODY, headers=HEADERS)


class HttpxRival(User):
    """httpx, reporting to Locust as its documentation shows."""

    def on_start(self) -> None:
        """One client, one connection."""
        self.client = httpx.Client(base_url=self.host or "", headers=HEADERS)

    @task
    def post(self) -> None:
        """One request."""
        start = time.perf_counter()
        answer = self.client.post(PATH, content=BODY)
        self.environment.events.request.fire(
            request_type="POST",
            name=PATH,
            response_time=(time.perf_counter() - start) * 1000,
            response_length=len(answer.content),
            exception=None,
            context={},
        )
