"""
Whether Retry-After is present and correct.

*Honest* is measured: a request sent at the end of a Retry-After passes or does not
(`harness.experiments.rate_limit.retry_after_tests`). *Overshoot* is the announced minus the
needed wait. The model gives the needed wait of every refusal; without a suitable model the
brackets of the tests give it. The tests take precedence over the model.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from harness.experiments.rate_limit.model_selection import COUNTING_SUFFIX
from harness.experiments.rate_limit.models.fit import Fit
from harness.experiments.rate_limit.models.fixed_window import window_begins
from harness.experiments.rate_limit.models.token_bucket import token_levels
from harness.experiments.rate_limit.observations import DecisionLog, Floats, Observation
from harness.experiments.rate_limit.retry_after_tests import (
    ROUNDING_S,
    TOLERANCE_S,
    RetryAfterTest,
    read_tests,
)
from harness.units import NS_PER_S

Kind = Literal[
    "none",
    "true",
    "missing",
    "malformed",
    "http-date",
    "rounded up to whole seconds",
    "too early",
    "too late",
    "untested",
]
_LEAST_HONEST = 0.6
_LEAST_ROUNDED_S, _LEAST_LATE_S = 0.02, 0.25


@dataclass(frozen=True, slots=True)
class RetryAfter:
    """
    The result for Retry-After; None where unknown.

    Attributes:
        honest_fraction: Share of the requests sent at its end that passed (by the model for
            all refusals, if none was sent).
        announced_s, needed_s: Of every refusal with a readable value, for the figure.
    """

    kind: Kind  # ``none`` without a refusal, ``untested`` with neither a model nor a test
    present_fraction: float | None  # Share of the refusals with the header, readable or not
    honest_fraction: float | None
    overshoot_p50_s: float | None  # Median of announced minus needed wait
    tested: int = 0  # Number of requests sent at the end of a Retry-After
    tests: tuple[RetryAfterTest, ...] = ()
    announced_s: tuple[float, ...] = ()
    needed_s: tuple[float, ...] = ()


def assess_retry_after(
    observations: Sequence[Observation], fit: Fit | None, log: DecisionLog
) -> RetryAfter:
    """Assess Retry-After; ``log`` is the log of ``fit``."""
    refused = [o for o in observations if o.accepted is False]
    if not refused:
        return RetryAfter("none", None, None, None)
    forms: Counter[str] = Counter(o.retry_after_form for o in refused)
    present = 1 - forms["missing"] / len(refused)
    announced, needed = _announced_and_needed(refused, fit, log)
    tests = tuple(read_tests(observations))
    was_honest = _kept(tests, fit)
    overshoot = float(np.median(announced - needed)) if len(announced) else _overshoot_s(tests)
    honest: float | None = None
    if was_honest:
        honest = sum(was_honest) / len(was_honest)
    elif len(announced):
        honest = float(np.mean(announced >= needed - TOLERANCE_S))
    return RetryAfter(
        kind=_kind(refused, honest, overshoot, tests),
        present_fraction=present,
        honest_fraction=honest,
        overshoot_p50_s=overshoot,
        tested=len(was_honest),
        tests=tests,
        announced_s=tuple(announced.tolist()),
        needed_s=tuple(needed.tolist()),
    )


def needed_s(fit: Fit, log: DecisionLog, at_s: Floats) -> Floats | None:
    """Seconds from each time until one request would pass; None if the model does not say."""
    consumed_at = log.consumed_at_s
    if fit.algorithm == "token-bucket" and fit.rate_per_s:
        index = np.clip(np.searchsorted(log.t_s, at_s), 0, len(log) - 1)
        level = token_levels(log, fit.rate_per_s.estimate, fit.burst.estimate)[index]
        return np.maximum(0.0, (1 - level) / fit.rate_per_s.estimate)
    if fit.window_s is None or fit.variant == "sliding-window-counter":
        return None
    window_s = fit.window_s.estimate
    if (begin := window_begins(fit, log, at_s)) is not None:
        return np.maximum(0.0, begin + window_s - at_s)
    taken = np.searchsorted(consumed_at, at_s) - round(fit.burst.estimate)
    return np.maximum(0.0, consumed_at[np.maximum(taken, 0)] + window_s - at_s)


def _announced_and_needed(
    refused: Sequence[Observation], fit: Fit | None, log: DecisionLog
) -> tuple[Floats, Floats]:
    readable = [o for o in refused if not np.isnan(o.retry_after_s) and o.key == 0]
    if fit is None or not readable:
        return np.array([]), np.array([])
    received = np.array([(o.received_ns - log.origin_ns) / NS_PER_S for o in readable])
    sent = np.array([(o.sent_ns - log.origin_ns) / NS_PER_S for o in readable])
    needed = needed_s(fit, log, (sent + received) / 2)
    if needed is None:
        return np.array([]), np.array([])
    announced = np.array([o.retry_after_s for o in readable])
    return announced, np.maximum(0.0, needed - (received - sent) / 2)


def _kept(tests: Sequence[RetryAfterTest], fit: Fit | None) -> list[bool]:
    """Whether each test was honest, without tests that an early request may have disturbed."""
    counts = fit is None or fit.variant.endswith(COUNTING_SUFFIX)
    return [
        one.was_honest
        for one in tests
        if one.was_honest is not None and (one.was_honest or one.quiet or not counts)
    ]


def _overshoot_s(tests: Sequence[RetryAfterTest]) -> float | None:
    """Announced minus needed wait by the tests alone, from the middle of each bracket."""
    known = [
        one.announced_s - (one.passed_s + one.refused_s) / 2
        for one in tests
        if not one.quiet and not math.isinf(one.passed_s)
    ]
    return float(np.median(known)) if known else None


def _kind(
    refused: Sequence[Observation],
    honest: float | None,
    overshoot: float | None,
    tests: Sequence[RetryAfterTest],
) -> Kind:
    forms = Counter(o.retry_after_form for o in refused)
    most = forms.most_common(1)[0][0]
    if most in ("missing", "malformed"):
        return "missing" if most == "missing" else "malformed"
    untried = all(one.was_honest is None for one in tests)
    if (honest is not None and honest < _LEAST_HONEST) or (
        untried and overshoot is not None and overshoot < -TOLERANCE_S
    ):
        return "too early"
    late_s = _late_s(overshoot, tests)
    if late_s > ROUNDING_S:
        return "too late"
    if most == "http-date":
        return "http-date"
    if honest is None and overshoot is None:
        return "untested"
    announced = [o.retry_after_s for o in refused if not math.isnan(o.retry_after_s)]
    whole = forms["decimal"] == 0 and all(value == round(value) for value in announced)
    if whole and late_s > _LEAST_ROUNDED_S:
        return "rounded up to whole seconds"
    return "too late" if late_s > _LEAST_LATE_S else "true"


def _late_s(overshoot: float | None, tests: Sequence[RetryAfterTest]) -> float:
    """Overshoot by the model, within the bounds of the tests."""
    loud = [one for one in tests if not one.quiet]
    if not loud:
        return overshoot or 0.0
    least = float(np.median([one.late_s for one in loud]))
    most = float(np.median([one.announced_s - min(one.refused_s, one.announced_s) for one in loud]))
    late_s = min(max(overshoot or 0.0, least), most)
    # A single pass that early is proof.
    proof = max(one.late_s for one in loud)
    return max(late_s, proof) if proof > ROUNDING_S else late_s
