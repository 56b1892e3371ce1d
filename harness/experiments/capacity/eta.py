"""
How long a throughput search takes: its steps' lengths, and an estimate of the time to go.
"""

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
"""What a rest costs on average; only for the estimate of the time to go."""


@dataclass(frozen=True, slots=True)
class Eta:
    """
    How far the search is.

    Attributes:
        steps: Steps told.
        elapsed_s: Their durations and, estimated, rests.
        remaining_s: Estimated time to go; 0 when done.
    """

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
    How far a search is that has come to this stage.

    Focusing counts once it has begun: before, nothing says whether it is needed.

    Args:
        recorded: The steps told, voids too.
        done: Whether nothing more is to come.
        stage: What the next step is for.
        windows: Windows of the confirmation that were told.
        patience: Factor on every step's length.
        doublings: Steps of the bracket to go, while that is the stage.
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
