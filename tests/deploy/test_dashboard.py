"""The Grafana dashboard asks for metrics that there are, in a language that Prometheus reads."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from harness.load.progress import Progress
from harness.telemetry.latest_metrics import LatestMetrics, TrialInfo
from harness.telemetry.prometheus import LiveCollector

DASHBOARD = Path(__file__).resolve().parents[2] / "deploy/grafana-dashboard.json"
VARIABLES = {"$__rate_interval": "15s", "$operation": ".*"}


def panels() -> list[dict]:
    """Its panels."""
    return json.loads(DASHBOARD.read_text())["panels"]


def expressions() -> list[str]:
    """What it asks Prometheus for, variables filled in."""
    found = [target["expr"] for panel in panels() for target in panel["targets"]]
    for name, value in VARIABLES.items():
        found = [expression.replace(name, value) for expression in found]
    return found


def test_it_asks_only_for_metrics_that_there_are() -> None:
    """And only by labels that they have."""
    latest = LatestMetrics(Progress(None, 10**9, watched=True).snapshot())
    names = set()
    for family in LiveCollector(TrialInfo("t", "mixed", "smoke"), latest).collect():
        names |= {f"{family.name}{suffix}" for suffix in ("", "_total", "_bucket")}
    asked = {name for text in expressions() for name in re.findall(r"opensteer_\w+", text)}

    assert asked
    assert asked <= names
    assert not [text for text in expressions() if "$" in text]


def test_prometheus_reads_every_expression(tmp_path) -> None:
    """As rules, which its own tool checks."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (make test-deps)")
    rules = [{"record": f"panel:{n}", "expr": text} for n, text in enumerate(expressions())]
    path = tmp_path / "rules.yml"
    path.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    ended = subprocess.run(
        [promtool, "check", "rules", path], check=False, capture_output=True, text=True
    )

    assert ended.returncode == 0, ended.stderr
    assert f"{len(rules)} rules found" in ended.stdout


def test_every_panel_has_a_title_a_unit_and_a_place_of_its_own() -> None:
    """No two overlap, and none leaves the grid of 24 columns."""
    taken = set()
    for panel in panels():
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert panel["title"]
        assert panel["description"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert not taken & cells
        assert max(x for x, _ in cells) < 24
        taken |= cells
    assert len({panel["id"] for panel in panels()}) == len(panels())
