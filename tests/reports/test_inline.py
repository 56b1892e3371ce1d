"""What becomes of Matplotlib's SVG on the page: less of it, and the same to see."""

from __future__ import annotations

import pytest

from reports.figures.svg import inline_svg, shorten_path

SVG = (
    '<?xml version="1.0"?><svg viewBox="0 0 9 9" width="9"><style>*{}</style>\n'
    '<defs><path id="m12ab" d="M 0 0 \nC 1 0 2 0 3 0 \nL 4 0 \n"/></defs>\n'
    '<g clip-path="url(#p99)">\n'
    '<use xlink:href="#m12ab" x="1.0" y="2.345" style="fill: #010101"/>\n'
    '<use xlink:href="#m12ab" x="2" y="3" style="fill: #010101"/>\n</g>\n'
    '<clipPath id="p99"/></svg>'
)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("M 1 2 \nL 3 2 \nL 3 4.5 \nL 5 6 \nL 7 8 \nz\n", "M1 2H3V4.5L5 6 7 8z"),
        ("M 1 2 \nL 3 4 \nM 5 6 \nL 7 8 \n", "M1 2L3 4M5 6L7 8"),
        ("M 1 2 \nL -3 1e-05 \n", "M1 2L-3 1e-05"),
        ("M 0 0 \nC 1 0 2 0 3 0 \nL 4 0 \n", "M 0 0 \nC 1 0 2 0 3 0 \nL 4 0 \n"),
    ],
)
def test_a_path_goes_the_same_way_in_fewer_letters(path, expected):
    """Level and upright lines by one number, commands once; curves as they were."""
    assert expected == shorten_path(path)


def test_an_element_of_a_page_bears_its_own_names_and_colours():
    """Ids of the figure's, colours of the page's, one style for markers of one kind."""
    made = inline_svg(SVG, "heat", "a & b", {"#010101": "ink"})

    assert made.startswith('<svg viewBox="0 0 9 9" role="img" aria-label="a &amp; b">')
    assert '<g clip-path="url(#heat-1)" style="fill: var(--ink)">' in made
    assert '<use href="#heat-0" x="1" y="2.3"/>' in made
    assert 1 == made.count("style=")
    assert 'id="heat-0"' in made
    assert 'id="heat-1"' in made
    assert "<style" not in made
