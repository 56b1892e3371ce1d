"""
Model selection: the model that explains the most decisions with the fewest parameters.

A model costs three per contradicted decision, a little per decision whose opposite it
explains too, and half the logarithm of the number of decisions per parameter (after the
Bayesian information criterion). Simplicity decides between models that agree on every
decision (a limit of one is a bucket, an anchored window and a sliding log). The result is
``unknown`` if no model explains 95 % of the decisions, or if the best one is no better than
random refusals at the observed rate.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from harness.experiments.rate_limit.models.clock_windows import (
    fit_sliding_counter,
    search_fixed_window,
)
from harness.experiments.rate_limit.models.concurrency import fit_concurrency
from harness.experiments.rate_limit.models.cumulative_counts import predicts_counts
from harness.experiments.rate_limit.models.fit import Fit
from harness.experiments.rate_limit.models.fixed_window import (
    fit_aligned_window,
    fit_anchored_window,
)
from harness.experiments.rate_limit.models.queueing import VARIANT as QUEUEING
from harness.experiments.rate_limit.models.queueing import fit_queueing_bucket, may_queue
from harness.experiments.rate_limit.models.sliding_window import fit_sliding_log
from harness.experiments.rate_limit.models.token_bucket import fit_token_bucket
from harness.experiments.rate_limit.observations import DecisionLog, Observation, build_decision_log

EXPLAINED_MIN = 0.95
_CLEAR = 0.985
_CONTRADICTION_COST = 3.0
_GUESS_COST = 0.02
_LEAST_CHANCES = 2.5
_BEATS_NULL = 0.4
_SHARP, _FLAWLESS, _MANY = 0.012, 0.998, 100
_VAGUE = 0.3
"""Relative width from which a rate explains nothing."""
COUNTING_SUFFIX = "-counting-refusals"
"""Suffix of variants in which refused requests count against the limit."""


@dataclass(frozen=True, slots=True, eq=False)
class ModelSelection:
    """The models compared."""

    fits: tuple[Fit, ...]  # Every fitted model, the best first
    log: DecisionLog  # The decisions with the requests that count by the best model

    @property
    def best(self) -> Fit | None:
        """The best model; None if it does not explain enough."""
        if not self.fits:
            return None
        fit = self.fits[0]
        believed = fit.explained_fraction >= EXPLAINED_MIN
        return fit if believed and beats_null(fit, self.log) else None


def select_model(
    observations: Sequence[Observation], *, operation: str | None = None
) -> ModelSelection:
    """Fit every model to one key's observations and rank them."""
    log = build_decision_log(observations, operation=operation)
    ranked = rank(list(_plain(log)))
    queueing = _queueing(observations, operation, ranked) if may_queue(log) else None
    if queueing is not None:
        return queueing
    chosen = ModelSelection(tuple(ranked), log)
    if not log.refusals or _is_clear(ranked):
        return chosen
    other_log = build_decision_log(observations, operation=operation, errors_count=True)
    if len(other_log.consumed_at_s) > len(log.consumed_at_s):
        other = ModelSelection(tuple(rank(list(_plain(other_log)))), other_log)
        chosen = min(chosen, other, key=lambda c: cost(c.fits[0]) if c.fits else np.inf)
    if _is_clear(chosen.fits):
        return chosen
    counting = build_decision_log(observations, operation=operation, refused_count=True)
    ranked = rank([*chosen.fits, *_counting(counting)])
    if not (_counts(ranked) and ranked[0].explained_fraction >= _FLAWLESS):
        ranked = rank([*ranked, *_searched(chosen.log)])
    return ModelSelection(tuple(ranked), counting if _counts(ranked) else chosen.log)


