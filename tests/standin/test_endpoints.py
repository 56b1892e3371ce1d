"""The endpoints over HTTP: responses and refusals."""

from __future__ import annotations

import time

import httpx
import pytest

from harness.standin.config import StandinConfig
from harness.standin.launch import Standin

NOBODY = "sess_00"


@pytest.fixture(scope="module")
def keyed():
    """The address of a stand-in that knows one key."""
    with Standin(StandinConfig(api_keys=("osk_a",))) as standin:
        yield standin.url


def code_of(answer):
    """Status and code of an error."""
    return answer.status_code, answer.json().get("code")


def test_health_needs_no_key(honest):
    """GET /health needs no key."""
    assert 200 == httpx.get(honest.standin.url + "/health", trust_env=False).status_code


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"x-api-key": "osk_a"}, 404),
        ({"authorization": "Bearer osk_a"}, 404),
        ({"x-api-key": "osk_b"}, 401),
        ({"authorization": "Bearer osk_b"}, 401),
        ({"authorization": "Basic osk_a"}, 401),
        ({"x-api-key": ""}, 401),
        ({}, 401),
    ],
)
def test_only_known_keys_are_let_in(keyed, headers, status):
    """Both schemes are read; a wrong, empty or absent key is a 401."""
    answer = httpx.get(f"{keyed}/sessions/{NOBODY}", headers=headers, trust_env=False)
    assert status == answer.status_code
    if status == 401:
        assert "CLOUD_AUTH_FAILED" == answer.json()["code"]


def test_a_created_session_has_what_the_document_promises(honest):
    """Seven members, every one a text that is not empty but for cloudSession."""
    answer = honest.create(name="my-session", model="gpt-5.1")
    body = answer.json()
    assert 201 == answer.status_code
    texts = (
        "sessionId",
        "actionWsUrl",
        "cdpWsUrl",
        "actionToken",
        "cdpToken",
        "cloudSessionUrl",
    )
    assert all(isinstance(body[name], str) and body[name] for name in texts)
    assert {
        "sessionId": body["sessionId"],
        "workspaceId": "ws_standin",
        "state": "active",
        "createdAt": body["cloudSession"]["createdAt"],
        "sourceType": "local-cloud",
        "label": "my-session",
    } == body["cloudSession"]
    assert body["actionWsUrl"].endswith("/ws/action/" + body["sessionId"])
    assert abs(body["cloudSession"]["createdAt"] / 1000 - time.time()) < 60


def test_a_session_is_read_without_its_tokens(honest):
    """get_session answers the id and the session, and nothing secret."""
    created = honest.create().json()
    expected = {name: created[name] for name in ("sessionId", "cloudSession")}
    assert expected == honest.get(created["sessionId"]).json()


def test_a_session_is_deleted_once(honest):
    """204 without a body, then 410 for get and delete."""
    session_id = honest.create().json()["sessionId"]
    first = honest.delete(session_id)
    assert (204, b"") == (first.status_code, first.content)
    gone = (410, "CLOUD_SESSION_CLOSED")
    assert (gone, gone) == (code_of(honest.delete(session_id)), code_of(honest.get(session_id)))


def test_an_unknown_session_is_not_found(honest):
    """404 for get and delete."""
    unknown = (404, "CLOUD_SESSION_NOT_FOUND")
    assert (unknown, unknown) == (code_of(honest.get(NOBODY)), code_of(honest.delete(NOBODY)))


def test_another_contract_version_is_a_409(honest):
    """Reported before any other error of the body."""
    mismatch = (409, "CLOUD_CONTRACT_MISMATCH")
    assert mismatch == code_of(honest.create(cloudSessionContractVersion="v2"))
    body = {"cloudSessionContractVersion": "v4"}
    assert mismatch == code_of(honest.http.post("/sessions", json=body))


