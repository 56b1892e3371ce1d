"""
Which model: the one that explains the most decisions with the fewest parameters.

A model pays three for each decision it contradicts, a little for each that it would
have explained the other way round as well, and half the logarithm of their number for
each parameter (after the Bayesian information criterion). Models that say the same
about every decision (a limit of one is a bucket, an anchored window and a sliding log at
once) are told apart by simplicity alone. When none explains 95 % of the decisions, or the
best does no better than a coin with the refusals' share, the answer is ``unknown``.
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
from harness.experiments.rate_limit.observations import (
    DecisionLog,
    Observation,
    build_decision_log,
)

EXPLAINED_MIN = 0.95
_CLEAR = 0.985
_CONTRADICTION_COST = 3.0
_GUESS_COST = 0.02
_LEAST_CHANCES = 2.5
_BEATS_NULL = 0.4
_SHARP, _FLAWLESS, _MANY = 0.012, 0.998, 100
_VAGUE = 0.3
"""Relative width from which a rate fits anything, so explains nothing."""
COUNTING_SUFFIX = "-counting-refusals"
"""Suffix of the variants in which a refused request uses the limit up too."""


@dataclass(frozen=True, slots=True, eq=False)
class ModelSelection:
    """
    The models compared.

    Attributes:
        fits: Every model that could be fitted, the best first.
        log: The decisions under the best model's idea of what uses the limit up.
    """

    fits: tuple[Fit, ...]
    log: DecisionLog

    @property
    def best(self) -> Fit | None:
        """The best model if it explains enough, else None."""
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
    told = build_decision_log(observations, operation=operation, errors_count=True)
    if len(told.consumed_at_s) > len(log.consumed_at_s):
        other = ModelSelection(tuple(rank(list(_plain(told)))), told)
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
    The bucket that holds requests back, if it explains the decisions and the waits.

    It comes first whatever the others cost: they leave the waits unexplained.
    """
    log = build_decision_log(observations, operation=operation, held_back=True)
    fit = fit_queueing_bucket(log)
    if fit is None or fit.explained_fraction < EXPLAINED_MIN:
        return None
    return ModelSelection((fit, *others), log)


def cost(fit: Fit) -> float:
    """What the ranking minimises."""
    size = np.log(max(len(fit.contradicted), 2))
    vague = fit.rate_per_s is not None and fit.rate_per_s.relative_width > _VAGUE
    own = 0.5 * (fit.parameters + 3 * vague) * size
    # Whatever is at work when a bucket is empty looks like a limit on it; a bucket of one
    # looks like a window of one; what is said of refusals needs more than a lucky one.
    twin = fit.algorithm == "concurrency" or _is_bucket_of_one(fit)
    own += size * (twin + fit.variant.endswith(COUNTING_SUFFIX))
    told = _CONTRADICTION_COST * fit.contradictions + _GUESS_COST * fit.guesses
    return float(told + own)


def _is_bucket_of_one(fit: Fit) -> bool:
    return fit.window_s is not None and fit.burst.estimate == 1


def beats_null(fit: Fit, log: DecisionLog) -> bool:
    """
    Whether it does far better than a coin where it commits itself.

    A coin that refuses as often as was refused is wrong as often as the rarer answer
    came. Only those decisions count whose opposite the model forbids: in step with an offer
    it forbids nothing. A limit on what is at work forbids refusals more than passes, and is
    held against a coin of all decisions. A bucket that queues has foretold the waits, which
    no coin does; a fast one that allows no other rate, or whose count follows at every moment,
    has foretold how many pass, though no single decision.
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
    """Best first, the best of each variant; at equal cost the order in which they came."""
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
    """What takes a second of computing: for what nothing simpler explains."""
    fits = search_fixed_window(log), fit_sliding_counter(log)
    yield from (fit for fit in fits if fit is not None)


def _counting(log: DecisionLog) -> Iterator[Fit]:
    for fit in (
        fit_sliding_log(log, variant="sliding-window-log" + COUNTING_SUFFIX),
        fit_token_bucket(log, variant="token-bucket" + COUNTING_SUFFIX),
    ):
        if fit is not None:
            yield fit
