"""
Drawing for a page that may be dark or light.

Matplotlib draws with stand-in colours; in the SVG each becomes a CSS variable of the
page (``templates/style.css``), so one drawing is readable on both papers and in print.
Texts stay texts (smaller, and they can be searched and read out); ids get the figure's
name in front, because several drawings share one page; nothing random and no date is in
the file, so equal data give equal bytes.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from markupsafe import escape
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure as Drawing
from matplotlib.ticker import FuncFormatter

from harness.units import NS_PER_MS, format_duration
from reports.model import Band, ReportModel
from reports.section import Figure

INK, MUTED, LINE, PAPER = "#010101", "#020202", "#030303", "#040404"
SHADE, FAULT = "#050505", "#060606"
SERIES = ("#0a0101", "#0a0202", "#0a0303", "#0a0404", "#0a0505", "#0a0606")
_VARIABLES = {
    INK: "ink",
    MUTED: "muted",
    LINE: "line",
    PAPER: "paper",
    SHADE: "shade",
    FAULT: "fault",
    **{colour: f"c{number}" for number, colour in enumerate(SERIES, 1)},
}
DASHES = ("solid", (0, (5, 2)), (0, (1, 1.5)))
"""Line styles: what colour says is said a second time for those who do not see it."""

_DIGITS = re.compile(r"(\.\d)\d+")  # a twentieth of a point is not seen
_MARKED_MAX = 150
_LABEL_MAX = 32
_WIDTH_IN = 9.0
_LETTERS = 85  # of a band's name fit along the narrowest axes
HITS_MAX = 600
"""More ticks than this make a bar, and a heavy page."""
_NAME_ROWS_MAX = 4
_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "harness",
    "text.parse_math": False,  # names come from strangers; a $ is a dollar
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.formatter.useoffset": False,
    "grid.color": LINE,
    "grid.linewidth": 0.7,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.6,
}


@contextmanager
def styled() -> Iterator[None]:
    """The style of all figures, for as long as one is drawn."""
    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        # A name in a script that the measuring font lacks is still drawn by the browser.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


def new_drawing(height_in: float = 3.4, rows: int = 1) -> tuple[Drawing, list[Axes]]:
    """A drawing of the page's width with axes one above the other, sharing x."""
    drawing = Drawing(figsize=(_WIDTH_IN, height_in), layout="constrained")
    axes = drawing.subplots(rows, 1, sharex=True, squeeze=False)
    return drawing, [row[0] for row in axes]


def to_figure(drawing: Drawing, name: str, title: str, alt: str) -> Figure:
    """Make a drawing a figure for inline use."""
    buffer = io.StringIO()
    canvas: Any = FigureCanvasSVG(drawing)
    canvas.print_svg(buffer, metadata={"Date": None, "Creator": None})
    return Figure(name, title, alt, _inline(buffer.getvalue(), name, f"{title}. {alt}"))


def peak_s(series: pd.Series) -> int:
    """When a series is highest: seconds since the load began, the first of equals."""
    return int(series.index.to_numpy()[int(series.to_numpy().argmax())])


def marker(series: pd.Series | pd.DataFrame) -> str:
    """Dots on a line while they can be told apart; a lone point has nothing else."""
    return "." if len(series) <= _MARKED_MAX else ""


def draw_points(axes: Axes, series: pd.Series, step_s: int, colour: str, name: str) -> None:
    """
    Values that no line joins: dots; of many one flat stroke a step, in a single path.

    Six hundred dots are six hundred elements of the page, and a carpet.
    """
    x = series.index.to_numpy() + step_s / 2
    if marker(series):
        axes.plot(x, series, ls="none", marker=".", ms=5, color=colour, label=name)
        return
    values = series.to_numpy(dtype=float)
    ends = np.stack([x - step_s / 2, x + step_s / 2, np.full(len(x), np.nan)], axis=1)
    flat = np.stack([values, values, np.full(len(x), np.nan)], axis=1)
    axes.plot(ends.ravel(), flat.ravel(), color=colour, label=name)


def say_empty(axes: Axes) -> None:
    """Where nothing is drawn, say so, instead of a scale that measures nothing."""
    axes.set_yticks([])
    axes.text(0.5, 0.5, "nothing to show", transform=axes.transAxes, ha="center", color=MUTED)


def label(text: str) -> str:
    """A stranger's name for a legend: printable, and cut where it is too long."""
    clean = "".join(c if c.isprintable() else "\ufffd" for c in text).strip() or "(no name)"
    # A leading underscore would hide the entry from Matplotlib's legend.
    clean = f"\u200b{clean}" if clean.startswith("_") else clean
    return clean if len(clean) <= _LABEL_MAX else clean[: _LABEL_MAX - 1] + "…"


