"""What a mistyped name was probably meant to be."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: str, known: Iterable[str], likeness: float = 0.6) -> str:
    """The known name that is most like this one; "" where none is as like as that, 0 to 1."""
    found = get_close_matches(name, list(known), n=1, cutoff=likeness)
    return found[0] if found else ""


def suggest(name: str, known: Iterable[str]) -> str:
    """
    Suggest the nearest known name, else list them all.

    >>> suggest("usrs", ["users", "wait"])
    "did you mean 'users'?"
    >>> suggest("nothing", ["users", "wait"])
    'known are users, wait'
    """
    names = list(known)
    near = nearest(name, names)
    return f"did you mean {near!r}?" if near else f"known are {', '.join(names)}"
