"""The pure parts: sessions, cache, runs, logs, keys, pacing."""

from __future__ import annotations

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.standin import state as states
from harness.standin.api import Api
from harness.standin.cache import Imported, SelectorCache
from harness.standin.config import Lies, StandinConfig
from harness.standin.idempotency import IdempotencyKeys, KeyConflict
from harness.standin.request_models import CreateSession
from harness.standin.runs import Run, log_page
from harness.standin.service_queue import ServiceQueue, Stall
from harness.standin.state import State

S = 1_000_000_000
ASK = CreateSession("v3", "local-cloud", "hint", "run-1")
A, B = ("ns", "https://a.test", "click", "1"), ("ns", "https://a.test", "click", "2")


def test_a_slot_is_free_again_only_after_the_delay():
    """Closed at 10 s with a delay of 5 s: taken at 14.9 s, free at 15 s."""
    state = State(StandinConfig(max_sessions=1, release_delay_s=5))
    session = state.create_session(ASK, 0)
    state.close_session(session, 10 * S)
    seen = [state.has_room(at) for at in (9 * S, 10 * S, 15 * S - 1, 15 * S)]
    assert [False, False, False, True] == seen


def test_a_session_goes_from_provisioning_to_active_to_closed():
    """Active after 2 s, expired after 60."""
    state = State(StandinConfig(launch_s=2, session_lifetime_s=60))
    session = state.create_session(ASK, 0)
    seen = [session.state_at(at) for at in (0, 2 * S - 1, 2 * S, 60 * S)]
    assert ["provisioning", "provisioning", "active", "closed"] == seen


def test_an_expired_session_frees_its_slot():
    """Nobody needs to delete it; deleting it again is not possible."""
    state = State(StandinConfig(max_sessions=1, session_lifetime_s=60, release_delay_s=1))
    state.create_session(ASK, 0)
    assert [False, True] == [state.has_room(60 * S), state.has_room(61 * S)]
    assert (1, 0) == (state.sessions.expired, len(state.sessions.open(61 * S, S)))


def test_a_leaked_slot_is_never_free():
    """The session is closed; its slot stays taken for ever."""
    state = State(StandinConfig(max_sessions=1, lies=Lies(leaks_slot=1)))
    state.close_session(state.create_session(ASK, 0), S)
    assert (False, 1, 1) == (state.has_room(10**6 * S), state.sessions.leaked, state.taken(S))


def test_over_admission_keeps_its_high_water_mark():
    """Four sessions where two may be: over by two, also after all are closed."""
    state = State(StandinConfig(max_sessions=2))
    sessions = [state.create_session(ASK, 0) for _ in range(4)]
    for session in sessions:
        state.close_session(session, S)
    assert (0, 4, 2) == (
        state.taken(S), state.sessions.peak_taken, state.sessions.over_admitted,
    )  # fmt: skip


def test_ids_depend_on_the_seed_and_the_start():
    """The same seed gives the same ids; a second start of it gives others."""
    ids = [
        State(StandinConfig(seed=seed), start).create_session(ASK, 0).id
        for seed, start in ((1, 0), (1, 0), (1, 1), (2, 0))
    ]
    assert (3, True) == (len(set(ids)), ids[0] == ids[1])


def test_the_cache_inserts_updates_and_skips():
    """New, same, newer, older; and the three add up to what was sent."""
    cache = SelectorCache()
    assert Imported(1, 0, 0) == cache.import_entries([(A, 5)])
    assert Imported(1, 1, 2) == cache.import_entries([(A, 5), (A, 7), (A, 6), (B, 1)])
    assert ({A: 7, B: 1}, (2, 1, 2)) == (
        cache.updated_us, (cache.inserted, cache.updated, cache.skipped),
    )  # fmt: skip


def test_older_wins_is_a_lie_that_overwrites():
    """The older time is stored and reported as an update; the same time is still skipped."""
    cache = SelectorCache()
    cache.import_entries([(A, 5)])
    assert Imported(0, 1, 1) == cache.import_entries([(A, 5), (A, 3)], older_wins=True)
    assert {A: 3} == cache.updated_us


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.tuples(st.sampled_from([A, B]), st.integers(0, 9)), max_size=6)))
def test_the_cache_ends_with_the_newest_of_each(batches):
    """Whatever the order and the batches, each key holds its newest time."""
    cache = SelectorCache()
    for batch in batches:
        assert len(batch) == sum(cache.import_entries(batch))
    sent = [entry for batch in batches for entry in batch]
    assert {key: max(at for k, at in sent if k == key) for key, _ in sent} == cache.updated_us


def make_run(**changes):
    """A run queued at 0, started at 10 s, ended at 20 s, with 7 lines."""
    fields = {
        "id": "run_1", "slug": "shop", "input": msgspec.Raw(b"{}"), "created_ns": 0,
        "started_ns": 10 * S, "finished_ns": 20 * S, "final": "succeeded", "lines": 7,
    }  # fmt: skip
    return Run(**fields | changes)


def test_a_run_is_told_by_time():
    """queued, running, succeeded, each from its instant on."""
    run = make_run()
    seen = [run.status_at(at * S) for at in (0, 9, 10, 19, 20)]
    assert ["queued", "queued", "running", "running", "succeeded"] == seen


