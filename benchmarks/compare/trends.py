"""
How often `harness trend` sees a change where there is none, misses one, or misplaces it.

``python -m benchmarks.compare.trends`` (of ``make bench-stats``) holds PELT and the
real otava against the same simulated series and writes the tables of docs/explanation/compare.md. Each
point is one trial's figure: a level, times lognormal noise. In series with a change, it is
in the middle of every first, and three points from the end of every second.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmarks.capacity.page import put
from harness.assess.otava import P_VALUE_MAX, find_by_otava
from harness.experiments.compare.change_points import (
    PELT,
    ChangePointMethod,
    find_change_points,
)
from harness.plan.tolerances import RELATIVE_DEFAULT
from tests.experiments.compare.real_otava import MISSING, OTAVA, ROOT, pinned

SERIES = 200
"""In each cell; odd ones and even ones have their change elsewhere."""
WORKERS = 2
POINTS = (8, 12, 24, 48)
NOISES = {"3 %": (0.03, 0.0), "5 %": (0.05, 0.0), "3 %, one in ten slow": (0.03, 0.1)}
"""Name → sigma, and the share of trials that are 30 % slower for once."""
SLOWER = 1.3
CHANGES = (0.0, 0.1, 0.2)
P_VALUES = (0.001, P_VALUE_MAX, 0.005, 0.01)
NEAR = 1
"""A change so many points from its true place was found, though not placed."""


@dataclass(frozen=True)
class Cell:
    """A noise, a number of points, and a method: shares by `CHANGES`."""

    noise: str
    points: int
    method: str
    told: tuple[float, ...]
    found: tuple[float, ...]
    placed: tuple[float, ...]


def simulate(noise: str, points: int, change: float) -> list[tuple[list[float], int]]:
    """Series, and where each changes: the same at every call."""
    sigma, slow = NOISES[noise]
    seeds = [list(NOISES).index(noise), points, round(100 * change)]
    rng = np.random.default_rng(seeds)
    made = []
    for number in range(SERIES):
        at = points - 3 if number % 2 else points // 2
        values = 100 * np.exp(rng.normal(0, sigma, points))
        values *= np.where(rng.random(points) < slow, SLOWER, 1.0)
        values[at:] *= 1 + change
        made.append((values.tolist(), at))
    return made


def measure(noise: str, points: int, method: str) -> Cell:
    """What a method (``pelt``, or a p value of otava) says of one cell's series."""
    find = partial(find_by_otava, OTAVA)
    search = PELT if method == PELT.method else ChangePointMethod(
        method, partial(find, p_value_max=float(method))
    )  # fmt: skip
    made = [one for change in CHANGES for one in simulate(noise, points, change)]
    change_points = find_change_points(
        [values for values, _ in made], [RELATIVE_DEFAULT] * len(made), search
    )
    off = [
        [abs(shift.at - at) for shift in told]
        for told, (_, at) in zip(change_points, made, strict=True)
    ]
    by_change = [off[n : n + SERIES] for n in range(0, len(off), SERIES)]
    return Cell(
        noise, points, method,
        told=tuple(share(bool(one) for one in cell) for cell in by_change),
        found=tuple(share(min(one, default=9) <= NEAR for one in cell) for cell in by_change),
        placed=tuple(share(min(one, default=9) == 0 for one in cell) for cell in by_change),
    )  # fmt: skip


def share(seen) -> float:
    """The share that is true."""
    return float(np.mean(list(seen)))


def table(cells: Sequence[Cell]) -> list[str]:
    """A row a noise and number of points; PELT / otava, in percent."""
    ours = f"{P_VALUE_MAX:g}"
    lines = [
        "| noise | trials | false alarm | +10 % found | at its place | +20 % found | at its place |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for noise, points in itertools.product(NOISES, POINTS):
        pelt, otava = (
            next(c for c in cells if (c.noise, c.points, c.method) == (noise, points, method))
            for method in (PELT.method, ours)
        )
        shown = [
            pair(pelt.told[0], otava.told[0]),
            *(
                pair(getattr(pelt, name)[n], getattr(otava, name)[n])
                for n in (1, 2)
                for name in ("found", "placed")
            ),
        ]
        lines.append(f"| {noise} | {points} | {' | '.join(shown)} |")
    return lines


def table_of_p(cells: Sequence[Cell]) -> list[str]:
    """A row a method, over all cells."""
    lines = [
        "| over all rows | false alarm | the worst row | +10 % found | +20 % found |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for method in (PELT.method, *(f"{p:g}" for p in P_VALUES)):
        mine = [cell for cell in cells if cell.method == method]
        alarms = [cell.told[0] for cell in mine]
        numbers = [np.mean(alarms), max(alarms)]
        numbers += [np.mean([cell.found[n] for cell in mine]) for n in (1, 2)]
        name = "PELT" if method == PELT.method else f"otava, p < {method}"
        lines.append(f"| {name} | {' | '.join(f'{100 * n:.1f} %' for n in numbers)} |")
    return lines


def pair(pelt: float, otava: float) -> str:
    """Both as percent."""
    return f"{100 * pelt:.3g} / {100 * otava:.3g}"


def main() -> int:
    """Measure all cells, print the tables, and put them into the page."""
    if not OTAVA.exists():
        print(f"change points of PELT and otava: skipped, {MISSING}")
        return 0
    begun_s = time.monotonic()
    methods = (PELT.method, *(f"{p:g}" for p in P_VALUES))
    asked = list(itertools.product(NOISES, POINTS, methods))
    cells = []
    with ProcessPoolExecutor(WORKERS) as pool:
        for number, cell in enumerate(pool.map(measure, *zip(*asked, strict=True)), 1):
            cells.append(cell)
            sys.stderr.write(f"\r{number} of {len(asked)} cells")
    sys.stderr.write("\n")
    lines = [*table(cells), "", *table_of_p(cells)]
    print("\n".join(lines))
    print(f"{time.monotonic() - begun_s:.0f} s")
    which = f"on simulated series (seeds 0 to {len(NOISES) - 1}), otava {pinned()}"
    put(ROOT / "docs/explanation/compare.md", "trend", lines, [{"machine": which}])
    return 0


if __name__ == "__main__":
    sys.exit(main())
