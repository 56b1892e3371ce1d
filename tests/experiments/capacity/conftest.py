"""
Servers of known capacity, simulated arrival by arrival in numpy.

FCFS queues with c workers: the Kiefer-Wolfowitz recursion by a heap of the workers' free
times; for equal service times customer n takes worker n mod c, so c Lindley recursions.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, field

import numpy as np
import pytest

from harness.experiments.capacity.steps import Block, StepResult


@dataclass
class Queue:
    """c workers with a mean service time; each step meets them idle, as a real one does."""

    workers: int
    service_s: float
    exponential: bool
    poisson: bool
    seed: int
    limit_s: float = 0.25
    free_at: list[float] = field(default_factory=list)
    clock_s: float = 0.0

    def __post_init__(self):
        self.random = np.random.default_rng(self.seed)
        self.free_at = [0.0] * self.workers

    @property
    def capacity_per_s(self):
        return self.workers / self.service_s

    def responses(self, rate_per_s, duration_s):
        """Intended times (from the step's start) and response times, in seconds."""
        n = max(1, round(rate_per_s * duration_s))
        if self.poisson:
            n = max(1, int(self.random.poisson(n)))
            intended = np.sort(self.random.uniform(0, duration_s, n))
        else:
            intended = (np.arange(n) + 0.5) * duration_s / n
        service = (
            self.random.exponential(self.service_s, n)
            if self.exponential
            else np.full(n, self.service_s)
        )
        heap = self.free_at
        ended = np.empty(n)
        for i, (at, took) in enumerate(
            zip((intended + self.clock_s).tolist(), service.tolist(), strict=True)
        ):
            done = max(at, heap[0]) + took
            heapq.heapreplace(heap, done)
            ended[i] = done
        response = ended - self.clock_s - intended
        return intended, response

    def run(self, step):
        """Play one step."""
        self.clock_s = max(self.clock_s, *self.free_at)
        intended, response = self.responses(step.rate_per_s, step.duration_s)
        self.clock_s += step.duration_s
        return cut(step, intended, response, self.limit_s)


def cut(step, intended, response, limit_s, refused=None):
    """Blocks of about a second; criterion 0 is the latency limit."""
    count = max(1, round(step.duration_s))
    length = step.duration_s / count
    which = np.minimum((intended / length).astype(int), count - 1)
    total = np.bincount(which, minlength=count)
    bad = np.bincount(which, weights=response > limit_s, minlength=count).astype(int)
    sums = np.bincount(which, weights=response, minlength=count)
    blocks = tuple(
        Block(
            start_s=i * length,
            length_s=length,
            bad=(int(bad[i]),),
            total=(int(total[i]),),
            response_s=sums[i] / total[i] if total[i] else math.nan,
        )
        for i in range(count)
    )
    completed = int((intended + response <= step.duration_s).sum())
    return StepResult(
        step=step,
        blocks=blocks,
        offered=len(intended),
        completed_per_s=completed / step.duration_s,
        outcomes={"ok": len(intended)},
        p50_ms=float(np.quantile(response, 0.5) * 1000),
        p99_ms=float(np.quantile(response, 0.99) * 1000),
    )


@pytest.fixture(scope="session")
def queue_type():
    """The simulated server's class."""
    return Queue
