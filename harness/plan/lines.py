"""
The line of each key in a TOML text.

tomllib and tomlkit give no positions. So a text is cut into statements, the shortest runs of
lines that tomllib parses by themselves. Within a statement of several lines, a value begins
after the longest part that, with its brackets closed, does not have the value yet.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from harness.fields import Location

_CLOSERS = ["".join(s) for length in range(4) for s in product("]}", repeat=length)]
"""What can end a statement that is cut between two values."""
_LINE = re.compile(r"[^\n]*\n")
_PIECE = re.compile(r"[,\n]|[^,\n]+")
"""Between these are all places at which a value may begin; lines first, for they are fewer."""


@dataclass(frozen=True, slots=True)
class _Statement:
    """A header, or a key with its value: where it begins, its text, the table it is in."""

    line: int
    text: str
    header: Location

    def find_line(self, location: Location) -> int:
        """The line on which a value of this statement begins."""
        if self.text.count("\n") == 1:
            return self.line
        keys = location[len(self.header) :]
        absent, present = 0, len(self.text)
        for pattern in (_LINE, _PIECE):
            cuts = [match.end() for match in pattern.finditer(self.text, absent, present)]
            while inner := [cut for cut in cuts if absent < cut < present]:
                middle = (absent + present) // 2
                for cut in sorted(inner, key=lambda place: abs(place - middle)):
                    document = _close(self.text[:cut])
                    if document is not None:
                        break
                else:
                    break
                absent, present = (absent, cut) if _holds(document, keys) else (cut, present)
        return self.line + self.text.count("\n", 0, absent)


@dataclass(slots=True)
class PlanLines:
    """Finds the line of a key in TOML; any other text has no lines."""

    text: str
    _statements: dict[Location, _Statement] = field(default_factory=dict)
    _counts: Counter[Location] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        """Cut the text into statements, and note which holds what."""
        if _parse(self.text) is None:
            return
        header: Location = ()
        for line, text, document in _cut(self.text):
            if text.lstrip().startswith("["):
                header = self._enter(document)
                self._note(_Statement(line, text, ()), header)
            else:
                self._note_all(_Statement(line, text, header), header, document)

    def find(self, location: Location) -> int:
        """
        Find the line of a value; 0 where nothing of it is in the text.

        An absent key has the line of the table in which it is absent. One element may be
        no key of the text: pydantic names the branch of a union in an error's location.
        """
        shorter = (location[:n] + location[n + 1 :] for n in range(1, len(location) - 1))
        parents = (location[:n] for n in range(len(location) - 1, 0, -1))
        for known in (location, *shorter, *parents):
            if (statement := self._statements.get(known)) is not None:
                return statement.find_line(known)
        return 0

    def _enter(self, document: Any) -> Location:
        """The table that a header opens: the newest where its parents are arrays."""
        path: Location = ()
        while document:
            if isinstance(document, list):
                path, document = (*path, self._counts[path]), document[0]
                self._counts[path[:-1]] += 1
                continue
            ((key, document),) = document.items()
            path = (*path, key)
            if path in self._counts and not isinstance(document, list):
                path = (*path, self._counts[path] - 1)
        return path

    def _note(self, statement: _Statement, location: Location) -> None:
        for length in range(1, len(location) + 1):
            self._statements.setdefault(location[:length], statement)

    def _note_all(self, statement: _Statement, at: Location, value: Any) -> None:
        """Note a statement for all values that it holds."""
        self._note(statement, at)
        if isinstance(value, dict | list):
            for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
                self._note_all(statement, (*at, key), inner)


def _cut(text: str) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """The statements of a text: first line, text, document."""
    first, statement = 1, ""
    for number, line in enumerate(text.split("\n"), 1):
        goes_on = bool(statement) and line.rstrip().endswith(",") and "#" not in line
        statement += f"{line}\n"
        if goes_on:
            continue  # within an array: spares an attempt for each line of a long one
        document = _parse(statement)
        if document is None:
            continue
        if document:
            yield first, statement, document
        first, statement = number + 1, ""


def _parse(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):
        return None


def _close(text: str) -> dict[str, Any] | None:
    """The document of a text that ends within brackets; None where it ends elsewhere."""
    documents = (_parse(text + closer) for closer in _CLOSERS)
    return next((document for document in documents if document is not None), None)


def _holds(document: Any, keys: Location) -> bool:
    for key in keys:
        try:
            document = document[key]
        except (LookupError, TypeError):
            return False
    return True
