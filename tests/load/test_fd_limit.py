"""How many connections a plan's users can need, against how many files may be open."""

from __future__ import annotations

import resource

import pytest

from harness.errors import UsageError
from harness.load.fd_limit import RESERVED_FILES, check_open_files
from harness.plan.model import Plan


class OnSockets:
    """A workload whose users hold two sockets."""

    sockets = 2


@pytest.fixture
def limits(monkeypatch):
    """The limits as a test sets them: (soft, hard), changed in place."""
    kept = [1000, 4000]
    monkeypatch.setattr(resource, "getrlimit", lambda _what: tuple(kept))
    monkeypatch.setattr(resource, "setrlimit", lambda _what, new: kept.__setitem__(slice(2), new))
    return kept


@pytest.mark.parametrize(
    ("load", "workload", "processes", "soft"),
    [
        ({"users": 800}, object, 1, 1000),
        ({"users": 801}, object, 1, 1001),
        ({"users": 1000}, OnSockets, 1, 3200),
        ({"users": 1000}, OnSockets, 4, 1000),
        ({"users": 1000, "connections": 50}, OnSockets, 1, 2250),
        ({"users": 3801}, object, 1, None),
        ({"users": 1300}, OnSockets, 1, None),
        ({"users": 1300}, OnSockets, 2, 2150),
    ],
)
def test_the_limit_is_raised_or_the_load_refused(limits, load, workload, processes, soft):
    """One connection a user and one a socket; the soft limit goes up to the hard one, no further."""
    plan = Plan.model_validate({"name": "p", "load": load})
    if soft is not None:
        check_open_files(plan, [object, workload], processes)
        assert [soft, 4000] == limits
        return
    with pytest.raises(UsageError, match=r"4,000 open files.*ulimit -n") as caught:
        check_open_files(plan, [workload], processes)
    assert [1000, 4000] == limits
    assert "\n" not in str(caught.value)


def test_no_limit_is_no_limit(limits):
    """An unlimited soft limit stays; an unlimited hard limit is enough."""
    plan = Plan.model_validate({"name": "p", "load": {"users": 50_000}})
    limits[:] = [resource.RLIM_INFINITY, resource.RLIM_INFINITY]
    check_open_files(plan, [object], 1)
    assert [resource.RLIM_INFINITY, resource.RLIM_INFINITY] == limits
    limits[:] = [256, resource.RLIM_INFINITY]
    check_open_files(plan, [object], 1)
    assert [50_000 + RESERVED_FILES, resource.RLIM_INFINITY] == limits
