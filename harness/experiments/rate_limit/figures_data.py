"""The data of the figures as plain lists; times are seconds since the first request."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from harness.experiments.rate_limit.models.fit import Fit
from harness.experiments.rate_limit.models.fixed_window import window_begins
from harness.experiments.rate_limit.models.token_bucket import token_levels
from harness.experiments.rate_limit.observations import DecisionLog, Floats
from harness.experiments.rate_limit.report import RateLimitReport


class FiguresData(NamedTuple):
    """
    The keys of ``figures`` in rate_limit.json; lists of a group are equally long.

    Attributes:
        timeline_s, timeline_accepted, timeline_contradicted: One entry per decision.
        room: Requests that the model would let pass before each decision (tokens, or the
            rest of the window); empty for models without such a state.
        refill_silence_s, refill_passed, refill_all: Silence before each burst, number that
            passed, and whether all passed (more might have).
        retry_told_s, retry_needed_s: Of each refusal with a readable Retry-After.
        tried_told_s, tried_low_s, tried_high_s: Of each Retry-After test: its value and the
            bracket of the needed wait; the upper end is None if nothing passed.
    """

    timeline_s: list[float]
    timeline_accepted: list[bool]
    timeline_contradicted: list[bool]
    room: list[float]
    refill_silence_s: list[float]
    refill_passed: list[int]
    refill_all: list[bool]
    retry_told_s: list[float]
    retry_needed_s: list[float]
    tried_told_s: list[float]
    tried_low_s: list[float]
    tried_high_s: list[float | None]


def figures_data(report: RateLimitReport) -> FiguresData:
    """The data of the three figures."""
    log, fit = report.selection.log, report.fit
    contradicted = fit.contradicted if fit is not None else np.zeros(len(log), dtype=np.bool_)
    silence, passed, whole = _refills(log)
    tests = report.retry_after.tests
    return FiguresData(
        timeline_s=log.t_s.tolist(),
        timeline_accepted=log.accepted.tolist(),
        timeline_contradicted=contradicted.tolist(),
        room=_room(fit, log).tolist() if fit is not None else [],
        refill_silence_s=silence,
        refill_passed=passed,
        refill_all=whole,
        retry_told_s=list(report.retry_after.announced_s),
        retry_needed_s=list(report.retry_after.needed_s),
        tried_told_s=[one.announced_s for one in tests],
        tried_low_s=[one.refused_s for one in tests],
        tried_high_s=[None if math.isinf(one.passed_s) else one.passed_s for one in tests],
    )


def _room(fit: Fit, log: DecisionLog) -> Floats:
    if fit.algorithm == "token-bucket" and fit.rate_per_s:
        return token_levels(log, fit.rate_per_s.estimate, fit.burst.estimate)
    if fit.window_s is None:
        return np.array([])
    window_s, consumed_at = fit.window_s.estimate, log.consumed_at_s
    begin = window_begins(fit, log, log.t_s)
    if begin is None:
        begin = log.t_s - window_s
    used = np.searchsorted(consumed_at, log.t_s) - np.searchsorted(consumed_at, begin)
    room: Floats = np.maximum(0.0, fit.burst.estimate - used)
    return room


def _refills(log: DecisionLog) -> tuple[list[float], list[int], list[bool]]:
    """Bursts after a refusal and a longer silence: (silence, number passed, all passed)."""
    silences: list[float] = []
    passed: list[int] = []
    whole: list[bool] = []
    gaps = np.diff(log.t_s)
    for index in np.flatnonzero(gaps > 0.02):
        if log.accepted[index]:
            continue
        after = np.flatnonzero(gaps[index + 1 :] > 0.02)
        end = index + 1 + (int(after[0]) if len(after) else len(gaps) - index - 1)
        lasted_s = float(log.t_s[end] - log.t_s[index + 1])
        if end == index + 1 or lasted_s > gaps[index]:
            continue
        silences.append(float(gaps[index]))
        burst = log.accepted[index + 1 : end + 1]
        passed.append(int(burst.sum()))
        whole.append(bool(burst.all()))
    return silences, passed, whole
