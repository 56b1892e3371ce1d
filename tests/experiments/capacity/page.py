"""
The measured part of docs/capacity.md, from a results file.

What stands between the page's two marks is replaced; everything else is a person's.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.experiments.capacity.cases import CEILINGS

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
NEAR = 0.05
ENOUGH = 0.9
Rows = Sequence[dict[str, Any]]


def write_page(rows: Rows, page: Path) -> list[str]:
    """Put the tables into the page; what was not as it must be, one line each."""
    ceilings = [row for row in rows if "setting" in row]
    valid = [row for row in rows if "spacing" in row and not is_void(row)]
    rates = list({row["name"]: row for row in valid}.values())
    void = sum(map(is_void, rows))
    parts = [*_ceilings(ceilings), "", *_rates(rates)]
    if void:
        parts.append(
            f"\n{void} searches in which the generator was the bottleneck were repeated."
        )
    head, _, rest = page.read_text().partition(BEGIN)
    _, _, tail = rest.partition(END)
    page.write_text(f"{head}{BEGIN}\n\n" + "\n".join(parts) + f"\n\n{END}{tail}")
    return [*filter(None, map(find_wrong, ceilings)), *_missed(rates)]


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


def _missed(rows: Rows) -> list[str]:
    """The issue's aim holds for evenly spaced arrivals: their edge is the known capacity."""
    even = [row for row in rows if row["spacing"] == "uniform"]
    return [
        f"{what} in {sum(map(holds, even))} of {len(even)} searches"
        for what, holds in (("within 5 %", _is_near), ("interval holds the truth", _is_inside))
        if sum(map(holds, even)) < ENOUGH * len(even)
    ]


def _rates(rows: Rows) -> list[str]:
    lines = []
    for spacing in ("uniform", "poisson"):
        mine = [row for row in rows if row["spacing"] == spacing]
        if not mine:
            continue
        near, inside = sum(map(_is_near, mine)), sum(map(_is_inside, mine))
        lines += [
            (
                f"{len(mine)} throughput searches with {spacing} arrivals: {near} within 5 % of "
                f"the truth, {inside} with the truth in their interval:"
            ),
            "",
            (
                "| workers × service | truth, 1/s | searches | least | median | greatest "
                "| within 5 % | truth inside | width |"
            ),
            "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
            *_servers(mine),
            "",
        ]
    return lines[:-1]


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
            f"| {sum(map(_is_inside, mine))} | {width} |"
        )
    return lines
