"""
User journeys: the actions of a person in a browser; pure functions of (seed, number).

A journey goes to a site, looks at it, acts a few times and extracts data. Each target exists
on every page of a browser, or is given by ``description``, as the SDK does.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any, NamedTuple

from harness.workload.fake_names import ELEMENTS, ORIGINS, mix64

_WORDS = ("shoes", "flights to Lisbon", "invoice 4711", "red bicycle", "opening hours")


class JourneyStep(NamedTuple):
    """One action: its method and arguments."""

    method: str
    args: Mapping[str, Any]


def make_journey(seed: int, number: int) -> tuple[JourneyStep, ...]:
    """The journey of an arrival: 8 to 15 steps, the first a ``goto``."""
    rng = Random(mix64(seed, number))
    origin = rng.choice(ORIGINS)
    steps = [JourneyStep("goto", {"url": f"{origin}/"}), JourneyStep("snapshot", {})]
    for _ in range(rng.randint(2, 5)):
        steps += _interact(rng)
    if rng.random() < 0.5:
        steps += _second_tab(rng, origin)
    steps += [
        JourneyStep("extract", {"description": "the list of results", "schema": {"items": []}}),
        JourneyStep("screenshot", {}),
        JourneyStep("getCookies", {}),
    ]
    return tuple(steps)


def _interact(rng: Random) -> list[JourneyStep]:
    tag, label = rng.choice(ELEMENTS)
    target = {"description": f"the {label} {tag}"}
    match rng.randrange(5):
        case 0 | 1:
            return [JourneyStep("click", target)]
        case 2:
            text = {"description": "the search input", "text": rng.choice(_WORDS)}
            return [JourneyStep("input", text)]
        case 3:
            return [JourneyStep("scroll", target)]
        case _:
            return [JourneyStep("hover", target)]


def _second_tab(rng: Random, origin: str) -> list[JourneyStep]:
    url = f"{origin}/{rng.choice(('terms', 'help', 'contact'))}"
    return [
        JourneyStep("newTab", {"url": url}),
        JourneyStep("getTitle", {}),
        JourneyStep("closeTab", {}),
    ]
