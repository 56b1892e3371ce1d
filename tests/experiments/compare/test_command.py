"""``harness compare``, called as an operator calls it."""

from __future__ import annotations

import json
from functools import cache, partial

import pytest
from cmarkgfm import github_flavored_markdown_to_html
from typer.testing import CliRunner

from harness.assess import baseline_comparison
from harness.assess.opened_trial import open_once
from harness.cli.commands import COMMANDS, app
from harness.errors import HarnessError
from harness.experiments.compare.changes import read_comparison
from harness.experiments.compare.comparison import compare
from harness.trial.schema import WorkerSummary
from harness.trial.store import open_trial
from reports.comparison.summary import brief as brief_of
from reports.model import build_model
from reports.prose import brief
from reports.sections import build_sections
from tests.schemas import schema_errors_of_file
from tests.trials import attempt, write_trial

APP = app


def harness(*words, command="compare"):
    """Exit code and output; an operator's mistake is the error's own code and line."""
    result = CliRunner().invoke(APP, [command, *map(str, words)], env={"COLUMNS": "200"})
    if isinstance(result.exception, HarnessError):
        return int(result.exception.exit_code), str(result.exception)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


@pytest.fixture(autouse=True)
def _fewer_replicates(monkeypatch):
    """The effects here are large; the commands' own number is that of tests/e2e/test_ci.py."""
    for module in (
        "harness.experiments.compare.comparison.compare",
        "harness.assess.baseline_comparison.compare",
    ):
        monkeypatch.setattr(module, partial(compare, replicates=300))


def compare_with_baseline(path):
    """Compare a trial with the newest baseline of its load."""
    baselines = baseline_comparison.open_baselines()
    return baseline_comparison.compare_with_baseline(open_once(path), baselines)


@cache
def rows_of(service_ms):
    return [
        attempt(call_id=n, at_s=n * 0.00517, service_ms=service_ms * (1 + (n * 37 % 97) / 100))
        for n in range(2900)
    ]


def write(path, service_ms=10.0, **given):
    return write_trial(path, rows_of(service_ms), trial_id=path.name, **given)


def test_regressed_exits_1_and_writes_all(tmp_path):
    one, two = write(tmp_path / "one"), write(tmp_path / "two", 13.0)
    code, said = harness(one, two)
    assert code == 1
    assert "verdict: regressed" in said
    assert "create_session" in said
    assert schema_errors_of_file(two / "compare.json") == []
    document = json.loads((two / "compare.json").read_text())
    assert document["verdict"] == "regressed"
    assert document["baseline"]["trials"] == ["one"]
    page = (two / "compare.html").read_text()
    assert "metrics regressed, most of all create_session" in page
    assert "metrics are inconclusive" in page  # 2900 responses are too few for a p99.9
    assert "Largest changes of times and throughput: create_session" in page
    assert "<svg" in page
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org", "")
    rendered = github_flavored_markdown_to_html((two / "compare.md").read_text())
    assert "<td>regressed</td>\n<td>create_session</td>" in rendered


def test_inconclusive_exits_4_and_out_is_where_it_goes(tmp_path):
    one, two = write(tmp_path / "one"), write(tmp_path / "two")
    code, said = harness(one, two, "--out", tmp_path / "out")
    assert code == 4  # 2900 answers are too few for a p99.9
    assert "each side needs" in said
    assert {p.name for p in (tmp_path / "out").iterdir()} == {
        "compare.json", "compare.html", "compare.md",
    }  # fmt: skip
    assert not (two / "compare.json").exists()


def test_pass_exits_0(tmp_path):
    plan = {"compare": {"metrics": {"p99.9": 10.0}}}
    rows = {}
    for name in ("one", "two"):
        rows[name] = write_trial(
            tmp_path / name,
            [
                attempt(call_id=n, at_s=n * 0.00125, service_ms=10 + n % 3, operation="health")
                for n in range(12_000)
            ],
            plan=plan,
            trial_id=name,
        )
    code, said = harness(rows["one"], rows["two"])
    assert code == 0, said
    assert "All 9 metrics passed" in said