def test_its_log_grows_while_it_runs():
    """One line when queued, five spread over 10 s, the last at the end."""
    run = make_run()
    assert [1, 1, 2, 3, 4, 6, 7, 7] == [run.lines_at(t * S) for t in (0, 9, 10, 12, 15, 19, 20, 99)]
    assert [0, 10, 12, 14, 16, 18, 20] == [run.line_ns(number) // S for number in range(1, 8)]


def test_a_run_of_two_lines_has_none_between():
    """Queued and ended is all it says."""
    run = make_run(lines=2)
    assert [1, 1, 2] == [run.lines_at(t * S) for t in (0, 15, 20)]
    assert [0, 20] == [run.line_ns(number) // S for number in (1, 2)]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 60), st.integers(1, 20))
def test_pages_tell_every_line_once(written, limit):
    """Paged backwards from the newest, the pages are the whole log."""
    numbers, before = [], None
    for _ in range(1 + written):
        page = log_page(written, limit, before)
        assert len(page.numbers) <= limit
        numbers[:0] = page.numbers
        before = page.next_before
        if before is None:
            break
    assert before is None, "the pages have no end"
    assert list(range(1, written + 1)) == numbers


KEY = ("api", "key-1")


def test_a_key_is_refused_in_flight_and_replayed_when_done():
    """Nothing, then 409 while in flight, then the record."""
    keys = IdempotencyKeys()
    assert keys.look_up(KEY, "same", 0, S) is None
    record = keys.begin(KEY, "same", 0)
    assert keys.look_up(KEY, "same", 0, S) is KeyConflict.IN_FLIGHT
    record.status = 201
    assert keys.look_up(KEY, "same", 0, S) is record
    assert keys.look_up(KEY, "another", 0, S) is KeyConflict.ANOTHER_REQUEST
    assert keys.look_up(("other api key", "key-1"), "same", 0, S) is None


def test_a_key_whose_work_failed_is_free():
    """Abandoned is as if it had never come."""
    keys = IdempotencyKeys()
    keys.begin(KEY, "same", 0)
    keys.abandon(KEY)
    assert keys.look_up(KEY, "another", 0, S) is None


def test_a_key_is_forgotten_after_its_lifetime():
    """Known just before, unknown from then on; in flight it is never forgotten."""
    keys = IdempotencyKeys()
    record = keys.begin(KEY, "same", 0)
    assert keys.look_up(KEY, "same", 9 * S, S) is KeyConflict.IN_FLIGHT
    record.status = 201
    assert [record, None] == [keys.look_up(KEY, "same", at, S) for at in (S - 1, S)]


def test_a_long_flight_does_not_keep_others_from_being_forgotten():
    """The oldest key is still in flight; a younger one that is done expires all the same."""
    keys = IdempotencyKeys()
    keys.begin(("api", "slow"), "x", 0)
    keys.begin(KEY, "same", 1).status = 201
    assert [True, False] == [keys.look_up(KEY, "same", 1 + at, S) is None for at in (S, S - 1)]


def test_executions_are_counted_by_key():
    """Only what was done more than once is suspicious."""
    keys = IdempotencyKeys()
    assert [1, 2, 1] == [keys.count(key) for key in ("a", "a", "b")]
    assert {"a": 2} == keys.repeated()


def test_two_workers_serve_two_a_service_time():
    """Five requests at once of 10 s each: two at 10 s, two at 20 s, one at 30 s."""
    queue = ServiceQueue(2)
    assert [10, 10, 20, 20, 30] == [queue.admit(0, 10 * S) // S for _ in range(5)]
    assert 110 == queue.admit(100 * S, 10 * S) // S


def test_workers_at_work_stay_at_work_when_other_settings_change():
    """The queue begins afresh only with another number of workers."""
    api = Api(State(StandinConfig(workers=1)))
    queue = api._queue

    def change(**changes):
        api.state.reconfigure(api.state.settings.config.changed(changes))
        api.apply_settings()
        return api._queue

    assert queue is change(vocabulary="sdk") is change(service="5ms")
    assert queue is not change(workers=2) is not None
    assert change(workers=0) is None


def test_a_client_with_many_keys_is_forgotten():
    """A key keeps its hash, whether or not it was met before; few are kept."""
    api = Api(State(StandinConfig()))
    first = api.authenticate(b"osk_first")
    for number in range(25_000):
        api.authenticate(b"%d" % number)
    assert (first, True) == (api.authenticate(b"osk_first"), len(api._key_hashes) <= 10_000)


def test_a_stall_is_at_the_end_of_each_period():
    """Period 10 s, stall 2 s: from 8 to 10 and from 18 to 20."""
    stall = Stall(0, 10 * S, 2 * S)
    seen = [stall.end_ns(at * S) // S for at in (0, 7, 8, 9, 10, 19)]
    assert [0, 7, 10, 10, 10, 20] == seen
    assert 5 == Stall(0, 0, 0).end_ns(5)


def test_a_session_that_expired_during_its_launch_gives_its_slot_back_once():
    """A launch that fails after the lifetime was over closes what has expired already."""
    state = State(StandinConfig(max_sessions=1, session_lifetime_s=1))
    session = state.create_session(ASK, 0)
    assert state.taken(2 * S) == 0
    state.sessions.close(session, 3 * S, 0, leak=False)
    assert [0, 0] == [state.taken(at) for at in (3 * S, 9 * S)]


def test_limiters_of_unused_keys_are_dropped(monkeypatch):
    """Only the last used keys keep their limiters."""
    monkeypatch.setattr(states, "LIMITERS_MAX", 10)
    state = State(StandinConfig(limiter="token-bucket", rate=1e-3, burst=2))
    accepted = []
    for number in range(30):
        accepted.append(state.limit("regular", "health", number)[1].accepted)
        state.limit(f"other-{number}", "health", number)
    assert [True, True] + [False] * 28 == accepted
    assert 10 == len(state._limiters)
