"""The throughput search and its estimators against simulated queues and known answers."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from benchmarks.capacity.cases import SERVERS, Server
from harness.errors import NothingObservedError, UsageError
from harness.experiments.capacity.decision import Decision, backlog_growth, decide, wilson
from harness.experiments.capacity.document import throughput_document
from harness.experiments.capacity.estimate import Bound
from harness.experiments.capacity.knee import find_knee
from harness.experiments.capacity.order_statistics import interval_ranks, quantile_of_values
from harness.experiments.capacity.search import RateSearch
from harness.experiments.capacity.steps import Block, Criterion, StepResult, read_criteria
from harness.experiments.capacity.usl import NoFit, fit_usl, predict
from harness.plan.slo import parse_slos

CRITERION = Criterion("p99<250ms", 0.01, 0.25)


def play(server, **settings):
    """Search a simulated server to the end."""
    spacing = "poisson" if server.poisson else "uniform"
    search = RateSearch([CRITERION], spacing=spacing, **settings)
    while (step := search.next_step()) is not None:
        search.record(server.run(step))
    return search


@pytest.mark.parametrize("known", SERVERS)
def test_the_rate_of_a_server_of_known_capacity_is_found(queue_type, known):
    """c workers of s seconds do c/s: within 5 %, and inside the interval."""
    server = queue_type(known.workers, known.service_s, False, poisson=False, seed=1)

    found = play(server).result()

    assert (Bound.SLO, "latency") == (found.bound, found.gives_way)
    assert abs(found.estimate / known.capacity_per_s - 1) <= 0.05
    assert found.low <= known.capacity_per_s <= found.high


@pytest.mark.slow
def test_with_poisson_arrivals_the_edge_is_found_below_the_capacity(queue_type):
    """Where 1 % of a long run is over the limit: 5 of 6 times near, and inside the interval."""
    near = inside = 0
    for known in (Server(1, 0.02), Server(2, 0.01), Server(8, 0.08)):
        edge_per_s = known.edge_per_s("poisson")
        for seed in range(4):
            server = queue_type(known.workers, known.service_s, False, poisson=True, seed=seed)
            found = play(server).result()
            near += abs(found.estimate / edge_per_s - 1) <= 0.05
            inside += found.low <= edge_per_s <= found.high

        assert 0.8 < edge_per_s / known.capacity_per_s < 0.97

    assert near >= 10
    assert inside >= 11


def test_few_random_arrivals_are_looked_at_for_longer(queue_type):
    """At 41/s one step of 20 s says little; evenly spaced, they need no more than eight."""
    focused = {}
    for poisson in (False, True):
        search = play(queue_type(1, 0.02, False, poisson=poisson, seed=2))
        steps = [trial.result.step for trial in search.result().steps]
        focused[poisson] = [step.duration_s for step in steps if step.purpose == "focus"]

    assert [] == focused[False]
    assert {60.0} == set(focused[True])


def test_a_server_that_holds_at_the_highest_rate_gives_a_lower_bound(queue_type):
    """Nothing failed, so there is no upper end."""
    found = play(queue_type(8, 0.02, False, False, 1), max_per_s=100.0).result()

    assert (Bound.MAX_RATE, 100.0, math.inf) == (found.bound, found.estimate, found.high)


def test_a_server_too_slow_for_the_first_rate_is_doomed(queue_type):
    """Twice seen, then given up: there is no rate to find."""
    found = play(queue_type(1, 0.3, False, False, 1)).result()

    assert Bound.INFEASIBLE == found.bound
    assert 2 == len(found.steps)
    assert math.isnan(found.estimate)


def test_a_saturated_generator_makes_a_step_void_and_no_failure_of_the_target(queue_type):
    """Repeated twice, then it is the generator's limit."""
    server = queue_type(64, 0.01, False, False, 1)
    search = RateSearch([CRITERION], max_per_s=10_000)
    while (step := search.next_step()) is not None:
        result = server.run(step)
        if step.rate_per_s > 500:
            result = StepResult(step, result.blocks, result.offered, 0.0, saturated=True)
        search.record(result)
    found = search.result()

    assert Bound.GENERATOR == found.bound
    assert 320 <= found.estimate <= 500
    assert all(trial.decision is not Decision.FAIL for trial in found.steps)
    assert "void" in found.notes[0]


def test_a_disturbed_generator_only_repeats_the_step(queue_type):
    """Every third step is void, at rates that it has offered before: the answer stands."""
    server = queue_type(4, 0.02, False, False, 1)
    search, number = RateSearch([CRITERION]), 0
    while (step := search.next_step()) is not None:
        result, number = server.run(step), number + 1
        if number > 6 and number % 3 == 0:
            result = dataclasses.replace(result, saturated=True)
        search.record(result)
    found = search.result()

    assert Bound.SLO == found.bound
    assert abs(found.estimate / 200 - 1) < 0.05
    assert len(found.void_steps) > 2


def test_what_is_served_is_counted_in_arrivals(queue_type):
    """An overloaded step whose arrivals make two calls each served half as many of them."""
    search = RateSearch([CRITERION], start_per_s=20.0)
    result = queue_type(1, 0.1, False, False, 1).run(search.next_step())
    two = dataclasses.replace(result, offered=2 * result.offered)

    assert math.isclose(10, result.served_per_s, rel_tol=0.05)
    assert math.isclose(result.served_per_s / 2, two.served_per_s)


