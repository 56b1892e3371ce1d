"""
Is Retry-After there, and is it true?

*Honest* is measured, not inferred: a request sent when a refusal's Retry-After was
over either passes or does not. *Overshoot* needs the fitted model: it alone knows
when a request would first have passed, so told minus needed can be computed for
every refusal, not only for those that were tried.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from harness.experiments.rate_limit.models.fit import Fit
from harness.experiments.rate_limit.models.fixed_window import anchored_starts
from harness.experiments.rate_limit.models.token_bucket import levels
from harness.experiments.rate_limit.observations import Floats, Log, Observation
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
]
PURPOSE = "retry-after"
"""Purpose of the shots that are sent when a Retry-After is over."""
_TOLERANCE_S = 0.05
_LATE_S = 1.0


@dataclass(frozen=True, slots=True)
class RetryAfter:
    """
    What is known about Retry-After.

    Attributes:
        kind: The one word for it; ``none`` when nothing was refused.
        present_fraction: Share of the refusals that carried one, readable or not.
        honest_fraction: Share of the requests sent when it was over that passed (of
            what the model says about all refusals, when none was sent); None unknown.
        overshoot_p50_s: Median of told minus needed, seconds; None unknown.
        trials: Requests sent when a Retry-After was over.
        told_s, needed_s: Of every refusal with a readable value, for the figure.
    """

    kind: Kind
    present_fraction: float | None
    honest_fraction: float | None
    overshoot_p50_s: float | None
    trials: int = 0
    told_s: tuple[float, ...] = ()
    needed_s: tuple[float, ...] = ()


def judge(observations: Sequence[Observation], fit: Fit | None, log: Log) -> RetryAfter:
    """Say whether Retry-After is there and true; ``log`` is what ``fit`` was fitted to."""
    refused = [o for o in observations if o.accepted is False]
    if not refused:
        return RetryAfter("none", None, None, None)
    forms: Counter[str] = Counter(o.retry_after_form for o in refused)
    present = 1 - forms["missing"] / len(refused)
    told, needed = _told_and_needed(refused, fit, log)
    trials = _trials(observations)
    overshoot = float(np.median(told - needed)) if len(told) else None
    honest: float | None = None
    if trials:
        honest = sum(trials) / len(trials)
    elif len(told):
        honest = float(np.mean(told >= needed - _TOLERANCE_S))
    whole = forms["decimal"] == 0
    return RetryAfter(
        kind=_kind(forms, honest, overshoot, told, whole=whole),
        present_fraction=present,
        honest_fraction=honest,
        overshoot_p50_s=overshoot,
        trials=len(trials),
        told_s=tuple(told.tolist()),
        needed_s=tuple(needed.tolist()),
    )


def needed_s(fit: Fit, log: Log, at_s: Floats) -> Floats | None:
    """
    Seconds from each time until a lone request would pass, by the fitted model.

    None where the model cannot say (two-counter windows, concurrency).
    """
    takes = log.takes_s
    if fit.algorithm == "token-bucket" and fit.rate_per_s:
        index = np.clip(np.searchsorted(log.t_s, at_s), 0, len(log) - 1)
        level = levels(log, fit.rate_per_s.estimate, fit.burst.estimate)[index]
        return np.maximum(0.0, (1 - level) / fit.rate_per_s.estimate)
    if fit.window_s is None or fit.variant == "sliding-window-counter":
        return None
    window_s = fit.window_s.estimate
    if fit.variant == "fixed-window-aligned":
        return window_s - (at_s - fit.phase_s) % window_s
    if fit.variant == "fixed-window-anchored":
        starts = anchored_starts(log, window_s)
        begun = np.maximum(np.searchsorted(starts, at_s, side="right") - 1, 0)
        return np.maximum(0.0, starts[begun] + window_s - at_s)
    taken = np.searchsorted(takes, at_s) - round(fit.burst.estimate)
    return np.maximum(0.0, takes[np.maximum(taken, 0)] + window_s - at_s)


def _told_and_needed(
    refused: Sequence[Observation], fit: Fit | None, log: Log
) -> tuple[Floats, Floats]:
    readable = [o for o in refused if not np.isnan(o.retry_after_s) and o.key == 0]
    if fit is None or not readable:
        return np.array([]), np.array([])
    received = np.array([(o.received_ns - log.origin_ns) / NS_PER_S for o in readable])
    sent = np.array([(o.sent_ns - log.origin_ns) / NS_PER_S for o in readable])
    needed = needed_s(fit, log, (sent + received) / 2)
    if needed is None:
        return np.array([]), np.array([])
    told = np.array([o.retry_after_s for o in readable])
    return told, np.maximum(0.0, needed - (received - sent) / 2)


def _trials(observations: Sequence[Observation]) -> list[bool]:
    """Whether each request sent when a Retry-After was over passed."""
    trials: list[bool] = []
    due_ns: float | None = None
    for o in sorted(observations, key=lambda o: o.sent_ns):
        if o.key != 0:
            continue
        if o.purpose == PURPOSE and due_ns is not None and o.sent_ns >= due_ns:
            if o.accepted is not None:
                trials.append(o.accepted)
            due_ns = None
        elif o.accepted is False and not np.isnan(o.retry_after_s):
            due_ns = o.received_ns + o.retry_after_s * NS_PER_S
        elif o.accepted is False:
            due_ns = None
    return trials


def _kind(
    forms: Counter[str],
    honest: float | None,
    overshoot: float | None,
    told: Floats,
    *,
    whole: bool,
) -> Kind:
    most = forms.most_common(1)[0][0]
    if most in ("missing", "malformed"):
        return "missing" if most == "missing" else "malformed"
    early = overshoot is not None and overshoot < -_TOLERANCE_S
    if early or (honest is not None and honest < 0.6):
        return "too early"
    if overshoot is not None and overshoot > _LATE_S + _TOLERANCE_S:
        return "too late"
    if most == "http-date":
        return "http-date"
    rounded = whole and len(told) > 0 and bool(np.all(told == np.round(told)))
    if rounded and overshoot is not None and overshoot > 0.02:
        return "rounded up to whole seconds"
    return "too late" if overshoot is not None and overshoot > 0.25 else "true"
