"""The session search against simulated targets, told call by call what they did."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest

from harness.experiments.capacity.document import sessions_document
from harness.experiments.capacity.messages import (
    CreateResult,
    CreateSessions,
    DeleteResult,
    Wait,
)
from harness.experiments.capacity.sessions import SessionSearch


@dataclass
class Target:
    """A target with a ceiling; time passes only here."""

    ceiling: int
    release_s: float = 0.0
    fails: float = 0.0
    leaks: bool = False
    races: int = 0
    loses: float = 0.0
    limit: int = 0
    refuses_deletes: float = 0.0
    falls_at_s: float = float("inf")
    seed: int = 1
    now_s: float = 0.0
    open: dict = field(default_factory=dict)
    keys: dict = field(default_factory=dict)
    freed_s: list = field(default_factory=list)
    stuck: int = 0
    serial: int = 0
    window: list = field(default_factory=list)

    def __post_init__(self):
        self.chance = random.Random(self.seed)

    def taken(self):
        self.freed_s = [at for at in self.freed_s if at > self.now_s]
        return len(self.open) + len(self.freed_s) + self.stuck

    def limited(self):
        """Of the last second's requests no more than the limit, refused ones included."""
        if not self.limit:
            return False
        self.window = [at for at in self.window if at > self.now_s - 1.0]
        self.window.append(self.now_s)
        return len(self.window) > self.limit

    def create(self, key, spare):
        start_s, self.now_s = self.now_s, self.now_s + 0.002

        def answer(outcome, **rest):
            return CreateResult(key, outcome, start_s, self.now_s, **rest)

        if self.limited():
            return answer("rate_limited", code="CLOUD_RATE_LIMITED", retry_after_s=1.0)
        if key not in self.keys:
            ceiling = self.ceiling - (3 if self.now_s >= self.falls_at_s else 0)
            if self.taken() >= ceiling + spare:
                return answer("capacity_full", code="CLOUD_CAPACITY_FULL")
            if self.chance.random() < self.fails:
                self.stuck += self.leaks
                return answer("launch_failed", code="CLOUD_LAUNCH_FAILED")
            self.serial += 1
            self.keys[key] = f"s{self.serial}"
            self.open[self.keys[key]] = key
        if self.chance.random() < self.loses:
            return answer("timeout")
        return answer("ok", session_id=self.keys[key])

    def carry_out(self, action):
        if isinstance(action, Wait):
            self.now_s += action.seconds
            return ()
        if isinstance(action, CreateSessions):
            # Of creates at once, some may pass the check for room before others took theirs.
            spare = self.races if len(action.keys) > 1 and self.taken() >= self.ceiling - 8 else 0
            return tuple(self.create(key, spare) for key in action.keys)
        return tuple(map(self.delete, action.session_ids))

    def delete(self, session_id):
        self.now_s += 0.002
        if self.limited():
            return DeleteResult(session_id, False, self.now_s, limited=True, retry_after_s=1.0)
        if self.chance.random() < self.refuses_deletes:
            return DeleteResult(session_id, False, self.now_s)
        if self.open.pop(session_id, None) is not None:
            self.freed_s.append(self.now_s + self.release_s)
        return DeleteResult(session_id, True, self.now_s)


def explore(target, *, stop_after=None, **settings):
    """Play the search to its end, or stop it after some actions."""
    search = SessionSearch(settings.pop("max_sessions", 600), "t", **settings)
    for number in range(20_000):
        action = search.next_action()
        if action is None:
            return search
        if number == stop_after:
            search.stop()
        search.record(target.carry_out(action))
    msg = "the search does not end"
    raise AssertionError(msg)


@pytest.mark.parametrize("ceiling", [1, 7, 64, 500])
@pytest.mark.parametrize("limit", [0, 40])
@pytest.mark.parametrize("release_s", [0.0, 0.3])
@pytest.mark.parametrize("fails", [0.0, 0.1])
def test_the_ceiling_is_exact_and_everything_is_closed(ceiling, limit, release_s, fails):
    """Whatever the limiter, the release delay and failing launches do."""
    target = Target(ceiling, limit=limit, release_s=release_s, fails=fails)

    found = explore(target).result()

    assert (ceiling, 0, 0) == (found.ceiling, found.over_admitted, found.leaked)
    assert {ceiling} == {s.sessions for s in found.ceiling_observations}
    assert {} == target.open
    assert (limit > 0) >= (found.rate_limited > 0)


