"""
``python -m benchmarks.reliability.trials CASE --seed N --seconds S --out DIR``: one trial of a case.

Prints one line of JSON: what each check said, whether the books balance, how often the
stand-in lied. The trial is a whole one, but for its report.
"""

from __future__ import annotations

import argparse
import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console

from benchmarks.reliability.accounting import reconcile
from benchmarks.reliability.cases import BY_NAME, Case
from harness.assess.evaluate import check_trial
from harness.execution.lifecycle import measure
from harness.execution.load import LoadExperiment, LoadJob
from harness.execution.load_process import find_scenario
from harness.faults.spec import parse_fault
from harness.load.spec import EMBEDDED_KEY
from harness.plan.file import build_plan, find_plan, read_plan
from harness.standin.config import StandinConfig


def make(case: Case, seed: int, seconds: float, out: Path, rate: float | None) -> dict[str, Any]:
    """Make one trial; what came of it."""
    plan = read_plan(find_plan("reliability")).model_dump(mode="json", by_alias=True)
    phase = plan["load"]["phases"][0] | {"duration": f"{seconds}s"}
    phase |= {"rate": rate} if rate else {}
    plan["load"]["phases"] = [phase]
    for table, changes in case.plan.items():
        plan[table] |= changes
    faults = [parse_fault(_at(text, seconds)).to_table() for text in case.faults]
    plan |= {"seed": seed, "faults": faults}
    told = {"seed": seed, **case.standin}
    job = LoadJob(
        scenario=find_scenario("mixed"),
        plan=build_plan(plan, case.name),
        host="",
        out=out,
        trial_id=f"{re.sub('[^a-z]+', '-', case.name)}-{seed}",
        standin=msgspec.convert(told, StandinConfig),
    )
    measure(LoadExperiment(job), EMBEDDED_KEY, Console(file=io.StringIO()))
    trial, findings = check_trial(out)
    lines = [] if case.caught_by else [line for line in reconcile(out) if not line.balances]
    truth = json.loads((out / "truth.json").read_text())
    rows = trial.attempts_table(["attempt"])
    return {
        "case": case.name,
        "seed": seed,
        "seconds": seconds,
        "verdicts": {f.name: f.verdict.value for f in findings if f.kind == "invariant"},
        "details": {f.name: f.detail for f in findings if f.verdict.value != "pass"},
        "lies": sum(truth["lies"].values()),
        "attempts": len(rows),
        "calls": int(sum(value == 1 for value in rows["attempt"].to_pylist())),
        "hits": sum(1 for e in trial.events({"fault"}) if e.data.get("edge") == "hit"),
        "unbalanced": [str(line) for line in lines],
    }


def _at(text: str, seconds: float) -> str:
    """Put times in the place of shares of the trial: {30} of 20 s are 6 s."""
    return re.sub(r"\{(\d+)\}", lambda m: f"{round(int(m[1]) * seconds * 10)}ms", text)


def main() -> None:
    """Read the arguments, make the trial, print what came of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("case", choices=sorted(BY_NAME))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rate", type=float)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    made = make(BY_NAME[given.case], given.seed, given.seconds, given.out, given.rate)
    sys.stdout.write(json.dumps(made) + "\n")


if __name__ == "__main__":
    main()
