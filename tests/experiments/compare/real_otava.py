"""The real otava, where `make otava` has put it."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
OTAVA = ROOT / ".venv-otava" / "bin" / "otava"
MISSING = "apache-otava is not installed: make otava installs it"

needs_otava = pytest.mark.skipif(not OTAVA.exists(), reason=MISSING)


def pinned() -> str:
    """Its version, as constraints-otava.txt has it."""
    lines = (ROOT / "constraints-otava.txt").read_text().splitlines()
    (version,) = (line.partition("==")[2] for line in lines if line.startswith("apache-otava=="))
    return version