def test_the_document_has_null_for_what_is_not_known(queue_type):
    """JSON has no word for NaN and infinity."""
    found = play(queue_type(8, 0.02, False, False, 1), max_per_s=40.0).result()

    document = throughput_document(found, "p99<250ms", interrupted=False)

    assert {"estimate": 40.0, "low": 40.0, "high": None} == document["max_rate_per_s"]
    assert document["usl"] is None
    assert "load levels" in document["usl_reason"]
    assert [step["number"] for step in document["steps"]] == list(
        range(1, len(document["steps"]) + 1)
    )


def test_a_time_to_go_falls_to_zero(queue_type):
    """The outlook after the last step."""
    search = play(queue_type(4, 0.02, False, False, 1))

    assert 0 == search.eta().remaining_s
    assert search.eta().steps == len(search.result().steps)


def test_objectives_that_cannot_steer_are_refused():
    """A lower bound on throughput does not say which attempts are bad."""
    with pytest.raises(UsageError, match="cannot steer"):
        read_criteria(parse_slos("throughput>5/s"))
    with pytest.raises(UsageError, match="needs an objective"):
        read_criteria(())


def test_order_statistics_of_known_ranks():
    """n = 100, q = 0.5: ranks 40 and 61 enclose the median at 95 % (binomial tables)."""
    assert (40, 61) == interval_ranks(100, 0.5)
    found = quantile_of_values(range(1, 101), 0.99)
    assert (99.0, math.inf, 100) == (found.estimate, found.high, found.n)
    with pytest.raises(NothingObservedError):
        quantile_of_values([], 0.5)


@pytest.mark.slow
def test_order_statistics_enclose_the_quantile():
    """In at least 95 % of 400 samples, less three standard errors."""
    random = np.random.default_rng(5)
    truth = -math.log(0.1)
    hits = 0
    for _ in range(400):
        found = quantile_of_values(random.exponential(1.0, 500), 0.9)
        hits += found.low <= truth <= found.high

    assert hits >= 400 * 0.95 - 3 * math.sqrt(400 * 0.95 * 0.05)


def test_wilson_of_known_shares():
    """5 of 100 at 95 %: 2.15 % to 11.18 % (Wilson's own form)."""
    low, high = wilson(5, 100, 1.959964)

    assert (0.0215, 0.1118) == (round(low, 4), round(high, 4))
    assert (0.0, 1.0) == wilson(0, 0)


def blocks_of(responses_s, bad=0, total=100):
    return [Block(float(i), 1.0, (bad,), (total,), value) for i, value in enumerate(responses_s)]


def test_a_backlog_that_grows_is_told_from_noise():
    """A queue 5 % over its capacity gains 50 ms a second."""
    assert math.isclose(0.05, backlog_growth(blocks_of([0.05 * i for i in range(12)])))
    flat = np.random.default_rng(1).normal(0.1, 0.01, 12)
    assert 0.0 == backlog_growth(blocks_of(flat))


def test_only_what_is_clear_is_decided():
    """0 of 1200 passes 1 %, 60 of 1200 fails, 12 of 1200 is neither."""
    for bad, decision in ((0, Decision.PASS), (5, Decision.FAIL), (1, Decision.UNCLEAR)):
        assert decision is decide(blocks_of([0.1] * 12, bad), [CRITERION])
    assert Decision.FAIL is decide(blocks_of([0.1] * 12), [CRITERION], grew=True)


def test_the_knee_is_where_power_is_greatest():
    """M/M/1 with 100/s: response 1/(100 - x), power x (100 - x), greatest at 50."""
    rates = [10, 20, 30, 40, 50, 60, 70, 80, 90]
    knee = find_knee(rates, [1000 / (100 - x) for x in rates])

    assert (50, 20.0, 40, 60) == (
        knee.rate_per_s, knee.response_ms, knee.low_per_s, knee.high_per_s,
    )  # fmt: skip
    assert find_knee(rates, [10.0] * 9) is None
    assert find_knee([1, 2, 3], [1, 1, 1]) is None


def test_the_scalability_law_is_recovered():
    """lambda 100/s, 5 % contention, 0.02 % coherency: the peak is at N = 68.9."""
    levels = [1, 2, 4, 8, 16, 32, 64, 128]
    truth = predict(levels, 100.0, 0.05, 0.0002)
    noise = 1 + np.random.default_rng(2).normal(0, 0.01, len(levels))

    fit = fit_usl(levels, truth * noise)

    assert fit.r2 > 0.99
    assert fit.lambda_per_s.low <= 100 <= fit.lambda_per_s.high
    assert fit.sigma.low <= 0.05 <= fit.sigma.high
    assert math.isclose(fit.peak_concurrency, 68.9, rel_tol=0.1)


def test_no_poor_fit_is_shown():
    """Too few levels, too narrow a range, or throughput that follows no law."""
    assert isinstance(fit_usl([1, 2, 3], [1, 2, 3]), NoFit)
    assert isinstance(fit_usl([10, 11, 12, 13, 14, 15], [1, 2, 3, 4, 5, 6]), NoFit)
    spare = fit_usl([0.3, 0.5, 1.4, 2.4, 2.7, 47], [14, 21, 53, 103, 113, 198])
    assert "between the load levels" in spare.reason
    levels = [1, 2, 4, 8, 16, 32, 64]
    fit = fit_usl(levels, [10, 300, 20, 500, 5, 90, 400])
    assert "poor fit" in fit.reason
