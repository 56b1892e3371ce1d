"""
Matplotlib's SVG as an element of the page.

Placeholder colours become CSS variables (``templates/style.css``) for light and dark pages and
print. Ids get the figure's name as a prefix. Invisible digits and repeated styles are removed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from markupsafe import escape

_DIGITS = re.compile(r"(\.\d)\d+")  # less is invisible
_ZERO = re.compile(r"\.0\b")
_POINTS = re.compile(r"([MLz])(?: ([-+.0-9eE]+) ([-+.0-9eE]+))?")
_USES = re.compile(
    r"<g((?: clip-path=\"[^\"]*\")?)>\n((?:<use [^>]* style=\"([^\"]*)\"/>\n)"
    r"(?:<use [^>]* style=\"\3\"/>\n)+)</g>"
)


def inline_svg(svg: str, name: str, alt: str, variables: Mapping[str, str]) -> str:
    """The SVG element; `variables` maps colours to CSS variables."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"\s*<!--.*?-->", "", svg, flags=re.DOTALL)
    view_box = re.search(r'viewBox="([^"]*)"', svg)
    assert view_box is not None  # Matplotlib always writes one
    head = f'<svg viewBox="{view_box[1]}" role="img" aria-label="{escape(alt)}">'
    svg = head + svg[svg.index(">") + 1 :]
    svg = re.sub(r"<style.*?</style>", "", svg, flags=re.DOTALL)  # it would apply to the page
    svg = re.sub(r'<g id="[^"]*">', "<g>", svg)
    svg = re.sub(
        r' (d|x|y|transform)="[^"]*"', lambda m: _ZERO.sub("", _DIGITS.sub(r"\1", m[0])), svg
    )
    svg = re.sub(r' d="([^"]*)"', lambda m: f' d="{shorten_path(m[1])}"', svg)
    svg = _number_ids(svg, name)
    svg = svg.replace("xlink:href=", "href=")
    svg = svg.replace("'DejaVu Sans'", "system-ui, sans-serif")
    for colour, variable in variables.items():
        svg = svg.replace(colour, f"var(--{variable})")
    svg = re.sub(r"\n\s*", "\n", svg).strip()
    return _USES.sub(_hoist_style, svg)


def shorten_path(path: str) -> str:
    r"""
    Paths of straight lines in short commands; curves stay unchanged.

    >>> shorten_path("M 1 2 \nL 3 2 \nL 3 4.5 \nL 5 6 \nL 7 8 \nz")
    'M1 2H3V4.5L5 6 7 8z'
    """
    if re.search("[^MLz0-9eE+. \\n-]", path):
        return path
    commands: list[str] = []
    command, x, y = "", "", ""
    for sign, to_x, to_y in _POINTS.findall(path):
        before = command
        if sign in ("M", "z"):
            command, text = sign, f"M{to_x} {to_y}" if to_x else "z"
        elif to_y == y:
            command, text = "H", f"H{to_x}"
        elif to_x == x:
            command, text = "V", f"V{to_y}"
        else:
            command, text = "L", f"{' ' if before == 'L' else 'L'}{to_x} {to_y}"
        x, y = to_x, to_y
        commands.append(text)
    return "".join(commands)


def _number_ids(svg: str, name: str) -> str:
    """Short ids with the figure's name as a prefix."""
    ids = dict.fromkeys(re.findall(r'\bid="([^"]*)"', svg))
    for number, old in enumerate(ids):
        new = f"{name}-{number}"
        svg = svg.replace(f'id="{old}"', f'id="{new}"')
        svg = svg.replace(f'href="#{old}"', f'href="#{new}"')
        svg = svg.replace(f"url(#{old})", f"url(#{new})")
    return svg


def _hoist_style(group: re.Match[str]) -> str:
    """Move a style that all markers share to their group."""
    uses = group[2].replace(f' style="{group[3]}"', "")
    return f'<g{group[1]} style="{group[3]}">\n{uses}</g>'
