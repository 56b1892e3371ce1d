"""A summary of the limiter in plain English, for the API's documentation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.experiments.rate_limit.model_selection import COUNTING_SUFFIX
from harness.experiments.rate_limit.models.fit import Fit
from harness.experiments.rate_limit.models.queueing import AT_ONCE, LONGEST_S, VARIANT
from harness.experiments.rate_limit.retry_after import RetryAfter


def write_summary(
    limited: bool | None,  # noqa: FBT001  three-valued answer, not a switch
    fit: Fit | None,
    retry_after: RetryAfter,
    scope: Mapping[str, str],
    *,
    notes: Sequence[str] = (),
) -> str:
    """One paragraph: the limit, what counts, its scope, whether Retry-After is correct."""
    if limited is None:
        return "Unknown whether requests are limited: too few decisions. " + " ".join(notes)
    if not limited:
        return "No rate limit was observed. " + " ".join(notes)
    if fit is None:
        return "Requests are limited, but no known algorithm explains the refusals. " + " ".join(
            [*notes, _retry_sentence(retry_after)]
        )
    sentences = [_limit_sentence(fit), _counting_sentence(fit), *_scope_sentences(scope)]
    return " ".join([*filter(None, sentences), _retry_sentence(retry_after)])


def _limit_sentence(fit: Fit) -> str:
    burst = round(fit.burst.estimate)
    if fit.rate_per_s is None:
        return f"At most {burst} requests in flight concurrently."
    rate = _number(fit.rate_per_s.estimate)
    if fit.variant == VARIANT:
        held_ms = _number(1000 * fit.extra[LONGEST_S])
        return (
            f"{rate} requests per second, bursts of up to {burst} (token bucket that queues): of a"
            f" burst {fit.extra[AT_ONCE]:.0f} pass immediately, the others wait up to"
            f" {held_ms} ms before any is refused."
        )
    if fit.window_s is None:
        return f"{rate} requests per second, bursts of up to {burst} (token bucket)."
    window = _number(fit.window_s.estimate)
    kind = "any" if fit.algorithm == "sliding-window" else "each fixed window of"
    return f"{burst} requests in {kind} {window} s ({rate} per second)."


def _number(value: float) -> str:
    near = round(value)
    if near and abs(value / near - 1) < 0.01:
        return f"{near:,}"
    return f"{value:.3g}"


def _counting_sentence(fit: Fit) -> str:
    if fit.variant.endswith(COUNTING_SUFFIX):
        return "Refused requests count too: retries during the limit prolong it."
    return "" if fit.rate_per_s is None else "Refused requests do not count."


def _scope_sentences(scope: Mapping[str, str]) -> list[str]:
    words = {
        ("operation", "shared"): "Operations share the limit.",
        ("operation", "separate"): "Each operation has its own limit.",
        ("key", "shared"): "API keys share the limit.",
        ("key", "separate"): "Each API key has its own limit.",
    }
    return [words[item] for item in scope.items() if item in words]


def _retry_sentence(retry_after: RetryAfter) -> str:
    late = "an unknown time"
    if retry_after.overshoot_p50_s is not None:
        late = f"{retry_after.overshoot_p50_s:.1f} s"
    early = f"{-(retry_after.overshoot_p50_s or 0):.1f} s"
    share = f"{(retry_after.honest_fraction or 0):.0%}"
    return {
        "none": "",
        "true": "Retry-After is correct.",
        "untested": "Retry-After was not tested.",
        "missing": "Refusals carry no Retry-After.",
        "malformed": "Retry-After is malformed.",
        "http-date": f"Retry-After is an HTTP-date; its median is {late} later than needed.",
        "rounded up to whole seconds": (
            f"Retry-After is rounded up to whole seconds; its median is {late} later than needed."
        ),
        "too early": (
            f"Retry-After is too early by a median of {early}: {share} of the requests sent"
            " at its end passed."
        ),
        "too late": f"Retry-After is too late by a median of {late}.",
    }[retry_after.kind]
