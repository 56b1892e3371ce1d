"""The whole comparison, on runs whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from harness.analysis.distributions import latencies
from harness.experiments.compare.comparison import compare
from harness.experiments.compare.plan_diff import diff_documents
from harness.experiments.compare.samples import TrialSample
from harness.plan.tolerances import Tolerances, validate_tolerance_key
from harness.trial.schema import PhaseWindow, WorkerSummary
from harness.trial.store import open_trial
from tests.experiments.compare.simulated import simulate
from tests.trials import NS, T0, attempt, ladder, manifest, rate_limited, write_trial

KEYS = {
    "operation",
    "metric",
    "baseline",
    "candidate",
    "change",
    "ci_low",
    "ci_high",
    "verdict",
}


def compared(baseline, candidate, tolerances=Tolerances(), **given):  # noqa: B008
    return compare(baseline, candidate, tolerances, replicates=400, **given)


def by_metric(result):
    return {change.metric: change for change in result.changes}


@pytest.fixture(scope="module")
def run():
    return simulate(np.random.default_rng(5), seconds=120)


def test_a_run_against_itself_has_no_change(run):
    result = compared([run], [run])
    for change in result.changes:
        assert change.change == 0
        assert change.low <= 0 <= change.high
        assert change.verdict in {"pass", "inconclusive"}


def test_figures_are_those_of_the_summary(run):
    distribution = latencies(run.intervals, ["steady"]).distribution("service")
    change = by_metric(compared([run], [run]))["service.p99"]
    assert change.baseline == distribution.percentile_us(0.99) / 1000


def test_the_same_bytes_give_the_same_answer(run):
    other = simulate(np.random.default_rng(6), seconds=120)
    assert compared([run], [other]) == compared([run], [other])


def test_slower_everywhere_regresses_everywhere(run):
    slow = simulate(np.random.default_rng(6), seconds=120, slower=1.2)
    result = compared([run], [slow])
    assert result.verdict == "regressed"
    changes = by_metric(result)
    assert changes["service.p50"].verdict == "regressed"
    assert changes["service.p50"].change == pytest.approx(0.2, abs=0.02)
    assert changes["throughput"].verdict == "pass"
    assert compared([slow], [run]).of("regressed") == ()  # faster is no regression


def test_fewer_answers_and_more_errors_regress(run):
    bad = simulate(np.random.default_rng(6), seconds=120, rate=150, errors=0.03)
    changes = by_metric(compared([run], [bad]))
    assert changes["throughput"].verdict == "regressed"
    assert changes["throughput"].change == pytest.approx(-0.27, abs=0.03)
    assert changes["outcome.timeout"].verdict == "regressed"
    assert changes["outcome.timeout"].change == pytest.approx(0.028, abs=0.005)


def test_thresholds_of_the_plan_decide(run):
    slow = simulate(np.random.default_rng(6), seconds=120, slower=1.2)
    lax = Tolerances(0.5, 0.5, {"create_session.service.p50": 0.1})
    assert [c.metric for c in compared([run], [slow], lax).of("regressed")] == ["service.p50"]


def test_too_short_says_how_long():
    short = [simulate(np.random.default_rng(n), seconds=20, rate=20) for n in (1, 2)]
    change = by_metric(compared([short[0]], [short[1]]))["service.p99.9"]
    assert change.verdict == "inconclusive"
    assert "10,000 needed" in change.reason
    assert change.needed_s == pytest.approx(20 * 10_000 / 400, rel=0.2)


def test_a_longer_run_of_the_told_length_is_told():
    """What `needed_s` promises: at that length the metric is no longer inconclusive."""
    rngs = np.random.default_rng(8).spawn(4)
    short = [simulate(rng, seconds=40, rate=50) for rng in rngs[:2]]
    before = by_metric(compared([short[0]], [short[1]]))["service.p90"]
    assert before.verdict == "inconclusive"
    seconds = int(before.needed_s)
    long = [simulate(rng, seconds=seconds, rate=50) for rng in rngs[2:]]
    assert by_metric(compared([long[0]], [long[1]]))["service.p90"].verdict == "pass"


def test_several_runs_are_pooled(run):
    others = [simulate(np.random.default_rng(n), seconds=120) for n in (6, 9, 10)]
    one, two = compared([run], others[:1]), compared([run, others[1]], [others[0], others[2]])
    assert two.baseline_s == 2 * one.baseline_s
    narrow, wide = by_metric(two)["service.p99"], by_metric(one)["service.p99"]
    assert narrow.high - narrow.low < wide.high - wide.low


def test_a_saturated_generator_leaves_performance_open(run):
    worker = WorkerSummary("local", planned=1000, saturated_s=60)
    slow = simulate(np.random.default_rng(6), seconds=120, slower=1.5)
    doubtful = TrialSample(manifest(workers=[worker], phases=slow.manifest.phases), slow.intervals)
    result = compared([run], [doubtful])
    assert result.verdict == "inconclusive"
    assert "bottleneck" in result.cautions[0]


def test_an_operation_that_never_ends_well_any_more(tmp_path):
    good = [attempt(call_id=n, at_s=n * 0.01, service_ms=10 + n % 7) for n in range(1500)]
    bad = [rate_limited(call_id=n, at_s=n * 0.01) for n in range(1500)]
    runs = []
    for name, rows in (("good", good), ("bad", bad)):
        trial = open_trial(write_trial(tmp_path / name, rows))
        runs.append(TrialSample(trial.manifest, trial.intervals_table()))
    changes = by_metric(compared([runs[0]], [runs[1]]))
    assert changes["throughput"].verdict == "regressed"
    assert changes["outcome.rate_limited"].verdict == "regressed"
    assert changes["outcome.rate_limited"].change == 1.0
    assert changes["service.p99"].verdict == "inconclusive"
    assert changes["service.p99"].candidate is None


def test_a_load_shorter_than_its_answers_is_compared_without_a_word(tmp_path):
    """Steps that hold late answers and no time of the load: a replicate may draw only those."""
    window = PhaseWindow("steady", T0 * NS, (T0 + 2) * NS)
    rows = [attempt(call_id=n, at_s=n % 2, service_ms=1000.0 * n) for n in range(1, 11)]
    trial = open_trial(write_trial(tmp_path / "t", rows, phases=[window]))
    run = TrialSample(trial.manifest, trial.intervals_table())
    throughput = by_metric(compared([run], [run]))["throughput"]
    assert throughput.verdict == "inconclusive"
    assert throughput.baseline == 5


def test_nothing_at_all_is_inconclusive(tmp_path):
    trial = open_trial(write_trial(tmp_path / "empty", []))
    empty = TrialSample(trial.manifest, trial.intervals_table())
    assert compared([empty], [empty]).verdict == "inconclusive"


def test_document_keeps_its_promise(tmp_path):
    trial = open_trial(write_trial(tmp_path / "t", ladder()))
    one = TrialSample(trial.manifest, trial.intervals_table())
    document = compared([one], [one]).document()
    assert document["schema"] == 1
    assert document["verdict"] in {"pass", "regressed", "inconclusive"}
    assert all(set(metric) >= KEYS for metric in document["metrics"])


def test_differences_name_the_key():
    one = {"plan": {"load": {"users": 100, "model": "open"}}, "host": "a"}
    other = {"plan": {"load": {"users": 200, "model": "open"}}, "host": "a", "more": 1}
    found = ["more: absent → 1", "plan.load.users: 100 → 200"]
    assert list(diff_documents(one, other)) == found


def test_the_most_specific_threshold_wins():
    keys = {"p99": 0.1, "response.p99": 0.2, "create_session.p99": 0.3, "p99.9": 0.4,
            "outcome": 0.01, "outcome.timeout": 0.02}  # fmt: skip
    of = Tolerances(0.05, 0.005, keys).of
    assert of("get_run", "service.p99") == 0.1
    assert of("get_run", "response.p99") == 0.2
    assert of("create_session", "response.p99") == 0.3
    assert of("get_run", "response.p99.9") == 0.4
    assert of("get_run", "response.p50") == 0.05
    assert of("get_run", "outcome.rate_limited") == 0.01
    assert of("get_run", "outcome.timeout") == 0.02
    assert of("get_run", "throughput") == 0.05


def test_a_method_of_a_socket_has_thresholds_too():
    key = validate_tolerance_key("action.goto.response.p99")
    assert Tolerances(metrics={key: 0.3}).of("action.goto", "response.p99") == 0.3


def test_an_unknown_threshold_key_names_the_nearest():
    with pytest.raises(ValueError, match=r"did you mean 'response.p99'"):
        validate_tolerance_key("create_session.responce.p99")
