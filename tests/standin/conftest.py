"""A stand-in to test against, and a client of its API."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from harness.standin.config import StandinConfig
from harness.standin.launch import Standin

START = "2025-01-01T00:00:00Z"


class ApiClient:
    """Calls one stand-in with one API key."""

    def __init__(self, standin: Standin, api_key: str = "osk_test") -> None:
        self.standin = standin
        self.http = httpx.Client(
            base_url=standin.url,
            headers={"x-api-key": api_key},
            trust_env=False,
            verify=False,  # noqa: S501  there is no TLS here, and certificates cost 35 ms
            timeout=20,
        )

    @staticmethod
    def session_body(**changes: Any) -> dict[str, Any]:
        """A valid body of create_session."""
        return {
            "cloudSessionContractVersion": "v3",
            "sourceType": "local-cloud",
            "clientSessionHint": "hint",
            "localRunId": "run-1",
        } | changes

    @staticmethod
    def entry(**changes: Any) -> dict[str, Any]:
        """A valid entry of an import, as documented."""
        return {
            "namespace": "my-project",
            "siteOrigin": "https://example.com",
            "method": "click",
            "descriptionHash": "abc123",
            "path": {"selector": "button.submit", "confidence": 1.0},
            "createdAt": START,
            "updatedAt": START,
        } | changes

    def create(self, key: str = "", **changes: Any) -> httpx.Response:
        """create_session."""
        return self._post("/sessions", self.session_body(**changes), key)

    def get(self, session_id: str) -> httpx.Response:
        """get_session."""
        return self.http.get(f"/sessions/{session_id}")

    def delete(self, session_id: str) -> httpx.Response:
        """delete_session."""
        return self.http.delete(f"/sessions/{session_id}")

    def load(self, *entries: dict[str, Any], key: str = "") -> httpx.Response:
        """import_selector_cache."""
        return self._post("/selector-cache/import", {"entries": list(entries)}, key)

    def queue(self, key: str = "", slug: str = "shop", **body: Any) -> httpx.Response:
        """queue_run."""
        return self._post(f"/scrapers/{slug}/runs", {"input": {"n": 1}} | body, key)

    def run(self, run_id: str) -> httpx.Response:
        """get_run."""
        return self.http.get(f"/runs/{run_id}")

    def logs(self, run_id: str, **query: Any) -> httpx.Response:
        """get_run_logs."""
        return self.http.get(f"/runs/{run_id}/logs", params=query)

    def health(self) -> httpx.Response:
        """The health check."""
        return self.http.get("/health")

    def _post(self, path: str, body: dict[str, Any], key: str) -> httpx.Response:
        return self.http.post(path, json=body, headers={"idempotency-key": key} if key else {})


@pytest.fixture
def start() -> Iterator[Callable[..., ApiClient]]:
    """Starts a stand-in with the given settings; ends all of them afterwards."""
    with ExitStack() as stack:

        def begin(**settings: Any) -> ApiClient:
            client = ApiClient(stack.enter_context(Standin(StandinConfig(**settings))))
            stack.callback(client.http.close)
            return client

        yield begin


@pytest.fixture(scope="session")
def honest() -> Iterator[ApiClient]:
    """One honest, unlimited stand-in, shared by the tests that leave its settings alone."""
    with Standin(StandinConfig(run_duration="300ms", run_failed=0, run_canceled=0)) as standin:
        client = ApiClient(standin)
        yield client
        client.http.close()
