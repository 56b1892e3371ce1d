"""
The parts a page is made of: sections of prose, tables and figures, all plain data.

A lab adds itself to every report by one module in ``reports/sections/`` that turns
the `ReportModel` into a `Section`; the renderers decide how it looks.
"""

from __future__ import annotations

from dataclasses import dataclass, field

Cell = str | int | float | None
"""None is shown as a dash: nothing was measured, which is not zero."""


@dataclass(frozen=True, slots=True)
class Table:
    """
    A table for people.

    Attributes:
        caption: What it shows, in a few words; every table has one.
        head: One name a column, unit included.
        rows: Cells, as many a row as there are names.
        facts: Its rows are facts of different kinds, one after the other, which no order
            of one column could make clearer.
    """

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    facts: bool = False

    @property
    def numeric(self) -> tuple[bool, ...]:
        """Which columns hold numbers and nothing else: these stand to the right."""
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
        title: What it is.
        alt: What it shows, as one who sees it would tell one who does not.
        svg: An SVG element for inline use; its colours are the page's CSS variables.
        narrow: The same, drawn for a telephone; "" where there is no such drawing.
    """

    name: str
    title: str
    alt: str
    svg: str
    narrow: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """
    A part of the page with a heading of its own.

    Attributes:
        name: A word of a-z and dashes; the anchor. For a lab's section the file it
            tells of, without ``.json`` and with dashes: ``rate-limit``.
        title: The heading.
        prose: Paragraphs of plain text, each a sentence or three.
        tables: In order.
        figures: In order, after the tables.
        first: What the trial was made for: it is told before all else.
    """

    name: str
    title: str
    prose: tuple[str, ...] = ()
    tables: tuple[Table, ...] = field(default=())
    figures: tuple[Figure, ...] = field(default=())
    first: bool = False
