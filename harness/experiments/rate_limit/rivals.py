"""
A bucket or a limit on what is at work: the probes that tell the two apart.

While a bucket is empty somebody is at work, and while all places are taken a bucket may be
empty: bursts at once look alike. Two offers do not::

    L ····· L ····· L ·····     as many as there are places, as soon as the last are
    └─ just answered ─┘         answered: they all pass, a slower bucket refuses some

    L ···· L ·········· L ···   as many again while the first are surely at work: they are
    └ half ┘                    refused, from a bucket that refills so fast some pass

Where neither of the two says anything, nothing from outside does.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from harness.experiments.rate_limit.choice import Choice, cost
from harness.experiments.rate_limit.models.fit import Fit
from harness.experiments.rate_limit.probes import Probe, design, volley

_SURE_REFUSALS = 12
_TIMES = 8
_BEYOND, _WITHIN = 1.15, 0.6
_CLEAR = 0.85
_REST_S = 0.3


class Rivals(NamedTuple):
    """A limit on what is at work and a bucket, neither of which explains clearly more."""

    places: Fit
    bucket: Fit
    answered_s: tuple[float, float, float]


def find_rivals(choice: Choice, *, tied: float) -> Rivals | None:
    """The two, if both come within ``tied`` of the best; else None."""
    near = [fit for fit in choice.fits if cost(fit) - cost(choice.fits[0]) < tied]
    places = next((fit for fit in near if fit.algorithm == "concurrency"), None)
    bucket = next((fit for fit in near if fit.algorithm == "token-bucket"), None)
    if places is None or bucket is None or bucket.rate_per_s is None:
        return None
    log = choice.log
    took_s = (log.received_s - log.sent_s)[log.accepted]
    return Rivals(places, bucket, tuple(np.quantile(took_s, [0.1, 0.75, 0.98]).tolist()))


def tell_apart(rivals: Rivals, operation: str, *, most: int) -> Iterator[Probe]:
    """The offers of which the two foretell different answers, of ``most`` requests each."""
    places = max(1, round(rivals.places.burst.estimate))
    assert rivals.bucket.rate_per_s is not None  # a bucket has one
    rate = rivals.bucket.rate_per_s.estimate
    short_s, usual_s, long_s = rivals.answered_s
    each_s = _BEYOND * usual_s
    refilled = rate * each_s
    if refilled < _CLEAR * places:
        drained = rivals.bucket.burst.estimate / (places - refilled)
        groups = math.ceil(drained + _SURE_REFUSALS / places)
        yield _offer(operation, places, [k * each_s for k in range(groups)], most)
    meanwhile_s = _WITHIN * short_s
    if rate * meanwhile_s > 1 / _CLEAR:
        each_s = meanwhile_s + _BEYOND * long_s
        times = [k * each_s + part for k in range(_TIMES) for part in (0.0, meanwhile_s)]
        yield _offer(operation, places, times, most)


def _offer(operation: str, size: int, times_s: Sequence[float], most: int) -> Probe:
    shots = [
        shot
        for at_s in times_s[: max(2, most // size)]
        for shot in volley(operation, size, at_s=_REST_S + at_s, purpose="offer")
    ]
    return design("rivals", "whether what is at work counts, or what was let through", shots)
