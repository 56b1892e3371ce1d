"""
User journeys: what somebody does in a browser, as actions; pure functions of (seed, number).

A journey goes to a site, looks at it, acts a few times and takes data home. Everything
it asks for is on any page of a browser, or says so by ``description``, as the SDK does.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any, NamedTuple

from harness.workload.fake_names import ELEMENTS, ORIGINS, scatter

_WORDS = ("shoes", "flights to Lisbon", "invoice 4711", "red bicycle", "opening hours")


class Step(NamedTuple):
    """One action: its method and arguments."""

    method: str
    args: Mapping[str, Any]


def make_journey(seed: int, number: int) -> tuple[Step, ...]:
    """
    The journey of an arrival: 8 to 15 steps, the first a ``goto``.

    Args:
        seed: Seed of the workload.
        number: The arrival's number.
    """
    chance = Random(scatter(seed, number))
    origin = chance.choice(ORIGINS)
    steps = [Step("goto", {"url": f"{origin}/"}), Step("snapshot", {})]
    for _ in range(chance.randint(2, 5)):
        steps += _interact(chance)
    if chance.random() < 0.5:
        steps += _second_tab(chance, origin)
    steps += [
        Step("extract", {"description": "the list of results", "schema": {"items": []}}),
        Step("screenshot", {}),
        Step("getCookies", {}),
    ]
    return tuple(steps)


def _interact(chance: Random) -> list[Step]:
    tag, called = chance.choice(ELEMENTS)
    target = {"description": f"the {called} {tag}"}
    match chance.randrange(5):
        case 0 | 1:
            return [Step("click", target)]
        case 2:
            text = {"description": "the search input", "text": chance.choice(_WORDS)}
            return [Step("input", text)]
        case 3:
            return [Step("scroll", target)]
        case _:
            return [Step("hover", target)]


def _second_tab(chance: Random, origin: str) -> list[Step]:
    url = f"{origin}/{chance.choice(('terms', 'help', 'contact'))}"
    return [Step("newTab", {"url": url}), Step("getTitle", {}), Step("closeTab", {})]