def _queueing(
    observations: Sequence[Observation], operation: str | None, others: Sequence[Fit]
) -> ModelSelection | None:
    """
    The queueing bucket, if it explains decisions and waits: first at any cost, as only it does.
    """
    log = build_decision_log(observations, operation=operation, held_back=True)
    fit = fit_queueing_bucket(log)
    if fit is None or fit.explained_fraction < EXPLAINED_MIN:
        return None
    return ModelSelection((fit, *others), log)


def cost(fit: Fit) -> float:
    """The cost that the ranking minimises."""
    size = np.log(max(len(fit.contradicted), 2))
    vague = fit.rate_per_s is not None and fit.rate_per_s.relative_width > _VAGUE
    own = 0.5 * (fit.parameters + 3 * vague) * size
    # Requests in flight while a bucket is empty look like a concurrency limit, a bucket of
    # one looks like a window of one, and counted refusals need more evidence.
    twin = fit.algorithm == "concurrency" or _is_bucket_of_one(fit)
    own += size * (twin + fit.variant.endswith(COUNTING_SUFFIX))
    misfit_cost = _CONTRADICTION_COST * fit.contradictions + _GUESS_COST * fit.guesses
    return float(misfit_cost + own)


def _is_bucket_of_one(fit: Fit) -> bool:
    return fit.window_s is not None and fit.burst.estimate == 1


def beats_null(fit: Fit, log: DecisionLog) -> bool:
    """
    Whether it predicts far better than random refusals at the observed rate.

    Random refusals are wrong as often as the rarer decision occurs. Only decisions whose
    opposite the model forbids count; for a concurrency limit, which forbids refusals more
    than passes, the observed rate is that of all decisions. A queueing bucket predicts the
    waits. A fast bucket with a sharp rate, or with correct cumulative counts, predicts how
    many requests pass, if not each decision.
    """
    if fit.variant == QUEUEING:
        return True
    if fit.explained_fraction >= _FLAWLESS and (_is_sharp(fit, log) or predicts_counts(fit, log)):
        return True
    committed = ~fit.undecided | fit.contradicted
    coin = np.ones(len(log), np.bool_) if fit.algorithm == "concurrency" else committed
    refused = float(np.mean(~log.accepted[coin])) if coin.any() else 0.0
    chance = min(refused, 1 - refused) * int(committed.sum())
    return chance >= _LEAST_CHANCES and fit.contradictions < _BEATS_NULL * chance


def _is_sharp(fit: Fit, log: DecisionLog) -> bool:
    rate = fit.rate_per_s if fit.variant == "token-bucket" else None
    return rate is not None and rate.relative_width < _SHARP and log.refusals > _MANY


def rank(fits: Sequence[Fit]) -> list[Fit]:
    """The best fit of each variant, best first; stable for equal costs."""
    best: dict[str, Fit] = {}
    for fit in sorted(fits, key=cost):
        best.setdefault(fit.variant, fit)
    return list(best.values())


def _is_clear(ranked: Sequence[Fit]) -> bool:
    return bool(ranked) and ranked[0].explained_fraction >= _CLEAR


def _counts(ranked: Sequence[Fit]) -> bool:
    return bool(ranked) and ranked[0].variant.endswith(COUNTING_SUFFIX)


def _plain(log: DecisionLog) -> Iterator[Fit]:
    fits = (
        fit_token_bucket(log),
        fit_sliding_log(log),
        fit_anchored_window(log),
        fit_aligned_window(log),
        fit_concurrency(log),
    )
    yield from (fit for fit in fits if fit is not None)


def _searched(log: DecisionLog) -> Iterator[Fit]:
    """Fits that take a second to compute, if no simpler one explains the log."""
    fits = search_fixed_window(log), fit_sliding_counter(log)
    yield from (fit for fit in fits if fit is not None)


def _counting(log: DecisionLog) -> Iterator[Fit]:
    for fit in (
        fit_sliding_log(log, variant="sliding-window-log" + COUNTING_SUFFIX),
        fit_token_bucket(log, variant="token-bucket" + COUNTING_SUFFIX),
    ):
        if fit is not None:
            yield fit
