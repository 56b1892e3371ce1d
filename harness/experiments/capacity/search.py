"""
The throughput search: which rate to offer next, until the SLO's edge is known.

A pure state machine: `RateSearch.next_step` gives the next load level, `RateSearch.record`
takes its result, `RateSearch.result` gives the estimate. Nothing here sends, sleeps or
reads a clock.

1. **Bracket**: double the rate until a step clearly fails. Two failures at the first rate
   mean *infeasible* (after Nighthawk's adaptive load).
2. **Bisect**: offer the median of the threshold's posterior (`threshold`). The first guess
   is the completed rate of an overloaded step: a queue in overload works at its capacity.
3. **Focus**: long steps at the estimate while half of the posterior is wider than
   `FOCUS_SPREAD`. Few arrivals per second and long bursts need more observations.
4. **Confirm**: windows without a rest at the interval's lower end. A window that clearly
   fails lowers the interval, and the confirmation starts again.

The target of the estimate is the rate at which the *long-run* share of bad events equals
the error budget. For a latency objective it is below the capacity c/s of c workers with
service time s, by an amount that depends on the randomness of arrivals and services
(M/M/8, 20 ms, p99<250ms: 95 % of 400/s; evenly spaced and equal: all of it).

A step with a saturated generator is void: the search repeats it twice, then takes the rate as
the generator's limit, never as the target's failure. Below a rate that the generator already
offered it only repeats the step: something else used the machine.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from harness.experiments.capacity.decision import Z_SURE, Decision, Z, backlog_growth, decide
from harness.experiments.capacity.estimate import (
    BURSTS_S,
    Bound,
    Estimate,
    JudgedStep,
    Spacing,
    build_estimate,
    estimate_thresholds,
    lowest_threshold,
)
from harness.experiments.capacity.eta import (
    BISECT_STEPS,
    BRACKET_S,
    CONFIRM_S,
    CONFIRM_WINDOWS,
    FOCUS_S,
    STEP_S,
    Eta,
    estimate_eta,
)
from harness.experiments.capacity.steps import Block, Criterion, Purpose, Step, StepResult
from harness.experiments.capacity.threshold import Threshold

CONFIRM_RATES = 3
FOCUS_STEPS_MAX = 7
FOCUS_SPREAD = 0.03
FOCUS_STEPS_MIN = 2
FEW_ARRIVALS = 2000
"""With fewer random arrivals in a step the search focuses at least twice."""
VOIDS_AT_A_RATE = 3
VOIDS_MAX = 8
SETTLE_SHARE = 0.25
SETTLE_MAX_S = 5.0


@dataclass(slots=True)
class RateSearch:
    """
    Find the highest arrival rate at which every criterion holds.

    Attributes:
        patience: Factor on every step's length: 1 takes three minutes, and up to nine with
            few random arrivals.
    """

    criteria: Sequence[Criterion]  # The objectives
    start_per_s: float = 10.0  # The first rate
    max_per_s: float = math.inf  # The highest allowed rate
    precision: float = 0.08  # Relative width of the interval at which bisecting ends
    patience: float = 1.0
    spacing: Spacing = "poisson"  # Of the arrivals; random ones cause bursts of bad events
    _stage: Purpose = "bracket"
    _done: bool = False
    _bound: Bound = Bound.UNKNOWN
    _steps: list[JudgedStep] = field(default_factory=list)
    _void_steps: list[StepResult] = field(default_factory=list)
    _low: float = 0.0
    _high: float = math.inf
    _rate: float = 0.0
    _windows: int = 0
    _confirm_rates: int = 0
    _pending: Step | None = None

    def __post_init__(self) -> None:
        self._rate = min(self.start_per_s, self.max_per_s)

    def next_step(self) -> Step | None:
        """The pending step; the same until its result is recorded; None at the end."""
        if self._done:
            return None
        if self._pending is None:
            duration_s = self._duration_s()
            self._pending = Step(
                number=len(self._steps) + len(self._void_steps) + 1,
                rate_per_s=self._rate,
                duration_s=duration_s,
                settle_s=min(SETTLE_SHARE * duration_s, SETTLE_MAX_S),
                purpose=self._stage,
                rest=self._needs_rest(),
            )
        return self._pending

    def _needs_rest(self) -> bool:
        """Whether to drain the backlog first; not after a good step: an empty queue is too fast."""
        if not self._steps or self._stage == "bracket":
            return True
        return self._steps[-1].decision is Decision.FAIL

    def record(self, result: StepResult) -> None:
        """Take the result of the step that `next_step` gave."""
        self._pending = None
        if result.saturated:
            self._after_void(result)
            return
        blocks = self._pool(result)
        z = Z_SURE if self._stage == "bracket" else Z
        growth = backlog_growth(result.judged)
        judged_step = JudgedStep(
            result, decide(blocks, self.criteria, grew=growth > 0, z=z), growth
        )
        self._steps.append(judged_step)
        {
            "bracket": self._after_bracket,
            "bisect": self._after_bisect,
            "focus": self._after_bisect,
            "confirm": self._after_confirm,
        }[self._stage](judged_step)

    def _pool(self, result: StepResult) -> list[Block]:
        """All blocks of a rate, so that a repeated step adds evidence."""
        rate = result.step.rate_per_s
        same = [t.result for t in self._steps if math.isclose(t.result.step.rate_per_s, rate)]
        return [b for r in (*same, result) for b in r.judged] if same else list(result.judged)

    def _after_bracket(self, judged_step: JudgedStep) -> None:
        rate = judged_step.result.step.rate_per_s
        if judged_step.decision is Decision.FAIL:
            if self._low == 0.0:
                repeated = sum(t.result.step.rate_per_s == rate for t in self._steps) > 1
                if repeated:
                    self._finish(Bound.INFEASIBLE)
                return
            self._high = rate
            self._stage = "bisect"
            guess = 0.97 * judged_step.result.served_per_s
            inside = self._low < guess < self._high
            self._rate = guess if inside else math.sqrt(self._low * self._high)
            return
        self._low = rate
        if rate >= self.max_per_s:
            self._start_confirm(rate)
        else:
            self._rate = min(2 * rate, self.max_per_s)

    def _after_bisect(self, _judged_step: JudgedStep) -> None:
        found, taken = self.threshold(), Counter(t.result.step.purpose for t in self._steps)
        narrow = found.high / found.low <= 1 + self.precision
        if not narrow and taken["bisect"] < BISECT_STEPS:
            self._rate = self._snap_to_known_rate(found.estimate)
            return
        few = self.spacing == "poisson" and found.estimate * STEP_S[0] < FEW_ARRIVALS
        wide = not narrow and found.spread > FOCUS_SPREAD
        if taken["focus"] < (FOCUS_STEPS_MAX if wide else FOCUS_STEPS_MIN if few else 0):
            self._stage = "focus"
            self._rate = self._snap_to_known_rate(found.estimate)
        else:
            self._start_confirm(found.low)

    def _recorded_steps(self) -> list[Step]:
        """The recorded steps, void ones too."""
        return [*(t.result.step for t in self._steps), *(v.step for v in self._void_steps)]

    def _snap_to_known_rate(self, rate: float) -> float:
        """Replace a rate by one already offered within 1 %."""
        for judged_step in self._steps:
            known = judged_step.result.step.rate_per_s
            if abs(math.log(rate / known)) < self.precision / 8:
                return known
        return rate

    def _start_confirm(self, rate: float) -> None:
        self._stage = "confirm"
        self._rate = min(rate, self.max_per_s)
        self._windows = 0
        self._confirm_rates += 1

    def _after_confirm(self, judged_step: JudgedStep) -> None:
        self._windows += 1
        bounded = math.isfinite(self._high)
        if judged_step.decision is Decision.FAIL and self._confirm_rates < CONFIRM_RATES:
            if not bounded:
                self._high = judged_step.result.step.rate_per_s * 1.05
            self._start_confirm(min(self.threshold().low, 0.98 * self._rate))
        elif self._windows >= CONFIRM_WINDOWS:
            self._finish(Bound.SLO if bounded else self._lower_bound_reason())

    def _lower_bound_reason(self) -> Bound:
        return Bound.GENERATOR if self._void_steps else Bound.MAX_RATE

    def _after_void(self, result: StepResult) -> None:
        self._void_steps.append(result)
        rate = result.step.rate_per_s
        # A generator that already offered as much was only disturbed.
        could = any(judged_step.result.step.rate_per_s >= rate for judged_step in self._steps)
        again = sum(v.step.rate_per_s == rate for v in self._void_steps) < VOIDS_AT_A_RATE
        if again or (could and len(self._void_steps) < VOIDS_MAX):
            return
        if self._low == 0.0:
            self._finish(Bound.UNKNOWN)
            return
        middle = math.sqrt(self._low * rate)
        self.max_per_s = middle if middle > 1.1 * self._low else self._low
        if self._stage == "bracket" and self.max_per_s > self._low:
            self._rate = self.max_per_s
        else:
            self._start_confirm(self._low)

    def _finish(self, bound: Bound) -> None:
        self._done = True
        self._bound = bound

    def threshold(self) -> Threshold:
        """The current threshold: the lowest of all criteria."""
        found = estimate_thresholds(
            self._steps, self.criteria, self._low, self._high, BURSTS_S[self.spacing]
        )
        return lowest_threshold(found)[0]

    def _duration_s(self) -> float:
        match self._stage:
            case "bracket":
                return BRACKET_S * self.patience
            case "focus":
                return FOCUS_S * self.patience
            case "confirm":
                return CONFIRM_S * self.patience
        events = max(3 / max(c.error_budget, 1e-3) for c in self.criteria)
        shortest, longest = STEP_S
        return min(longest, max(shortest, events / self._rate)) * self.patience

    def eta(self) -> Eta:
        """Elapsed and estimated remaining time."""
        return estimate_eta(
            self._recorded_steps(),
            done=self._done,
            stage=self._stage,
            windows=self._windows,
            patience=self.patience,
            doublings=self._doublings_to_go(),
        )

    def _doublings_to_go(self) -> float:
        top = self.max_per_s if math.isfinite(self.max_per_s) else 64 * self.start_per_s
        return max(1.0, math.log2(max(top / self._rate, 1.0)) + 1)

    def result(self) -> Estimate:
        """The current estimate; complete once `next_step` gives None."""
        return build_estimate(
            self._steps,
            self._void_steps,
            self.criteria,
            bound=self._bound,
            passed=self._low,
            failed=self._high,
            burst_s=BURSTS_S[self.spacing],
        )
