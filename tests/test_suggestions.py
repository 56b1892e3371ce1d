"""A mistyped name is answered by the nearest known one, or by all of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.suggestions import nearest, suggest

KNOWN = ("create_session", "get_session", "queue_run")


def test_a_mistyped_name_gets_the_nearest_one():
    assert "did you mean 'create_session'?" == suggest("create_sesion", KNOWN)
    assert "get_session" == nearest("get_sessions", iter(KNOWN))


def test_a_name_like_none_is_answered_by_all():
    assert "known are create_session, get_session, queue_run" == suggest("x", iter(KNOWN))
    assert "" == nearest("x", KNOWN)
    assert "" == nearest("get_sessions", KNOWN, likeness=0.99)


@given(st.text(max_size=20), st.lists(st.text(min_size=1, max_size=20), max_size=6))
def test_what_is_suggested_is_known(name, known):
    near = nearest(name, known)

    assert near == "" or near in known
    assert nearest(name, [*known, name]) == (name or "")
