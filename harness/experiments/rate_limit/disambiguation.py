"""
Experiments that distinguish a token bucket from a concurrency limit.

Concurrent bursts look alike under both. Two offers do not::

    L ····· L ····· L ·····     the limit again as soon as the last requests are answered:
    └─ just answered ─┘         all pass, but a slower bucket refuses some

    L ···· L ·········· L ···   the limit again while the first requests are in flight:
    └ half ┘                    all are refused, but a faster bucket lets some pass

The first also shows whether there is a concurrency limit: random refusals occur there as
elsewhere. If neither offer distinguishes the two, no experiment from outside does.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from harness.experiments.rate_limit.designs import Experiment, make_experiment, spaced_requests
from harness.experiments.rate_limit.model_selection import ModelSelection, cost
from harness.experiments.rate_limit.models.fit import Fit

_SURE_REFUSALS = 12
_TIMES = 8
_CONFIRMING = 40
_BEYOND, _WITHIN = 1.15, 0.6
_CLEAR = 0.85
_REST_S = 0.3


class TiedModels(NamedTuple):
    """A concurrency limit and a bucket that explain the decisions about equally."""

    concurrency: Fit
    bucket: Fit | None  # None if it is clearly worse
    answered_s: tuple[float, float, float]  # Response times: percentiles 10, 75 and 98


def find_tied_models(selection: ModelSelection, *, tied: float) -> TiedModels | None:
    """The models within ``tied`` of the best; None without a concurrency limit."""
    near = [fit for fit in selection.fits if cost(fit) - cost(selection.fits[0]) < tied]
    concurrency = next((fit for fit in near if fit.algorithm == "concurrency"), None)
    bucket = next((fit for fit in near if fit.algorithm == "token-bucket"), None)
    if concurrency is None:
        return None
    log = selection.log
    took_s = (log.received_s - log.sent_s)[log.accepted]
    return TiedModels(concurrency, bucket, tuple(np.quantile(took_s, [0.1, 0.75, 0.98]).tolist()))


def discriminating_experiments(
    tied_models: TiedModels, operation: str, *, most: int
) -> Iterator[Experiment]:
    """Offers for which the models predict different results, of ``most`` requests each."""
    concurrency = max(1, round(tied_models.concurrency.burst.estimate))
    short_s, usual_s, long_s = tied_models.answered_s
    if tied_models.bucket is None or tied_models.bucket.rate_per_s is None:
        yield _offer(operation, concurrency, _groups(_CONFIRMING / concurrency, long_s), most)
        return
    rate = tied_models.bucket.rate_per_s.estimate
    refilled = rate * _BEYOND * usual_s
    if refilled < _CLEAR * concurrency:
        drained = tied_models.bucket.burst.estimate / (concurrency - refilled)
        yield _offer(
            operation, concurrency, _groups(drained + _SURE_REFUSALS / concurrency, usual_s), most
        )
    else:
        yield _offer(operation, concurrency, _groups(_CONFIRMING / concurrency, long_s), most)
    meanwhile_s = _WITHIN * short_s
    if rate * meanwhile_s > 1 / _CLEAR:
        each_s = meanwhile_s + _BEYOND * long_s
        times = [k * each_s + part for k in range(_TIMES) for part in (0.0, meanwhile_s)]
        yield _offer(operation, concurrency, times, most)


def _groups(count: float, answered_s: float) -> list[float]:
    return [k * _BEYOND * answered_s for k in range(max(2, math.ceil(count)))]


def _offer(operation: str, size: int, times_s: Sequence[float], most: int) -> Experiment:
    requests = [
        request
        for at_s in times_s[: max(2, most // size)]
        for request in spaced_requests(operation, size, at_s=_REST_S + at_s, purpose="offer")
    ]
    return make_experiment("tied models", "whether requests in flight or passed count", requests)
