"""Text from outside, made safe to show: nothing hidden, nothing that a terminal obeys."""

from __future__ import annotations

import re

REPLACED = "\ufffd"
_HIDDEN = re.compile(
    "["
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # controls, ESC among them; not tab and line breaks
    "\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # direction, no width
    "\U000e0000-\U000e007f"  # tags: letters that nobody sees
    "\ud800-\udfff"  # halves of characters, which no encoding has
    "]"
)


def show_hidden(text: str) -> str:
    """Replace what cannot be seen or changes how the rest is shown; lines stay lines."""
    return _HIDDEN.sub(REPLACED, text)


def one_line(text: str, most: int) -> str:
    """
    Fit a text on one line: blanks joined, what does not print replaced, the end cut.

    At most ``most`` characters are kept; the last is … if the text was longer.
    """
    joined = " ".join(text.split())
    line = "".join(c if c.isprintable() else REPLACED for c in joined[: most + 1])
    return line if len(line) <= most else f"{line[: most - 1]}…"
