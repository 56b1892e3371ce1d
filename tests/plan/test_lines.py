"""The line of a key: also where comments and strings name it, and in every form of TOML."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.plan.lines import PlanLines

TEXT = '''\
# users = 1, and [load] comes later
description = """
[load]
users = "not here"
"""
name = 'users = 2'

[ load ] # users
"users" = 5
'wait' = [
  0.1, # wait, 7
  # nothing

  "x",
]
phases = [
  {name = "a", rate = 1}, {name = "b, [c]", rate = [
   2, 3]},
  {name = "c", rate = [
    1,
    2]},
]
retry.base.unit = 1
retry.base . "cap" = 2
[[faults]]
kind = "latency"
[[faults]]
  probability = 3

  [[faults.deep]]
  one = 1
  [faults.deep.er]
  two = 2
[[faults]]
[scenario."a.b"]
x = {y = {z = 1}, w = """
{"""}
[scenario.c]
'''
CASES = [
    (("description",), 2),
    (("name",), 6),
    (("load",), 8),
    (("load", "users"), 9),
    (("load", "wait"), 10),
    (("load", "wait", 0), 11),
    (("load", "wait", 1), 14),
    (("load", "phases"), 16),
    (("load", "phases", 0, "rate"), 17),
    (("load", "phases", 1), 17),
    (("load", "phases", 1, "name"), 17),
    (("load", "phases", 1, "rate"), 17),
    (("load", "phases", 1, "rate", 1), 18),
    (("load", "phases", 2, "rate"), 19),
    (("load", "phases", 2, "rate", 0), 20),
    (("load", "phases", 2, "rate", 1), 21),
    (("load", "retry"), 23),
    (("load", "retry", "base", "unit"), 23),
    (("load", "retry", "base", "cap"), 24),
    (("faults",), 25),
    (("faults", 0), 25),
    (("faults", 0, "kind"), 26),
    (("faults", 1, "probability"), 28),
    (("faults", 1, "deep", 0), 30),
    (("faults", 1, "deep", 0, "one"), 31),
    (("faults", 1, "deep", 0, "er", "two"), 33),
    (("faults", 2), 34),
    (("scenario",), 35),
    (("scenario", "a.b", "x", "y", "z"), 36),
    (("scenario", "a.b", "x", "w"), 36),
    (("scenario", "c"), 38),
]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize(("location", "line"), CASES, ids=str)
def test_a_value_has_the_line_on_which_it_begins(location, line, newline):
    assert line == PlanLines(TEXT.replace("\n", newline)).find(location)


@pytest.mark.parametrize(
    ("location", "line"),
    [
        (("load", "absent"), 8),  # the table in which it is absent
        (("load", "wait", 9), 10),
        (("faults", 1, "latency", "probability"), 28),  # the branch of a union
        (("faults", 2, "latency", "probability"), 34),
        (("faults", 0, "absent", "probability"), 25),
        (("absent",), 0),
        (("absent", "name"), 0),
        ((), 0),
    ],
)
def test_what_is_absent_has_the_line_of_its_table(location, line):
    assert line == PlanLines(TEXT).find(location)


def test_a_text_that_is_no_toml_has_no_lines():
    assert 0 == PlanLines("a = 1\nb = [\n").find(("a",))
    assert 0 == PlanLines("").find(("a",))


def test_a_long_array_is_searched_quickly():
    """A thousand phases in one array: a few attempts, not one for each line."""
    phases = "".join(f'  {{name = "p{n}", rate = {n}}},\n' for n in range(1000))
    lines = PlanLines(f"[load]\nphases = [\n{phases}]\n")

    assert [3, 503, 1002] == [lines.find(("load", "phases", n, "rate")) for n in (0, 500, 999)]


NAMES = st.sampled_from(["a", "users", "load", "x y", "a.b", 'q"', "k#", "[t]", "é"])
SCALARS = st.sampled_from(
    ["1", "true", "1979-05-27 07:32:00", "0.5", '"users = 1"', "'[load]'", '"""\nusers = 1\n[load]\n"""',
     "'''\n# \"\"\" ]\n'''", '"""a\\\n   b"""'],
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)


class Writer:
    """Writes TOML, and notes the line on which each value begins."""

    def __init__(self, draw):
        self.draw, self.text, self.lines = draw, "", {}

    def put(self, text):
        self.text += text

    def gap(self, *, lines):
        """Blanks, and where lines may end, comments and empty lines."""
        gaps = ["", " "] + (["\n", " # users = 1, [\n", "\n\n  # ]\n\t"] if lines else [])
        self.put(self.draw(st.sampled_from(gaps)))

    def key(self, name):
        basic = '"' + name.replace('"', '\\"') + '"'
        bare = [name] if name.isascii() and name.isalnum() else []
        literal = [f"'{name}'"]
        return self.draw(st.sampled_from([basic, *bare, *literal]))

    def note(self, path):
        self.lines.setdefault(path, 1 + self.text.count("\n"))

    def value(self, path, value, *, inline):
        if isinstance(value, str):
            self.put(value if not inline or "\n" not in value else "0")
            return
        self.put("[" if isinstance(value, list) else "{")
        is_list = isinstance(value, list)
        for place, (key, inner) in enumerate(enumerate(value) if is_list else value.items()):
            self.put("," if place else "")
            self.gap(lines=is_list and not inline)
            self.note((*path, key))
            self.put("" if is_list else f"{self.key(key)} = ")
            # A table in braces stands on one line, but for what is in its brackets.
            self.value((*path, key), inner, inline=inline or not is_list)
        self.gap(lines=is_list and not inline)
        self.put("]" if is_list else "}")


@st.composite
def documents(draw):
    """A text, and the line of each of its values."""
    writer = Writer(draw)
    headers = [(), *((name,) for name in draw(st.lists(NAMES, max_size=3, unique=True)))]
    for header in headers:
        writer.gap(lines=True)
        many = bool(header) and draw(st.booleans())
        for index in range(draw(st.integers(1, 3)) if many else 1):
            path = (*header, index) if many else header
            if header:
                writer.put("\n")
                writer.note(header)
                writer.note(path)
                name = writer.key(header[0])
                writer.put(f"[[{name}]]\n" if many else f"[{name}]\n")
            taken = {h[0] for h in headers if h} if not header else set()
            for name, value in draw(st.dictionaries(NAMES, VALUES, max_size=3)).items():
                if name in taken:
                    continue
                writer.gap(lines=True)
                writer.note((*path, name))
                writer.put(f"{writer.key(name)} = ")
                writer.value((*path, name), value, inline=False)
                writer.put(draw(st.sampled_from(["\n", " # a, b = [\n"])))
    return writer.text, writer.lines


@given(documents())
def test_every_value_of_any_document_is_found(document):
    """Against a writer that counted the lines while it wrote."""
    text, lines = document
    tomllib.loads(text)
    plan = PlanLines(text)

    assert lines == {location: plan.find(location) for location in lines}