def test_several_runs_a_side(tmp_path):
    paths = [write(tmp_path / name) for name in "abcd"]
    code, _ = harness(paths[0], paths[1], "--baseline-run", paths[2], "--candidate-run", paths[3])
    assert code in {0, 4}
    document = json.loads((paths[1] / "compare.json").read_text())
    assert document["baseline"]["trials"] == ["a", "c"]
    assert document["candidate"]["trials"] == ["b", "d"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"host": "http://127.0.0.1:1"}, "host: http://127.0.0.1:8787 → http://127.0.0.1:1"),
        ({"model": "closed"}, "model: open → closed"),
        ({"plan": {"load": {"users": 21}}}, "plan.load.users: 20 → 21"),
    ],
)
def test_what_is_not_comparable_is_refused_until_told_so(tmp_path, given, told):
    one, two = write(tmp_path / "one"), write(tmp_path / "two", **given)
    code, said = harness(one, two)
    assert code == 2
    assert told in said
    assert "--anyway" in said
    assert not (two / "compare.json").exists()
    code, said = harness(one, two, "--anyway")
    assert code in {0, 4}
    assert told.split(" → ", maxsplit=1)[0] in said


def test_a_seed_or_an_objective_is_no_difference(tmp_path):
    plan = {"name": "smoke", "seed": 8, "load": {"model": "open", "users": 20},
            "slo": {"must": ["p99<1s"]}}  # fmt: skip
    code, _ = harness(write(tmp_path / "one"), write(tmp_path / "two", plan=plan))
    assert code in {0, 4}


def test_an_unfinished_trial_is_refused(tmp_path):
    one, two = write(tmp_path / "one"), write(tmp_path / "two", state="measured")
    code, said = harness(one, two)
    assert code == 2
    assert "harness report" in said


