"""Source, tests and documentation use no word that the vocabulary has replaced."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("harness", "reports", "scenarios", "benchmarks", "tests", "docs")
BANNED = (
    "amid", "armory", "blot", "echoes", "foretells", "holdings", "oldtimer", "selfcheck", "sieve",
)  # fmt: skip
"""Whole words, in any case; in a snake_case or CamelCase name each part is a word."""
ALLOWED: dict[str, tuple[str, ...]] = {"echoes": ("SECURITY.md",)}
"""Files where a banned word is legitimate, as word → paths from the root of the repository."""


def words(text: str) -> set[str]:
    """Each word of a text in lower case, names split into their parts."""
    split = re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", text)
    return set(re.findall(r"[a-z]+", split.lower()))


def pages() -> list[Path]:
    """Every file that people read, but for this one."""
    found = [*ROOT.glob("*.md"), ROOT / "Makefile"]
    for folder in FOLDERS:
        found += [p for p in (ROOT / folder).rglob("*") if p.suffix in {".py", ".md", ".toml"}]
    return [page for page in found if page != Path(__file__)]


def test_names_are_split_into_words():
    """As `open_holdings`, `OpenHoldings` and in a sentence."""
    for text in ("open_holdings", "OpenHoldings", "All holdings."):
        assert "holdings" in words(text)
    assert "holdings" not in words("withholdings")


@pytest.fixture(scope="module")
def words_of_pages() -> dict[str, set[str]]:
    """The words of each file, by its path from the root of the repository."""
    return {p.relative_to(ROOT).as_posix(): words(p.read_text()) for p in pages()}


@pytest.mark.parametrize("word", BANNED)
def test_a_replaced_word_does_not_occur(words_of_pages, word):
    """Use its successor, or add the file to `ALLOWED` where the word is legitimate."""
    found = {path for path, known in words_of_pages.items() if word in known}

    assert set(ALLOWED.get(word, ())) == found