def duration_axis(axes: Axes, *, log: bool = True) -> None:
    """Put latencies in ms on y: ticks such as 10 ms and 1 s."""
    if log:
        axes.set_yscale("log")
        axes.yaxis.set_minor_formatter(FuncFormatter(_minor_duration))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _duration(value)))
    axes.tick_params(axis="y", which="minor", labelsize=8)


def set_time(axes: Sequence[Axes], model: ReportModel) -> None:
    """The same stretch of time on every figure, from the load's start to the last answer."""
    ends = [model.summary["duration_s"], *(model.outcomes_s.index[-1:] + model.step_s)]
    axes[-1].set_xlim(min([0, *model.outcomes_s.index[:1]]), max([1, *ends]))
    axes[-1].set_xlabel("seconds since the load began")


def mark_objectives(axes: Axes, limits: Sequence[tuple[float, str]]) -> None:
    """A dashed line at each limit, its objective written on it; limits as y values."""
    for y, name in limits:
        axes.axhline(y, color=INK, linewidth=1.1, linestyle=(0, (6, 3)))
        axes.annotate(
            label(name),
            (1.0, y),
            xycoords=("axes fraction", "data"),
            xytext=(-3, 2),
            textcoords="offset points",
            ha="right",
            fontsize=8,
        )


def mark_bands(axes: Iterable[Axes], bands: Sequence[Band]) -> None:
    """Shade warm-ups, frame phases and mark faults; the first axes bear the names."""
    for number, one in enumerate(axes):
        for band in bands:
            if band.kind == "phase":
                one.axvline(band.start_s, color=MUTED, linewidth=0.8, linestyle=(0, (2, 3)))
            else:
                colour, opacity = (FAULT, 0.16) if band.kind == "fault" else (SHADE, 0.14)
                one.axvspan(band.start_s, band.end_s, color=colour, alpha=opacity, linewidth=0)
            if band.hits_s:
                _mark_hits(one, band.hits_s)
        if number == 0:
            _name_bands(one, bands)


def _mark_hits(axes: Axes, hits_s: Sequence[float]) -> None:
    """A tick at the upper edge where a fault struck; of thousands an even choice."""
    step = -(-len(hits_s) // HITS_MAX)
    x = np.repeat(np.asarray(hits_s[::step], float), 3)
    y = np.tile([0.97, 1.0, np.nan], len(x) // 3)
    # One line with gaps: a path a tick would be half of the page's bytes.
    axes.plot(
        x, y, color=FAULT, linewidth=0.8, transform=axes.get_xaxis_transform(),
        scalex=False, scaley=False,
    )  # fmt: skip


def _name_bands(axes: Axes, bands: Sequence[Band]) -> None:
    """Names above the axes, each in the lowest row where it hides no other."""
    low, high = axes.get_xlim()
    row_ends: list[float] = []
    for band in sorted(bands, key=lambda band: (band.start_s, band.kind)):
        fault = band.kind == "fault"
        text = label(band.name) + (" (fault)" if fault else "")
        row = next((n for n, end in enumerate(row_ends) if end <= band.start_s), len(row_ends))
        if row == _NAME_ROWS_MAX:
            continue
        row_ends[row : row + 1] = [band.start_s + len(text) * (high - low) / _LETTERS]
        axes.annotate(
            text,
            (band.start_s, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(2, 2 + 11 * row),
            textcoords="offset points",
            fontsize=8,
            color=FAULT if fault else MUTED,
            annotation_clip=False,
        )


def _duration(value_ms: float) -> str:
    return format_duration(value_ms * NS_PER_MS) if value_ms > 0 else "0"


def _minor_duration(value_ms: float, _: int | None = None) -> str:
    """Only 2 and 5 between the decades: more would be a carpet."""
    digit = f"{value_ms:e}"[0]
    return _duration(value_ms) if digit in "25" else ""


def _inline(svg: str, name: str, alt: str) -> str:
    """The SVG element alone, its colours variables and its ids unique on a page."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"\s*<!--.*?-->", "", svg, flags=re.DOTALL)
    view_box = re.search(r'viewBox="([^"]*)"', svg)
    assert view_box is not None  # Matplotlib always writes one
    head = f'<svg viewBox="{view_box[1]}" role="img" aria-label="{escape(alt)}">'
    svg = head + svg[svg.index(">") + 1 :]
    svg = re.sub(
        r"<style.*?</style>", "", svg, flags=re.DOTALL
    )  # it would style the whole page
    svg = re.sub(r'<g id="[^"]*">', "<g>", svg)
    svg = re.sub(r' (d|x|y|transform)="[^"]*"', lambda m: _DIGITS.sub(r"\1", m[0]), svg)
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r'xlink:href="#', f'href="#{name}-', svg)
    svg = svg.replace("xlink:href=", "href=").replace("url(#", f"url(#{name}-")
    svg = svg.replace("'DejaVu Sans'", "system-ui, sans-serif")
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(colour, f"var(--{variable})")
    return re.sub(r"\n\s*", "\n", svg).strip()