def test_a_baseline_is_kept_shown_and_compared_with(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    one, two = write(tmp_path / "one"), write(tmp_path / "two", 13.0)
    assert harness("list", command="baseline") == (
        0, "no baselines in baselines; keep one with `harness baseline save`\n",
    )  # fmt: skip
    assert harness("save", "v12", one, command="baseline")[0] == 0
    code, said = harness("list", command="baseline")
    assert code == 0
    assert "v12" in said
    code, said = harness("show", "v12", command="baseline")
    assert code == 0
    assert "create_session" in said
    assert "2,900" in said
    for name in ("v12", "baselines/v12", tmp_path / "baselines/v12"):
        assert harness(name, two)[0] == 1
        document = json.loads((two / "compare.json").read_text())
        assert document["baseline"]["trials"] == ["one"]
        assert document["baseline"]["called"] == ["v12"]
        assert document["candidate"]["called"] == ["two"]
    code, said = harness(two, "v12")
    assert (code, "--out" in said) == (2, True)
    code, said = harness("show", "v13", command="baseline")
    assert (code, "known: v12" in said) == (2, True)


def test_a_report_says_what_changed_since_the_baseline(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    one, two = write(tmp_path / "one"), write(tmp_path / "two", 13.0)
    assert compare_with_baseline(two) is None
    harness("save", "v12", one, command="baseline")
    assert compare_with_baseline(one) is None  # a trial is not held against itself
    assert compare_with_baseline(two).verdict == "regressed"
    model = build_model(open_trial(two))
    told = brief(model)[2]
    assert told.startswith("Against the baseline v12: ")
    assert "<dd>v12 (one); " in (two / "compare.html").read_text()
    assert "metrics regressed, most of all create_session" in told
    section = next(s for s in build_sections(model) if s.name == "compare")
    assert section.tables[0].rows[0][0] == "regressed"
    other = write(tmp_path / "other", plan={"load": {"users": 21}})
    assert compare_with_baseline(other) is None  # no baseline of its plan
    (two / "compare.json").write_text('{"metrics": [1]}')
    assert "No baseline for this load yet" in brief(build_model(open_trial(two)))[2]


def test_the_document_is_read_back_as_it_was(tmp_path):
    one, two = write(tmp_path / "one"), write(tmp_path / "two", 13.0)
    harness(one, two)
    document = json.loads((two / "compare.json").read_text())
    assert read_comparison(document).document() == document


def test_a_document_of_before_there_were_names_calls_trials_by_their_ids(tmp_path, monkeypatch):
    """And so does one whose names do not fit its trials."""
    monkeypatch.chdir(tmp_path)
    one, two = write(tmp_path / "one"), write(tmp_path / "two", 13.0)
    harness("save", "v12", one, command="baseline")
    harness("v12", two)
    document = json.loads((two / "compare.json").read_text())
    assert schema_errors_of_file(two / "compare.json") == []
    assert read_comparison(document).document() == document
    for side in ("baseline", "candidate"):
        del document[side]["labels"]
    document["candidate"]["called"] += ["three"]
    del document["baseline"]["called"]
    older = read_comparison(document)
    assert (older.baseline_labels, older.candidate_labels) == (("one",), ("two",))


def test_the_command_is_known():
    assert {"compare", "baseline"} <= set(COMMANDS)


def test_a_trial_given_twice_is_refused_until_told_so(tmp_path, monkeypatch):
    """As itself, as a further run, or as a baseline of itself: it would look like more runs."""
    monkeypatch.chdir(tmp_path)
    one, two = write(tmp_path / "one"), write(tmp_path / "two")
    harness("save", "v12", one, command="baseline")
    for words in ((one, one), (one, two, "--candidate-run", two), ("v12", one)):
        code, said = harness(*words)
        assert (code, "is given twice" in said) == (2, True)
    code, said = harness(one, one, "--anyway")
    assert (code, "caution: one is given twice" in said) == (4, True)


def test_a_file_is_no_place_for_the_answer(tmp_path):
    """Told before anything is resampled."""
    one, two = write(tmp_path / "one"), write(tmp_path / "two")
    (tmp_path / "file").write_text("")
    code, said = harness(one, two, "--out", tmp_path / "file")
    assert (code, said) == (2, f"--out {tmp_path}/file: is a file; name a directory")


def test_a_pipeline_gets_annotations_and_a_summary(tmp_path, monkeypatch):
    """Each regression an error with its numbers; the page of the job has compare.md."""
    page = tmp_path / "step.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
    one, two, three = (
        write(tmp_path / name, ms) for name, ms in (("1", 10.0), ("2", 13.0), ("3", 10.0))
    )
    _, said = harness(one, two, "--github")
    errors = [line for line in said.splitlines() if line.startswith("::")]
    document = json.loads((two / "compare.json").read_text())
    regressed = [m for m in document["metrics"] if m["verdict"] == "regressed"]
    assert len(errors) == len(regressed) > 3
    assert errors[0].startswith("::error title=create_session response.p50 regressed::+30.0 %25 (+")
    assert errors[0].endswith("tolerance 5 %25")
    _, said = harness(one, three, "--github")
    (warning,) = [line for line in said.splitlines() if line.startswith("::")]
    assert warning.startswith("::warning title=harness compare%3A inconclusive::")
    assert "each side needs" in warning
    whole = "\n".join((path / "compare.md").read_text() for path in (two, three))
    assert page.read_text() == whole


def test_no_length_is_promised_where_the_generator_was_the_bottleneck(tmp_path):
    """More of the same load would be as doubtful; and compare.json says so to whoever reads it."""
    worker = WorkerSummary("local", planned=1000, saturated_s=15)
    one, two = write(tmp_path / "one"), write(tmp_path / "two", workers=[worker])
    code, said = harness(one, two)
    assert code == 4
    assert "metrics are inconclusive.\n" in said
    assert "7 metrics: the generator was saturated" in said
    document = json.loads((two / "compare.json").read_text())
    assert "bottleneck" in document["doubtful"]
    assert "The load generator limited" in " ".join(brief_of(read_comparison(document)))


def test_a_damaged_baseline_hides_no_other(tmp_path, monkeypatch, capsys):
    """They are listed, and compared with; the damaged one is a line."""
    monkeypatch.chdir(tmp_path)
    one, two = write(tmp_path / "one"), write(tmp_path / "two", 13.0)
    harness("save", "v12", one, command="baseline")
    (tmp_path / "baselines/broken").mkdir()
    (tmp_path / "baselines/broken/manifest.json").write_text("{")
    code, said = harness("list", command="baseline")
    assert code == 2
    assert "broken/manifest.json: not as expected" in said
    assert compare_with_baseline(two).verdict == "regressed"
    assert "left out: baselines/broken/manifest.json" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["..", "../one", "a/b", "v13", "one"])
def test_only_a_baseline_can_be_shown(tmp_path, monkeypatch, name):
    """No way out of their directory; the known ones are told."""
    monkeypatch.chdir(tmp_path)
    harness("save", "v12", write(tmp_path / "one"), command="baseline")
    code, said = harness("show", name, command="baseline")
    assert (code, said) == (2, f"baselines holds no baseline {name!r} (known: v12)")
