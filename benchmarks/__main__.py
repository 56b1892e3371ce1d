"""
`make bench`: what the harness costs and how true it is, into docs/explanation/performance.md.

``python -m benchmarks [a … h]``: each part by itself, all when none is named. A
part replaces its own section of the page; what is not installed is skipped with a word.
"""

from __future__ import annotations

import os
import platform
import re
import sys
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs" / "explanation" / "performance.md"
PARTS = {
    "a": ("Requests a second of one generator core", "throughput"),
    "b": ("Truth of latency", "truth"),
    "c": ("Cost of each stage", "stages"),
    "d": ("Merging the reports of many workers", "merging"),
    "e": ("Finishing, checking and reporting long trials", "reporting"),
    "f": ("Memory of a generator over a long load", "soak"),
    "g": ("An hour at 10,000 attempts a second: report, comparison, opening", "hour"),
    "h": ("Two load processes against one", "scaling"),
}


def machine() -> str:
    """What it was measured on, in a line."""
    cpu = platform.machine()
    facts = Path("/proc/cpuinfo")
    if facts.is_file() and (
        found := re.search(r"model name\s*:\s*(.+)", facts.read_text(errors="replace"))
    ):
        cpu = found[1]
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores of {cpu}, "
        f"{platform.system()} {platform.release().split('-')[0]}, "
        f"Python {platform.python_version()}"
    )


def put(part: str, text: str) -> None:
    """Replace a part's section of the page."""
    title, _ = PARTS[part]
    section = f"## ({part}) {title}\n\nMeasured {machine()}.\n\n{text.strip()}\n"
    page = PAGE.read_text()
    marked = re.compile(rf"(<!-- {part} -->\n).*?(<!-- /{part} -->)", re.DOTALL)
    assert marked.search(page), f"{PAGE} has no place for part {part}"
    PAGE.write_text(marked.sub(lambda found: f"{found[1]}{section}{found[2]}", page))


def main(names: list[str]) -> int:
    """Run the parts named."""
    if unknown := set(names) - PARTS.keys():
        sys.stderr.write(f"bench: no part {', '.join(sorted(unknown))}; there are a to h\n")
        return 2
    for part in names or list(PARTS):
        title, module = PARTS[part]
        print(f"({part}) {title}", flush=True)
        text = import_module(f"benchmarks.{module}").bench()
        print(text, flush=True)
        if not text.startswith("Skipped"):
            put(part, text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
