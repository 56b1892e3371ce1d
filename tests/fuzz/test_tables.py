"""Tables of a trial with wild cells or flipped bytes: a result, or one line of error."""

from __future__ import annotations

import json
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis.distributions import measured_phases
from harness.assess.baseline_comparison import load_sample
from harness.assess.evaluate import check_trial
from harness.experiments.compare.comparison import compare
from harness.experiments.compare.trend import build_trend
from harness.plan.tolerances import Tolerances
from harness.trial.baselines import save_baseline
from harness.trial.store import open_trial
from reports import csv_tables, hdr, junit, markdown
from reports.model import build_model
from tests.examples import scaled_settings
from tests.fuzz.test_readers import mutated, result_or_error
from tests.trials import ladder, rate_limited, write_trial

TABLES = ("intervals.parquet", "attempts.parquet")
WILD = {
    "integer": st.integers(-(2**63), 2**63 - 1) | st.sampled_from([0, -1, 1]),
    "float": st.floats(),
    "bytes": st.binary(max_size=60),
    "text": st.text(max_size=20) | st.sampled_from(["ok", "probe", '{"body":NaN}', "[]"]),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A good trial."""
    rows = [*ladder()[:60], *(rate_limited(call_id=2000 + n, at_s=n * 0.3) for n in range(5))]
    return write_trial(tmp_path_factory.mktemp("whole") / "t", rows)


def kind_of(of_column):
    """The name of a column's kind, and the type of its plain values."""
    plain = of_column.value_type if pa.types.is_dictionary(of_column) else of_column
    for name in ("integer", "float"):
        if getattr(pa.types, f"is_{name}ing" if name == "float" else f"is_{name}")(plain):
            return name, plain
    return ("bytes" if pa.types.is_binary(plain) else "text"), plain


def with_wild_cells(data, path):
    """Replace some cells of some columns by any value of their type, or by null."""
    table = pq.read_table(path)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, table.num_columns - 1))
        kind, plain = kind_of(table.schema.field(at).type)
        wild = data.draw(st.none() | WILD[kind])
        if kind == "integer" and wild is not None:
            half = 1 << (plain.bit_width - 1)
            wild = max(-half, min(wild, half - 1))
        cells = table.column(at).to_pylist()
        first = data.draw(st.integers(0, len(cells) - 1))
        last = data.draw(st.sampled_from([first + 1, len(cells)]))
        cells[first:last] = [wild] * (last - first)
        table = table.set_column(at, table.schema.names[at], pa.array(cells, plain))
    pq.write_table(table, path)


def read_everything(whole, path, folder):
    """Everything that compare, trend, baseline and report read: a result, or an error."""
    tolerances = Tolerances()

    def compared():
        found = compare([load_sample(whole)], [load_sample(path)], tolerances, replicates=20)
        json.dumps(found.document(), allow_nan=False)

    def drawn():
        points = [(run.manifest.trial_id, run) for run in map(load_sample, (whole, path))]
        json.dumps(build_trend(points, tolerances).document("p"), allow_nan=False)

    def reported():
        check_trial(path)
        model = build_model(open_trial(path))
        json.dumps(model.summary, allow_nan=False)
        for render in (markdown.render, junit.render, csv_tables.render, hdr.render_log):
            render(model)

    def kept():
        trial = open_trial(path)
        save_baseline(trial, "b", measured_phases(trial.manifest), folder)

    for read in (compared, drawn, reported, kept):
        result_or_error(read)


@scaled_settings(5)
@given(st.data())
def test_wild_cells(whole, tmp_path_factory, data):
    """Null, NaN, the limits of every type, any text in place of a name."""
    folder = tmp_path_factory.mktemp("wild")
    path = shutil.copytree(whole, folder / "t")
    with_wild_cells(data, path / data.draw(st.sampled_from(TABLES)))

    read_everything(whole, path, folder / "baselines")


@scaled_settings(4)
@given(st.data())
def test_flipped_bytes(whole, tmp_path_factory, data):
    """Cut off, changed or repeated."""
    folder = tmp_path_factory.mktemp("flipped")
    path = shutil.copytree(whole, folder / "t")
    file = path / data.draw(st.sampled_from([*TABLES, "manifest.json"]))
    file.write_bytes(mutated(data, file.read_bytes()))

    read_everything(whole, path, folder / "baselines")
