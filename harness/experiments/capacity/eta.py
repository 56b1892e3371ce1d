"""Durations of a throughput search's steps, and an estimate of the remaining time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.experiments.capacity.steps import Purpose, Step

BRACKET_S = 4.0
STEP_S = (14.0, 20.0)
CONFIRM_S = 15.0
CONFIRM_WINDOWS = 2
BISECT_STEPS = 8
FOCUS_S = 60.0
REST_S = 2.0
"""Mean duration of a rest, for the estimate only."""


@dataclass(frozen=True, slots=True)
class Eta:
    """Recorded steps, their duration with estimated rests, and the estimated time to go."""

    steps: int
    elapsed_s: float
    remaining_s: float


def estimate_eta(
    recorded: Sequence[Step],
    *,
    done: bool,
    stage: Purpose,
    windows: int,
    patience: float,
    doublings: float,
) -> Eta:
    """
    The remaining time of a search at this stage. The focus counts only once it has begun.

    `recorded` includes void steps, `windows` are the recorded ones of the confirmation,
    `doublings` the remaining steps of the bracket. `patience` is a factor on every step's
    length.
    """
    elapsed_s = sum(step.duration_s + REST_S * step.rest for step in recorded)
    if done:
        return Eta(len(recorded), elapsed_s, 0.0)
    left = CONFIRM_WINDOWS - windows if stage == "confirm" else 2
    remaining_s = max(left, 1) * CONFIRM_S * patience
    if stage == "focus":
        remaining_s += FOCUS_S * patience + REST_S
    if stage in {"bracket", "bisect"}:
        bisected = sum(step.purpose == "bisect" for step in recorded)
        remaining_s += (BISECT_STEPS - bisected) * (STEP_S[0] * patience + REST_S)
    if stage == "bracket":
        remaining_s += doublings * (BRACKET_S * patience + REST_S)
    return Eta(len(recorded), elapsed_s, remaining_s)
