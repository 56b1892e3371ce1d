"""
The measured part of docs/explanation/reliability.md: fault × checker × verdict, from a results file.

What stands between the page's two marks is replaced; everything else is a person's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.reliability.cases import CHECKS, HONEST, LIES, Case

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
_SIGNS = {"pass": "pass", "fail": "FAIL", "unknown": "unknown", "": "–"}


def write_page(rows: Sequence[dict[str, Any]], page: Path) -> list[str]:
    """Put the matrix into the page; what was not as expected, one line each."""
    text = page.read_text()
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    page.write_text(f"{head}{BEGIN}\n\n{_measured(rows)}\n\n{END}{tail}")
    return find_unexpected(rows)


def find_unexpected(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Trials in which a lie got through, an honest stand-in was accused, or books differ."""
    expected = {case.name: case.caught_by for case in (*LIES, *HONEST)}
    found = []
    for row in rows:
        failed = {name for name, verdict in row["verdicts"].items() if verdict == "fail"}
        wanted = {expected.get(row["case"], "")} - {""}
        if failed != wanted:
            why = "; ".join(f"{name}: {row['details'][name]}" for name in sorted(failed - wanted))
            missing = ", ".join(sorted(wanted - failed))
            found.append(f"{row['case']}, seed {row['seed']}: {why or 'not caught by ' + missing}")
        found += [f"{row['case']}, seed {row['seed']}: {line}" for line in row["unbalanced"]]
    return found


def _measured(rows: Sequence[dict[str, Any]]) -> str:
    by_case: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_case.setdefault(row["case"], []).append(row)
    honest = [case for case in HONEST if case.name in by_case]
    lies = [case for case in LIES if case.name in by_case]
    mine = [row for case in honest for row in by_case[case.name]]
    false = sum("fail" in row["verdicts"].values() for row in mine)
    attempts = sum(row["attempts"] for row in mine)
    off = sum(bool(row["unbalanced"]) for row in mine)
    seconds = sorted({row["seconds"] for row in mine})
    revisions = ", ".join(sorted({row.get("revision", "unknown") for row in rows}))
    parts = [
        f"Revisions: {revisions}.\n",
        "### Lies\n",
        _table("lie", lies, by_case, ("occurrences", "lies")),
        "\n### An honest stand-in\n",
        (
            f"{len(mine):,} trials with {'/'.join(f'{s:g}' for s in seconds)} s of load, "
            f"{attempts:,} attempts: **{false} false alarms**; the record equals the "
            f"ground truth in {len(mine) - off:,} of {len(mine):,}.\n"
        ),
        _table("fault", honest, by_case, ("injections", "hits")),
    ]
    parts += [_large(row) for row in by_case.get("100,000 calls", [])]
    return "\n".join(parts)


def _table(
    title: str,
    cases: Sequence[Case],
    by_case: dict[str, list[dict[str, Any]]],
    counter: tuple[str, str],
) -> str:
    heads = [name.replace(".", ".<br>") for name in CHECKS]
    lines = [
        f"| {title} | trials | {counter[0]} | {' | '.join(heads)} |",
        f"| --- | ---: | ---: |{' --- |' * len(heads)}",
    ]
    for case in cases:
        rows = by_case[case.name]
        cells = [_cell(Counter(row["verdicts"].get(name, "") for row in rows)) for name in CHECKS]
        total = sum(row[counter[1]] for row in rows)
        lines.append(f"| {case.name} | {len(rows)} | {total:,} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(verdicts: Counter[str]) -> str:
    if len(verdicts) == 1:
        return _SIGNS[next(iter(verdicts))]
    return ", ".join(f"{_SIGNS[name]} {number}" for name, number in verdicts.most_common())


def _large(row: dict[str, Any]) -> str:
    verdict = "equals" if not row["unbalanced"] else "does NOT equal"
    return (
        f"\n### Many calls\n\n{row['calls']:,} calls, {row['attempts']:,} attempts, "
        f"{row['hits']:,} injections of mixed faults: the record {verdict} the ground truth."
    )
