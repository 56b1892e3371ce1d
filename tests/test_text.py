"""Text from outside: one line, of bounded length, with nothing hidden in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.text import one_line, show_hidden


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("  two\r\n\tlines\u2028more ", "two lines more"),
        ("red \x1b[31malert", "red \ufffd[31malert"),
        ("file\u202egnp.exe", "file\ufffdgnp.exe"),
        ("a\u200bb\ud800\x00\x7f\u0085c", "a\ufffdb\ufffd\ufffd\ufffd c"),
        ("no\u00a0break", "no break"),
        ("größe, 大きさ 🙂", "größe, 大きさ 🙂"),
        ("", ""),
    ],
)
def test_a_text_on_one_line(text, shown):
    assert shown == one_line(text, 100)


def test_a_long_text_is_cut():
    assert "aaaa" == one_line("a" * 4, 4)
    assert "aaa…" == one_line("a" * 5, 4)
    assert "a b…" == one_line("a \n b \n c", 4)


def test_hidden_characters_are_shown_and_lines_stay():
    assert "a\ufffd[2J\n\tb\ufffd\ufffd" == show_hidden("a\x1b[2J\n\tb\u2066\U000e0041")
    assert "no\u00a0break, größe" == show_hidden("no\u00a0break, größe")


@given(st.text(), st.integers(1, 50))
def test_any_text_becomes_a_line_that_can_be_printed(text, most):
    line = one_line(text, most)

    assert line.isprintable()
    assert len(line) <= most
    assert line == one_line(line, most)
    line.encode()


@given(st.text())
def test_nothing_that_a_terminal_obeys_is_left(text):
    shown = show_hidden(text)

    assert len(text) == len(shown)
    assert not set(shown) & set(map(chr, [*range(9), *range(11, 13), *range(14, 32), 127, 0x202E]))
    shown.encode()
