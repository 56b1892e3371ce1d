"""Parts of a page as plain data: sections of prose, tables and figures."""

from __future__ import annotations

from dataclasses import dataclass, field

Cell = str | int | float | None
"""None (not measured) appears as a dash."""


@dataclass(frozen=True, slots=True)
class Table:
    """
    A table for people.

    Attributes:
        head: One name per column, with its unit.
        facts: Rows are facts of different kinds; sorting is pointless.
    """

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    facts: bool = False

    @property
    def numeric(self) -> tuple[bool, ...]:
        """Columns with numbers only, which are aligned right."""
        columns = ([row[n] for row in self.rows] for n in range(len(self.head)))
        values = ([cell for cell in column if cell is not None] for column in columns)
        return tuple(
            bool(cells) and all(isinstance(cell, int | float) for cell in cells) for cells in values
        )


@dataclass(frozen=True, slots=True)
class Figure:
    """
    A drawn figure.

    Attributes:
        name: A word of a-z and dashes, unique on the page.
        alt: What the figure shows, in words.
        svg: An SVG element whose colours are CSS variables of the page.
        narrow: The same for a phone; "" without such a drawing.
    """

    name: str
    title: str
    alt: str
    svg: str
    narrow: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """
    A part of the page with a heading: prose, then tables, then figures.

    Attributes:
        name: The anchor: a word of a-z and dashes.
        prose: Paragraphs of plain text.
        first: The purpose of the trial, shown before all other parts.
    """

    name: str
    title: str
    prose: tuple[str, ...] = ()
    tables: tuple[Table, ...] = field(default=())
    figures: tuple[Figure, ...] = field(default=())
    first: bool = False
