"""
A bucket or a limit on what is at work: the probes that tell the two apart.

While a bucket is empty somebody is at work, and while all places are taken a bucket may be
empty: bursts at once look alike. Two offers do not::

    L ····· L ····· L ·····     as many as there are places, as soon as the last are
    └─ just answered ─┘         answered: they all pass, a slower bucket refuses some

    L ···· L ·········· L ···   as many again while the first are surely at work: they are
    └ half ┘                    refused, from a bucket that refills so fast some pass

The first also shows whether there are such places at all: a coin refuses there as elsewhere.
Where neither of the two says anything, nothing from outside does.
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
    """
    A limit on what is at work, and a bucket that explains about as much.

    Attributes:
        concurrency: The one.
        bucket: The other; None when it is clearly worse.
        answered_s: How long answers take: a tenth, three quarters, nearly all of them.
    """

    concurrency: Fit
    bucket: Fit | None
    answered_s: tuple[float, float, float]


def find_tied_models(selection: ModelSelection, *, tied: float) -> TiedModels | None:
    """The two, as far as they come within ``tied`` of the best; None without the first."""
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
    """The offers of which the two foretell different answers, of ``most`` requests each."""
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
            operation,
            concurrency,
            _groups(drained + _SURE_REFUSALS / concurrency, usual_s),
            most,
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
    return make_experiment(
        "rivals", "whether what is at work counts, or what was let through", requests
    )
