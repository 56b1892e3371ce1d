"""
A run's log is complete: its pages have every line once and in order.

Pages are read from the newest backwards. Each has the cursors of its first and last line and
of the next page, so neighbouring pages can be compared at their edge.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from harness.checks.check import Check, TrialContext
from harness.checks.evidence import decode_evidence
from harness.checks.history import COLUMNS, Codes
from harness.checks.violations import FindingBuilder, pluralize
from harness.contract.cursors import position_of
from harness.verdicts import Finding

NAME = "runs.logs"

_NAMES = ("cursor", "next", "first", "last", "lines", "limit", "digest", "ascending")


def check(frame: pd.DataFrame, context: TrialContext) -> Finding:
    """
    The pages of a log are complete and ordered: no line twice, no gap at cursors.

    A page read twice under one cursor is the same. Gaps are visible if cursors end in
    numbers that rise by one within each page; opaque cursors only show repeated edges.
    Unknown without two comparable pages or a log of one page. O(n).
    """
    finding = FindingBuilder(NAME, context)
    ok = (frame["outcome"] == "ok").to_numpy() & (frame["resource_id"] != "").to_numpy()
    pages = _read_pages(frame.loc[ok].reset_index(drop=True))
    disordered = pages.loc[(pages["ascending"] == False).to_numpy()]  # noqa: E712  None is unknown
    finding.add_rows("page", "out of order or with a line twice", disordered)
    stuck = pages.loc[(pages["next"] != "") & (pages["next"] == pages["cursor"])]
    finding.add_rows("page", "led back to its own cursor", stuck)
    edges = _compare_neighbours(pages, finding)
    again = _compare_repetitions(pages, finding)
    single = int(((pages["cursor"] == "") & (pages["next"] == "")).sum())
    pass_detail = (
        f"{pluralize(len(pages), 'page')}: {pluralize(edges, 'edge')} without gap or "
        f"repetition, {pluralize(again, 'page')} read again and the same, "
        f"{pluralize(single, 'log')} of one page"
    )
    compared = edges + again + single
    return finding.build(pass_detail, "" if compared else "no two pages that can be compared")


def _read_pages(frame: pd.DataFrame) -> pd.DataFrame:
    """
    Answered pages with their evidence.

    Columns: those of `frame`, and
        cursor, next, first, last  object   texts; "" for none
        first_n, last_n            float64  the numbers they end in; NaN if opaque
        series                     int      code of their common prefix; -1 without one
        lines, limit               float64  NaN if unknown
        digest, ascending          object   None if unknown
        dense                      bool     cursors rise by one within the page
    """
    pages = decode_evidence(frame["evidence"], _NAMES)
    columns: dict[str, Any] = {
        name: _texts(pages[name]) for name in ("cursor", "next", "first", "last")
    }
    series: dict[str, Codes] = {}
    known: dict[str, int] = {}
    for name in ("first", "last"):
        columns[f"{name}_n"], series[name] = _places(pages[name], known)
    columns["series"] = np.where(series["first"] == series["last"], series["first"], -1)
    for name in ("lines", "limit"):
        columns[name] = pages[name].astype(float)
    columns |= {name: pages[name] for name in ("digest", "ascending")}
    span = columns["last_n"] - columns["first_n"] + 1
    columns["dense"] = (span == columns["lines"].to_numpy()) & (columns["series"] >= 0)
    return frame.assign(**columns).loc[pages["digest"].notna().to_numpy()]


def _compare_neighbours(pages: pd.DataFrame, finding: FindingBuilder) -> int:
    """Compare each page with the one that its cursor leads to; the number of edges."""
    numbered = pages.assign(row=np.arange(len(pages)))
    newer = numbered.loc[(numbered["next"] != "") & (numbered["first"] != "")]
    older = numbered.loc[(numbered["cursor"] != "") & (numbered["last"] != "")]
    older = older.drop_duplicates(["resource_id", "cursor"])
    edges = newer.merge(older, left_on=["resource_id", "next"], right_on=["resource_id", "cursor"])
    alike = (edges["series_x"] == edges["series_y"]) & (edges["series_x"] >= 0)
    back = alike & (edges["last_n_y"] >= edges["first_n_x"])
    twice = (edges["first_x"] == edges["last_y"]) | back
    gap = alike & edges["dense_x"] & edges["dense_y"] & (edges["last_n_y"] < edges["first_n_x"] - 1)
    for words, flaw in (("repeat a line at", twice), ("lack lines at", gap)):
        if flaw.any():
            rows = pages.iloc[edges.loc[flaw, ["row_x", "row_y"]].iloc[0].to_numpy()]
            number = int(flaw.sum())
            finding.add(f"the pages {words} {pluralize(number, 'cursor')}", rows)
    return len(edges)


def _compare_repetitions(pages: pd.DataFrame, finding: FindingBuilder) -> int:
    """Compare pages read under one cursor of one run; the number of repetitions."""
    ordered = pages.sort_values("start_ns")
    groups = ordered.groupby(["resource_id", "cursor"], sort=False)
    columns = ["last", "last_n", "lines", "limit", "digest", "end_ns"]
    before = groups[columns].shift()
    again = before["digest"].notna()
    inner = ordered["cursor"] != ""
    # The newest page may grow during the run; a page before a cursor may not.
    same_size = (ordered["lines"] == before["lines"]) & (ordered["last"] == before["last"])
    differs = again & same_size & (ordered["digest"] != before["digest"])
    moved = again & inner & (ordered["last"] != before["last"])
    # Under one limit, a page that ends with the same line holds the same lines.
    same_limit = (ordered["limit"] == before["limit"]) & (ordered["lines"] != before["lines"])
    fewer = again & same_limit & (inner | (ordered["last"] == before["last"]))
    shrunk = again & ~inner & (ordered["last_n"] < before["last_n"])
    shrunk &= before["end_ns"] < ordered["start_ns"]
    flaw = differs | moved | fewer | shrunk
    if flaw.any():
        bad = ordered.loc[flaw].head(1)
        rows = ordered.loc[
            (ordered["resource_id"] == bad["resource_id"].iloc[0])
            & (ordered["cursor"] == bad["cursor"].iloc[0])
        ]
        sentence = f"{pluralize(int(flaw.sum()), 'page')} read again and not the same"
        finding.add(sentence, rows)
    return int(again.sum())


def _places(cursors: pd.Series, known: dict[str, int]) -> tuple[npt.NDArray[np.float64], Codes]:
    """
    The numbers that cursors end in (NaN if opaque), and codes of their prefixes (added to
    known).
    """
    codes, distinct = pd.factorize(cursors)
    places = [position_of(cursor) for cursor in distinct]
    numbers = np.array([*(p.number if p else math.nan for p in places), math.nan])
    series = np.array([*(known.setdefault(p.series, len(known)) if p else -1 for p in places), -1])
    return numbers[codes], series[codes]


def _texts(cursors: pd.Series) -> npt.NDArray[np.object_]:
    """Cursors as texts, "" for none."""
    texts = ["" if cursor is None else str(cursor) for cursor in cursors.to_numpy()]
    return np.array([*texts, None], dtype=object)[:-1]


CHECK = Check(NAME, COLUMNS, ("get_run_logs",), check, reads_with="runs")
