"""Limits, capacity, injected failures and latency, over HTTP."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime

import pytest

from harness.standin.codes import ALL_CODES, SDK_NAMES, STATUS
from harness.standin.launch import Standin


@pytest.fixture(scope="module")
def failing(honest):
    """A stand-in whose failures each test sets."""
    with Standin() as standin:
        client = type(honest)(standin)
        yield client
        client.http.close()


@pytest.mark.parametrize("code", ALL_CODES)
def test_every_code_can_be_made_to_happen(failing, code):
    """Each code of both vocabularies, with its status, before the effect."""
    before = failing.standin.truth()["work"]
    failing.standin.control(fail={code: 1}, vocabulary="seed")
    answer = failing.load(failing.entry())
    assert (ALL_CODES[code], code) == (answer.status_code, answer.json()["code"])
    assert before == failing.standin.truth()["work"]


@pytest.mark.parametrize("code", STATUS)
def test_the_sdk_has_its_own_names(failing, code):
    """In the SDK's vocabulary a documented code has the SDK's name."""
    failing.standin.control(fail={code: 1}, vocabulary="sdk")
    assert SDK_NAMES.get(code, code) == failing.load(failing.entry()).json()["code"]


def test_there_are_17_codes_and_23(failing):
    """As documented: 17 here, 23 there, 7 of them in both."""
    assert (17, 7) == (len(STATUS), 23 - len(ALL_CODES.keys() - STATUS.keys()))
    failing.standin.control(fail={})


def test_health_fails_only_by_name(start):
    """A failure of everything leaves the health check alone."""
    client = start(fail={"CLOUD_INTERNAL_ERROR": 1})
    assert 200 == client.health().status_code
    client.standin.control(fail={"health:CLOUD_INTERNAL_ERROR": 1})
    assert 500 == client.health().status_code


def test_a_bucket_refuses_with_an_honest_retry_after(start):
    """Of 8 at once 5 pass; one sent when Retry-After is over passes."""
    client = start(limiter="token-bucket", rate=1, burst=5)
    answers = [client.get("sess_0") for _ in range(8)]
    assert [404] * 5 + [429] * 3 == [answer.status_code for answer in answers]
    assert ("CLOUD_RATE_LIMITED", "1") == (
        answers[-1].json()["code"], answers[-1].headers["retry-after"],
    )  # fmt: skip
    time.sleep(1)
    assert 404 == client.get("sess_0").status_code


@pytest.mark.parametrize(("scope", "passed"), [("key", 2), ("key-and-operation", 4)])
def test_a_limit_is_for_a_key_or_for_each_of_its_operations(start, scope, passed):
    """Two operations share one limit of 2, or have one each; another key has its own."""
    client = start(limiter="fixed-window", rate=0.002, window_s=1000, limit_scope=scope)
    mine = [ask() for ask in (lambda: client.get("s"), lambda: client.run("r")) for _ in range(3)]
    other = client.http.get("/runs/r", headers={"x-api-key": "osk_other"})
    assert passed == [answer.status_code for answer in mine].count(404)
    assert 404 == other.status_code


def test_what_never_reaches_the_limiter_is_not_limited(start):
    """Health, wrong paths and wrong keys use nothing up."""
    client = start(limiter="sliding-window", rate=0.001, window_s=1000)
    for _ in range(3):
        client.health()
        client.http.get("/nowhere")
        client.http.get("/runs/r", headers={"x-api-key": ""})
    assert [404, 429] == [client.run("r").status_code for _ in range(2)]
    assert {"accepted": 1, "refused": 1} == client.standin.truth()["limiter"]


def test_concurrency_refuses_what_is_in_flight_too_many(start):
    """Of six concurrent requests of 700 ms, with a limit of two, four get Retry-After: 1."""
    client = start(limiter="concurrency", burst=2, latency={"*": "700ms"})
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: client.run("r"), range(6)))
    refused = [answer for answer in answers if answer.status_code == 429]
    assert ["1"] * 4 == [answer.headers["retry-after"] for answer in refused]
    assert 404 == client.run("r").status_code


def test_a_retry_after_can_be_a_date(start):
    """In the future, and at most the wait and one second away."""
    client = start(limiter="fixed-window", rate=0.1, window_s=10, retry_after="http-date")
    while (answer := client.run("r")).status_code != 429:
        pass
    wait_s = parsedate_to_datetime(answer.headers["retry-after"]).timestamp() - time.time()
    assert -1 < wait_s < 11.5


def test_capacity_is_exact(start):
    """Three of five creates get a slot; a freed slot is available again after the delay."""
    client = start(max_sessions=3, release_delay_s=0.7)
    answers = [client.create() for _ in range(5)]
    assert [201, 201, 201, 503, 503] == [answer.status_code for answer in answers]
    client.delete(answers[0].json()["sessionId"])
    assert 503 == client.create().status_code
    time.sleep(0.75)
    assert [201, 503] == [client.create().status_code for _ in range(2)]
    truth = client.standin.truth()["sessions"]
    assert (4, 1, 3, 3, 0) == tuple(
        truth[name] for name in ("created", "closed", "open", "peak_taken", "over_admitted")
    )


def test_a_race_admits_too_many_and_the_truth_says_how_many(start):
    """Ten concurrent creates check for room before any takes a slot."""
    client = start(max_sessions=2, race_window_s=0.5)
    with ThreadPoolExecutor(10) as pool:
        created = [a.status_code for a in pool.map(lambda _: client.create(), range(10))].count(201)
    truth = client.standin.truth()["sessions"]
    assert (created, created - 2) == (truth["created"], truth["over_admitted"])
    assert created > 2


def test_a_session_is_stale_just_after_its_creation(start):
    """409 to get and delete at first, then neither."""
    client = start(stale_s=0.8)
    session_id = client.create().json()["sessionId"]
    early = [client.get(session_id), client.delete(session_id)]
    assert [(409, "CLOUD_SESSION_STALE")] * 2 == [(a.status_code, a.json()["code"]) for a in early]
    time.sleep(0.85)
    assert [200, 204] == [
        client.get(session_id).status_code,
        client.delete(session_id).status_code,
    ]


def test_a_session_is_provisioned_before_it_is_active(start):
    """The state follows the launch time."""
    client = start(launch_s=0.4)
    created = client.create().json()
    time.sleep(0.45)
    later = client.get(created["sessionId"]).json()
    assert ["provisioning", "active"] == [b["cloudSession"]["state"] for b in (created, later)]


def test_latency_is_never_shorter_than_asked(start):
    """200 ms for one operation, nothing for another."""
    client = start(latency={"get_run": "200ms"})

    def shortest_s(request, tries):
        times_s = []
        for _ in range(tries):
            begun = time.perf_counter()
            request()
            times_s.append(time.perf_counter() - begun)
        return min(times_s)

    fast_s, slow_s = shortest_s(client.health, 10), shortest_s(lambda: client.run("r"), 2)
    assert fast_s < 0.2 <= slow_s < 10


def test_workers_bound_the_throughput(start):
    """Two workers of 50 ms serve 40 a second: 20 requests take half a second, never less."""
    client = start(workers=2, service="50ms", service_operation="get_run")
    with ThreadPoolExecutor(20) as pool:
        begun = time.perf_counter()
        list(pool.map(lambda _: client.run("r"), range(20)))
        took_s = time.perf_counter() - begun
    assert 0.5 <= took_s < 20


def test_a_stall_freezes_every_answer(start):
    """Within two periods of 500 ms something waits for most of a stall of 300 ms."""
    client = start(stall_period_s=0.5, stall_s=0.3)
    longest, until = 0.0, time.perf_counter() + 1.2
    while (begun := time.perf_counter()) < until:
        client.health()
        longest = max(longest, time.perf_counter() - begun)
    assert 0.25 < longest < 2


@pytest.mark.parametrize(
    ("share", "status", "level"),
    [((1, 0), "failed", "error"), ((0, 1), "canceled", "info")],
)
def test_runs_end_as_drawn(start, share, status, level):
    """Certainly failed, certainly canceled; the last line of the log says so."""
    failed, canceled = share
    client = start(run_wait="0ms", run_duration="0ms", run_failed=failed, run_canceled=canceled)
    run_id = client.queue().json()["run"]["id"]
    run, last = (
        client.run(run_id).json()["run"],
        client.logs(run_id, logLimit=1).json()["logs"][0],
    )
    assert (status, f"run {status}", level) == (run["status"], last["message"], last["level"])
    assert (status == "failed") == (run["error"] is not None)
