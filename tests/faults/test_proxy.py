"""Each fault, over loopback sockets, against a server that counts what reached it."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.faults.conftest import ANSWER


def test_without_faults_bytes_pass_and_connections_are_kept(stage):
    """Three requests on one connection pass unchanged, and so do their responses."""

    async def play():
        async with stage() as s:
            link = await s.connect()
            answers = [await s.exchange(link, f"/{n}") for n in range(3)]
            return answers, s.server.requests

    assert (
        [ANSWER] * 3,
        [("/0", b"hello"), ("/1", b"hello"), ("/2", b"hello")],
    ) == asyncio.run(play())


@pytest.mark.parametrize(
    ("fault", "seen", "reached"),
    [
        ("refuse", "refused", 0),
        ("refuse:probability=0.999999", "reset", 0),
        ("reset-before", "reset", 0),
        ("reset-after", "reset", 1),
        ("response-lost", b"", 1),
        ("blackhole", "silence", 0),
    ],
)
def test_what_the_client_sees_and_what_reaches_the_server(stage, fault, seen, reached):
    """Each closing fault has its effect on the client; the work is done or not."""

    async def play():
        async with stage(fault) as s:
            answer = await s.once(timeout_s=0.5 if fault == "blackhole" else 5)
            await s.until(lambda: s.server.answered >= reached)
            await asyncio.sleep(0.05)  # for what must not come
            return answer, len(s.server.requests), s.server.answered

    assert (seen, reached, reached) == asyncio.run(play())


def test_a_truncated_response_is_a_proper_part_of_it(stage):
    """The client gets the first bytes of the response, then the end; the server did its work."""

    async def play():
        async with stage("response-truncated") as s:
            parts = [await s.once() for _ in range(8)]
            return parts, s.server.answered

    parts, answered = asyncio.run(play())

    assert 8 == answered
    assert all(0 < len(part) < len(ANSWER) and ANSWER.startswith(part) for part in parts)
    assert len(set(parts)) > 1


def test_a_fault_applies_to_single_requests_of_a_kept_connection(stage):
    """Every third request loses its response; the two before it on the connection do not."""

    async def play():
        async with stage("response-lost:every=3") as s:
            link = await s.connect()
            answers = [await s.exchange(link, f"/{n}") for n in range(3)]
            return answers, len(s.server.requests), s.events()

    answers, reached, events = asyncio.run(play())

    assert [ANSWER, ANSWER, b""] == answers
    assert 3 == reached
    assert [("start", None), ("hit", 3)] == [
        (event["data"]["edge"], event["data"].get("request")) for event in events
    ]


def test_a_fault_per_connection_applies_to_each_request_of_every_second_one(stage):
    """Of four connections with two requests each, the second and the fourth are affected."""

    async def play():
        async with stage("latency:latency=1ms,every=2,per=connection") as s:
            for _ in range(4):
                link = await s.connect()
                assert [ANSWER, ANSWER] == [await s.exchange(link, "/x?secret") for _ in "ab"]
            return s.events()

    hits = [event["data"] for event in asyncio.run(play()) if event["data"]["edge"] == "hit"]

    assert [(2, 1), (2, 2), (4, 1), (4, 2)] == [(hit["connection"], hit["request"]) for hit in hits]
    assert {"POST /x"} == {hit["what"] for hit in hits}


def test_latency_delays_the_request(stage):
    """A request under latency=150ms takes at least 140 ms, one without takes less."""

    async def play(*faults):
        async with stage(*faults) as s:
            began = time.monotonic()
            answer = await s.once()
            return answer, time.monotonic() - began

    answer, slow_s = asyncio.run(play("latency:latency=150ms,jitter=10ms"))
    _, fast_s = asyncio.run(play())

    assert ANSWER == answer
    assert slow_s >= 0.139
    assert fast_s < slow_s


def test_bandwidth_and_slow_keep_their_rate(stage):
    """60 bytes of answer at 300 a second take at least 0.15 s; nothing is lost."""

    async def play(fault):
        async with stage(fault) as s:
            began = time.monotonic()
            answer = await s.once(body=b"")
            return answer, time.monotonic() - began

    for fault in ("slow:rate_bytes_per_s=300", "bandwidth:rate_bytes_per_s=300"):
        answer, took_s = asyncio.run(play(fault))

        assert ANSWER == answer
        assert took_s >= 0.15


def test_a_shaping_and_a_closing_fault_apply_together(stage):
    """Latency does not keep a response from being lost."""

    async def play():
        async with stage("latency:latency=50ms", "response-lost") as s:
            return await s.once(), len(s.server.requests)

    assert (b"", 1) == asyncio.run(play())


def test_a_window_opens_and_closes(stage):
    """A fault is injected from `from` until `from + for` after the start signal, not outside."""

    async def play():
        now = [0]
        async with stage("response-lost:from=20s,for=10s", begin_ns=0, now_ns=lambda: now[0]) as s:
            seen = []
            for second in (0, 19, 20, 29, 30):
                now[0] = second * 10**9
                seen.append(await s.once())
            return seen

    assert [ANSWER, ANSWER, b"", b"", ANSWER] == asyncio.run(play())


def test_a_refusal_of_everything_ends_with_its_window(stage):
    """Kept idle connections are reset, new ones refused; afterwards the same port serves."""

    async def play():
        async with stage("refuse:from=300ms,for=900ms") as s:
            link = await s.connect()
            before = await s.exchange(link)
            await s.until(lambda: len(s.events()) == 1)
            during = await s.once()
            try:
                kept = await s.exchange(link)
            except ConnectionError:
                kept = "reset"
            await s.until(lambda: len(s.events()) == 2)
            return before, during, kept, await s.once(), [e["data"]["edge"] for e in s.events()]

    assert (ANSWER, "refused", "reset", ANSWER, ["start", "end"]) == asyncio.run(play())


def test_the_seed_selects_the_requests(stage):
    """The same seed selects the same requests, another seed others."""

    async def play(seed):
        async with stage("reset-before:probability=0.5", seed=seed) as s:
            return [await s.once() == "reset" for _ in range(24)]

    first, again, other = (asyncio.run(play(seed)) for seed in (5, 5, 6))

    assert first == again
    assert first != other
    assert {True, False} == set(first)