@pytest.mark.parametrize(
    "changes",
    [
        {"sourceType": "manual"},
        {"clientSessionHint": ""},
        {"localRunId": None},
        {"cloudSessionContractVersion": 3},
        {"launchConfig": "fast"},
    ],
)
def test_a_wrong_session_request_is_a_400_with_its_place(honest, changes):
    """The details name the member."""
    answer = honest.create(**changes)
    assert (400, "CLOUD_CONFIG_INVALID") == code_of(answer)
    assert f"$.{next(iter(changes))}" == answer.json()["details"][0]["path"]


@pytest.mark.parametrize(
    ("content", "path"),
    [(b"", "$"), (b"{", "$"), (b"[]", "$"), (b'\xff"', "$"), (b'{"entries":7}', "$.entries")],
)
def test_what_is_no_json_object_is_a_400(honest, content, path):
    """Garbage is not a 500."""
    answer = honest.http.post("/selector-cache/import", content=content)
    assert (400, "CLOUD_CONFIG_INVALID") == code_of(answer)
    assert path == answer.json()["details"][0]["path"]


@pytest.mark.parametrize(
    "changes",
    [
        {"siteOrigin": "ftp://example.com"},
        {"siteOrigin": "https://example.com/path"},
        {"method": ""},
        {"updatedAt": "yesterday"},
        {"updatedAt": "2025-01-01T00:00:00"},
        {"createdAt": None},
        {"updatedAt": 8_640_000_000_000_001},
        {"updatedAt": -1e300},
        {"createdAt": 10**30},
    ],
)
def test_a_wrong_entry_is_a_400_and_nothing_is_imported(honest, changes):
    """One wrong entry refuses the whole request, and the details name it."""
    before = honest.standin.truth()["cache"]
    answer = honest.load(honest.entry(namespace="fresh"), honest.entry(**changes))
    assert (400, "CLOUD_CONFIG_INVALID") == code_of(answer)
    assert f"$.entries[1].{next(iter(changes))}" == answer.json()["details"][0]["path"]
    assert before == honest.standin.truth()["cache"]


def test_an_import_accounts_for_every_entry(honest):
    """New, then the same, newer and older, with both ways to write a time."""

    def load(updated):
        return honest.load(honest.entry(namespace="count", updatedAt=updated)).json()

    day = 1_735_689_600_000  # 2025-01-01 in epoch ms
    honest.load(honest.entry(namespace="edge", updatedAt=8_640_000_000_000_000)).raise_for_status()
    seen = [load(at) for at in ("2025-01-01T00:00:00Z", day, day + 1, day - 1)]
    assert [
        {"imported": 1, "inserted": 1, "updated": 0, "skipped": 0},
        {"imported": 0, "inserted": 0, "updated": 0, "skipped": 1},
        {"imported": 1, "inserted": 0, "updated": 1, "skipped": 0},
        {"imported": 0, "inserted": 0, "updated": 0, "skipped": 1},
    ] == seen
    assert {"imported": 0, "inserted": 0, "updated": 0, "skipped": 0} == honest.load().json()


def test_a_run_goes_from_queued_to_its_end(honest):
    """202 with a queued run; later it succeeded, with all its times."""
    queued = honest.queue(input={"url": "https://example.com"})
    body = queued.json()
    run = body["run"]
    assert (202, False, "queued") == (queued.status_code, body["replayed"], run["status"])
    assert {"url": "https://example.com"} == run["input"]
    assert {"status": f"/runs/{run['id']}", "logs": f"/runs/{run['id']}/logs"} == body["links"]
    deadline = time.monotonic() + 10
    while run["status"] != "succeeded" and time.monotonic() < deadline:
        run = honest.run(run["id"]).json()["run"]
        time.sleep(0.02)
    assert run["createdAt"] + 50 == run["startedAt"] == run["finishedAt"] - 300
    assert ({"items": 25}, None) == (run["output"], run["error"])


