"""What the pages say is there, is there: options, settings, defaults, links."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import msgspec
import pytest
from typer.main import get_command

from harness.cli.commands import COMMANDS, app
from harness.cli.lazy import load_command
from harness.faults.spec import KINDS
from harness.plan.file import parse_plan
from harness.standin.config import FIXED_FIELDS, Lies, StandinConfig

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
DECISIONS = ROOT / "docs/decisions"
GUIDES = [
    ROOT / "README.md",
    *(page for page in PAGES if ROOT / "docs" in page.parents and page.parent != DECISIONS),
]
"""Pages for users; the changelog and the decisions also name options of other programs."""
OTHERS = {"--no-sandbox"}
"""An option of Chromium that a page names."""


def options(command, name=""):
    """Command → its long options, of all commands below this one."""
    below = getattr(command, "commands", {})
    if not below:
        told = [text for p in command.params for text in (*p.opts, *p.secondary_opts)]
        return {name: {text for text in told if text.startswith("--")} - {"--help"}}
    return {
        key: value
        for sub, inner in below.items()
        for key, value in options(inner, f"{name} {sub}".strip()).items()
    }


@pytest.fixture(scope="module")
def known():
    """The options of every command."""
    return {
        key: value
        for name, entry in COMMANDS.items()
        for key, value in options(load_command(name, entry), name).items()
    } | {"harness": {text for param in get_command(app).params for text in param.opts}}


def mentioned(text):
    """The long options in a text."""
    return set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", text)) - {"--help"}


def test_every_option_is_documented_and_every_documented_option_exists(known):
    """Both ways, over README and docs/."""
    exist = set().union(*known.values())
    told = set().union(*(mentioned(page.read_text()) for page in GUIDES)) - OTHERS
    assert (set(), set()) == (exist - told, told - exist)


def shown():
    """Every `harness …` command line in a fenced block: page, text without comment."""
    for page in PAGES:
        for block in re.findall(r"```\w*\n(.*?)```", page.read_text(), re.DOTALL):
            for line in block.replace("\\\n", " ").splitlines():
                if match := re.search(r"(?:^|\$ +|run: )harness ([a-z].*)", line):
                    yield page.name, re.split(r" {2,}#| #", match[1])[0]


def test_every_shown_command_takes_the_options_it_is_shown_with(known):
    """An option of another command is a usage error, and so is a page that shows it."""
    seen = 0
    for page, line in shown():
        words = line.split()
        names = [" ".join(words[:2]), words[0], f"{words[0]} {words[1].partition('|')[0]}"]
        name = next((name for name in names if name in known), None)
        if name is None and any(key.startswith(f"{words[0]} ") for key in known):
            continue  # a group, spoken of as a whole
        assert name, (page, line)
        assert mentioned(line) <= known[name], (page, line)
        seen += 1
    assert seen > 30


def anchors(page):
    """The anchors that GitHub makes of a page's headings."""
    heads = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def test_links_lead_somewhere():
    """Files and headings; what lies elsewhere is not looked at."""
    seen = 0
    for page in PAGES:
        for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
            if re.match(r"[a-z]+:", link):
                continue
            path, _, anchor = link.partition("#")
            target = page.parent / path if path else page
            assert target.exists(), (page.name, link)
            assert not anchor or anchor in anchors(target), (page.name, link)
            seen += 1
    assert seen > 30


def rows(page, head):
    """The rows of a page's table under a head: cells without their backticks."""
    text = (ROOT / "docs" / page).read_text()
    (table,) = re.findall(rf"^\| {head} \|.*\n\|[-| :]+\|\n((?:\|.*\n)+)", text, re.MULTILINE)
    return [
        [cell.strip().strip("`") for cell in line.strip("|").split(" | ")]
        for line in table.splitlines()
    ]


def test_every_setting_of_the_standin_is_told_with_its_default():
    """Name, default, and whether it can be changed while it runs; every lie as well."""
    settings = json.loads(msgspec.json.encode(StandinConfig()))
    told = {
        name: (default, meaning)
        for name, default, meaning in rows("reference/standin.md", "setting")
    }
    assert list(settings) == list(told)
    for name, (default, meaning) in told.items():
        if name != "lies":
            assert json.loads(default) == settings[name], name
        assert (name in FIXED_FIELDS) == meaning.endswith("(fixed)"), name
    lies = {row[0] for row in rows("reference/standin.md", "lie")}
    assert set(Lies.__struct_fields__) == lies


def test_every_kind_of_fault_is_in_its_table():
    """The page of faults is the reference of `--fault`."""
    assert list(KINDS) == [row[0] for row in rows("reference/faults.md", "kind")]


def test_every_option_of_serve_is_in_its_table(known):
    """The page of the stand-in is the reference of `harness serve`."""
    told = set().union(
        *(mentioned(row[0]) for row in rows("reference/standin.md", "option of `harness serve`"))
    )
    assert known["serve"] == told


SETTINGS = """
import importlib, json, sys
from pathlib import Path
told = {}
for path in sorted(Path(sys.argv[1]).glob("[!_]*.py")):
    module = importlib.import_module(f"scenarios.{path.stem}")
    for value in vars(module).values():
        settings = getattr(value, "Settings", None)
        if settings is not None and value.__module__ == module.__name__:
            told[path.stem] = settings().model_dump(mode="json")
print(json.dumps(told))
"""


def test_the_page_of_the_plan_is_the_plan_with_its_defaults():
    """Every key of every table, each scenario's own settings too, and none besides."""
    (block,) = re.findall(
        r"```toml\n(.*?)```", (ROOT / "docs/reference/plan.md").read_text(), re.DOTALL
    )
    told = tomllib.loads(block)
    # In a process of its own: scenarios import Locust, which patches sockets.
    done = subprocess.run(
        [sys.executable, "-c", SETTINGS, str(ROOT / "scenarios")],
        capture_output=True, check=True, cwd=ROOT,
    )  # fmt: skip
    assert json.loads(done.stdout) == told.pop("scenario")
    plan = parse_plan(block, "plan.md").model_dump(mode="json")
    default = parse_plan("", "none").model_dump(mode="json")
    assert default | {"scenario": plan["scenario"]} == plan
    assert default.keys() - {"faults", "scenario"} == told.keys()
    for name, table in told.items():
        if isinstance(table, dict):
            assert default[name].keys() == table.keys(), name


def test_pages_speak_of_no_place_of_their_writers():
    """No absolute path of a machine, no registry's host."""
    for page in PAGES:
        found = re.findall(
            r"/(?:tmp|work|root|home)/\S*|\bpypi\S*|https?://\S*registry\S*", page.read_text()
        )
        assert [] == found, page.name
