"""
The measured parts of docs/explanation/capacity-*.md, from a results file.

What stands between a part's two marks is replaced; everything else is a person's.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.capacity.cases import CEILINGS

NEAR = 0.05
ENOUGH = 0.9
Rows = Sequence[dict[str, Any]]


def write_pages(rows: Rows, folder: Path) -> list[str]:
    """Put the tables into the folder's pages; what was not as it must be, one line each."""
    latest = list({row["name"]: row for row in rows if not is_void(row)}.values())
    ceilings = [row for row in latest if "setting" in row]
    if ceilings:
        put(folder / "capacity-sessions.md", "sessions", _ceilings(ceilings), ceilings)
    missed = []
    for spacing in ("uniform", "poisson"):
        mine = [row for row in latest if row.get("spacing") == spacing]
        void = sum(is_void(row) for row in rows if row.get("spacing") == spacing)
        if mine:
            page = folder / "capacity-throughput.md"
            put(page, spacing, _rates(mine, spacing, void), mine)
            missed += _missed(mine, spacing)
    return [*filter(None, map(find_wrong, ceilings)), *missed]


def put(page: Path, part: str, lines: Sequence[str], rows: Rows) -> None:
    """Replace a part of the page by its table, and by when and where it was measured."""
    begin, end = f"<!-- {part} -->\n", f"<!-- /{part} -->"
    text = page.read_text()
    assert begin in text, f"{page} has no place for {part}"
    assert end in text, f"{page} has no end of {part}"
    head, _, rest = text.partition(begin)
    _, _, tail = rest.partition(end)
    machines = "; ".join(sorted({row["machine"] for row in rows}))
    page.write_text("\n".join([f"{head}{begin}Measured {machines}.", "", *lines, end]) + tail)


def find_wrong(row: dict[str, Any]) -> str:
    """What a session search got wrong; "" for nothing."""
    found, truth, ceiling = row["found"], row["truth"], row["true_ceiling"]
    wrong = []
    if row["setting"] == "leaking":
        if found["ceiling_low"] + truth["leaked"] != ceiling or not found["slots_lost"]:
            wrong.append(f"{truth['leaked']} slots were lost, it saw {found['slots_lost']}")
    elif {ceiling} != {found[f"ceiling{end}"] for end in ("", "_low", "_high")}:
        wrong.append(f"the ceiling was said to be {found['ceiling']}")
    if (truth["over_admitted"] > 0) != (found["over_admitted"] > 0):
        wrong.append(f"{truth['over_admitted']} over-admitted, it saw {found['over_admitted']}")
    if truth["open"] or found["leaked"]:
        wrong.append(f"{truth['open']} sessions were left")
    return f"{row['name']}: {'; '.join(wrong)}" if wrong else ""


def _ceilings(rows: Rows) -> list[str]:
    by_setting: dict[str, dict[int, dict[str, Any]]] = {}
    for row in rows:
        by_setting.setdefault(row["setting"], {})[row["true_ceiling"]] = row
    right = sum(not find_wrong(row) for row in rows)
    lines = [
        f"{len(rows)} session searches, {right} of them right in everything:",
        "",
        f"| stand-in | {' | '.join(f'of {c}' for c in CEILINGS)} | sessions left |",
        f"| --- |{' ---: |' * len(CEILINGS)} ---: |",
    ]
    for setting, found in by_setting.items():
        cells = [_ceiling(found[c]) if c in found else "–" for c in CEILINGS]
        left = sum(row["truth"]["open"] for row in found.values())
        lines.append(f"| {setting} | {' | '.join(cells)} | {left} |")
    return lines


def _ceiling(row: dict[str, Any]) -> str:
    found, truth = row["found"], row["truth"]
    text = str(found["ceiling"])
    if row["setting"] == "leaking":
        text = f"{found['ceiling_low']}, {truth['leaked']} lost"
    if truth["over_admitted"] or found["over_admitted"]:
        text += f", {found['over_admitted']} over (truly {truth['over_admitted']})"
    return f"**{text}**" if find_wrong(row) else text


def is_void(row: dict[str, Any]) -> bool:
    """Whether a throughput search measured the generator: the machine was busy."""
    return bool(row.get("bound") in {"generator", "unknown"})


def _is_near(row: dict[str, Any]) -> bool:
    estimate = row["found"]["estimate"]
    return estimate is not None and abs(estimate / row["edge_per_s"] - 1) <= NEAR


def _is_inside(row: dict[str, Any]) -> bool:
    low, high = row["found"]["low"], row["found"]["high"]
    return low is not None and high is not None and low <= row["edge_per_s"] <= high


def _missed(rows: Rows, spacing: str) -> list[str]:
    return [
        f"{spacing}: {what} in {sum(map(holds, rows))} of {len(rows)} searches"
        for what, holds in (("within 5 %", _is_near), ("interval holds the truth", _is_inside))
        if sum(map(holds, rows)) < ENOUGH * len(rows)
    ]


def _rates(rows: Rows, spacing: str, void: int) -> list[str]:
    near, inside = sum(map(_is_near, rows)), sum(map(_is_inside, rows))
    lines = [
        (
            f"{len(rows)} throughput searches with {spacing} arrivals: {near} within 5 % of "
            f"the truth, {inside} with the truth in their interval:"
        ),
        "",
        (
            "| workers × service | truth, 1/s | searches | least | median | greatest "
            "| within 5 % | truth inside | width | took |"
        ),
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        *_servers(rows),
    ]
    if void:
        text = f"Void, because the generator was the bottleneck, and made again: {void}."
        lines += ["", text]
    return lines


def _servers(rows: Rows) -> list[str]:
    by_server: dict[tuple[int, float], list[dict[str, Any]]] = {}
    for row in rows:
        by_server.setdefault((row["workers"], row["service_ms"]), []).append(row)
    lines = []
    for (workers, service_ms), mine in by_server.items():
        known = sorted(r["found"]["estimate"] for r in mine if r["found"]["estimate"])
        widths = [
            (r["found"]["high"] - r["found"]["low"]) / r["edge_per_s"]
            for r in mine
            if r["found"]["high"] is not None and r["found"]["low"] is not None
        ]
        figures = (
            [f"{value:.1f}" for value in (known[0], statistics.median(known), known[-1])]
            if known
            else ["–"] * 3
        )
        width = f"{statistics.median(widths):.0%}" if widths else "–"
        lines.append(
            f"| {workers} × {service_ms:g} ms | {mine[0]['edge_per_s']:.1f} | {len(mine)} "
            f"| {' | '.join(figures)} | {sum(map(_is_near, mine))} "
            f"| {sum(map(_is_inside, mine))} | {width} "
            f"| {statistics.median(row['seconds'] for row in mine):.0f} s |"
        )
    return lines