def test_logs_are_paged_backwards(honest):
    """25 lines in pages of 10: 16 to 25, 6 to 15, 1 to 5."""
    run_id = honest.queue().json()["run"]["id"]
    time.sleep(0.5)
    pages, query = [], {}
    for _ in range(3):
        page = honest.logs(run_id, logLimit=10, **query).json()
        pages.append([int(line["cursor"].removeprefix("log_")) for line in page["logs"]])
        query = {"beforeLogCursor": page["nextBeforeLogCursor"]}
    assert [list(range(16, 26)), list(range(6, 16)), list(range(1, 6))] == pages
    assert page["nextBeforeLogCursor"] is None
    last = honest.logs(run_id).json()["logs"][-1]
    assert ("run succeeded", "info") == (last["message"], last["level"])


@pytest.mark.parametrize(
    "query",
    [{"logLimit": 0}, {"logLimit": 1001}, {"logLimit": "many"}, {"beforeLogCursor": "25"},
     {"beforeLogCursor": ""}, {"beforeLogCursor": "log_"}],
)  # fmt: skip
def test_wrong_paging_is_a_400(honest, query):
    """Limits are 1 to 1000, cursors are ours."""
    run_id = honest.queue().json()["run"]["id"]
    assert (400, "CLOUD_CONFIG_INVALID") == code_of(honest.logs(run_id, **query))


@pytest.mark.parametrize(
    "body",
    [{"webhook": {"url": "ftp://a", "secret": "s"}}, {"webhook": {"url": "http://a"}},
     {"webhook": {"url": "http://a", "secret": "s", "events": ["run.queued"]}}],
)  # fmt: skip
def test_a_wrong_webhook_is_a_400(honest, body):
    """A webhook needs a URL, a secret and known events."""
    assert (400, "CLOUD_CONFIG_INVALID") == code_of(honest.queue(**body))


def test_an_unknown_run_is_a_404_without_a_code(honest):
    """The contract has none for it."""
    assert (404, None) == code_of(honest.run("run_00"))
    assert (404, None) == code_of(honest.logs("run_00"))


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "/sessions", "POST"),
        ("POST", "/runs/run_1", "GET"),
        ("GET", "/selector-cache/import", "POST"),
        ("PATCH", "/sessions/sess_1", "GET, DELETE"),
    ],
)
def test_a_wrong_method_is_a_405(honest, method, path, allow):
    """With the methods that are allowed."""
    answer = honest.http.request(method, path)
    assert (405, "CLOUD_UNSUPPORTED_METHOD") == code_of(answer)
    assert allow == answer.headers["allow"]


@pytest.mark.parametrize(
    "path", ["/", "/session", "/sessions/", "/sessions/a/b", "/scrapers/a%2Fb/runs"]
)
def test_a_wrong_path_is_a_404(honest, path):
    """As JSON."""
    assert (404, None) == code_of(honest.http.post(path))


def test_a_large_body_is_refused_and_a_full_one_is_not(start):
    """One byte over the limit is a 413, with a known length and in chunks; the limit is not."""
    client = start(max_body_bytes=1000)
    plain = b'{"input":""}'
    full, over = (plain[:-2] + b"x" * (size - len(plain)) + b'"}' for size in (1000, 1001))

    def post(content):
        return client.http.post("/scrapers/shop/runs", content=content).status_code

    assert [202, 413] == [post(full), post(over)]
    assert [202, 413, 202] == [post(iter([body])) for body in (full, over, full)]
    assert {"202": 3, "413": 2} == client.standin.truth()["requests"]["queue_run"]["by_status"]


def test_a_body_far_too_large_is_answered_and_the_connection_goes_on(honest):
    """8 MB are refused before they are read; the next request uses the same connection."""
    body = b'{"input":"' + b"x" * 8_000_000 + b'"}'
    seen = [honest.http.post("/scrapers/shop/runs", content=body).status_code for _ in range(2)]
    assert ([413, 413], 200) == (seen, honest.health().status_code)