def test_the_release_time_is_found_between_two_polls():
    """A slot free after 300 ms is seen so, to within the coarsest gap between polls."""
    found = explore(Target(7, release_s=0.3)).result()

    assert len(found.releases_s) == 10
    for release_s in found.releases_s:
        assert 0.3 - 0.002 <= release_s <= 0.3 + found.release_step_s
    assert found.release_step_s < 0.1


@pytest.mark.parametrize("ceiling", [7, 64])
def test_creates_let_in_beyond_the_ceiling_are_counted(ceiling):
    """A target that lets two too many in when creates race."""
    target = Target(ceiling, races=2)

    found = explore(target).result()

    assert (ceiling, 2) == (found.ceiling, found.over_admitted)
    assert {} == target.open


def test_many_let_in_while_filling_do_not_take_a_timeout_each():
    """A slot that does not come back is waited for three times, not thirty."""
    target = Target(64, races=25, seed=4)

    found = explore(target, races=0).result()

    assert (64, 25) == (found.ceiling, found.over_admitted)
    assert target.now_s < 60


@pytest.mark.parametrize("seed", range(1, 9))
def test_slots_lost_to_failed_launches_are_found(seed):
    """Each failed launch takes a slot with it: a refill shows by how many."""
    found = explore(Target(64, fails=0.1, leaks=True, seed=seed), cycles=2).result()

    assert found.slots_lost > 0
    assert found.slots_lost == found.refill_failed
    assert 0 == found.over_admitted


def test_failed_launches_that_take_no_slot_are_not_accused():
    """The refill reaches the ceiling again."""
    found = explore(Target(64, fails=0.2)).result()

    assert 0 == found.slots_lost
    assert found.refill_failed > 0


@pytest.mark.parametrize("seed", range(5))
def test_lost_answers_leave_no_session_behind(seed):
    """The same key is sent again until the server tells which session it made."""
    target = Target(20, loses=0.3, seed=seed)

    found = explore(target).result()

    assert (20, 0, 0) == (found.ceiling, found.leaked, found.unresolved)
    assert found.lost > 0
    assert {} == target.open


@pytest.mark.parametrize("stop_after", [0, 1, 3, 8, 20, 45])
def test_a_stop_closes_everything_at_any_moment(stop_after):
    """Also what a lost answer had opened."""
    target = Target(16, loses=0.3, release_s=0.1, limit=50)

    search = explore(target, stop_after=stop_after)

    assert {} == target.open
    assert 0 == search.result().leaked == search.result().unresolved
    assert "stopped before the end" in search.result().notes


def test_a_delete_that_fails_is_no_slot_that_does_not_come_back():
    """It is sent again, and nobody waits for the slot of a session that is still open."""
    target = Target(16, refuses_deletes=0.3, seed=2)

    found = explore(target).result()

    assert (16, 0) == (found.ceiling, found.leaked)
    assert target.now_s < 10


def test_a_ceiling_that_falls_is_told_as_a_range():
    """Sightings before and after, and both ends in the document."""
    found = explore(Target(20, falls_at_s=0.25, release_s=0.01)).result()
    document = sessions_document(found, leaked=0, interrupted=False)

    assert (17, 20) == (document["ceiling_low"], document["ceiling_high"])


def test_no_refusal_within_the_most_allowed_is_a_lower_bound():
    """The search never holds more than it may."""
    target = Target(100)

    found = explore(target, max_sessions=30).result()

    assert (30, True) == (found.ceiling, found.bounded)
    assert 30 == found.opened
    assert {} == target.open


def test_a_target_that_only_fails_is_given_up():
    """Nothing is known of its ceiling then."""
    found = explore(Target(8, fails=1.0)).result()

    assert found.ceiling is None
    assert "the fill ended after" in found.notes[0]
