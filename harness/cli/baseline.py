"""``harness baseline``: keep trials to compare with."""

from __future__ import annotations

from harness.cli.completion import BASELINES
from harness.cli.interrupts import importing
from harness.cli.lazy import new_app, show_examples
from harness.cli.parameters import BaselineName, BaselineRoot, Json, TrialPath

app = new_app(help="Keep trials to compare with.", no_args_is_help=True)


@app.command(epilog=show_examples("harness baseline save main trials/latest"))
def save(name: BaselineName, trial: TrialPath, root: BaselineRoot = BASELINES) -> None:
    """Keep a trial's histograms and manifest, small enough for git."""
    with importing():
        from rich.console import Console

        from harness.analysis.distributions import measured_phases
        from harness.cli.console import print_line
        from harness.trial.baselines import save_baseline
        from harness.trial.store import open_trial

    kept_trial = open_trial(trial)
    path = save_baseline(kept_trial, name, measured_phases(kept_trial.manifest), root)
    kilobytes = sum(file.stat().st_size for file in path.iterdir()) / 1000
    print_line(Console(), f"{path} ({kilobytes:,.0f} kB)")


@app.command("list", epilog=show_examples("harness baseline list --json"))
def list_(root: BaselineRoot = BASELINES, as_json: Json = False) -> None:
    """List all baselines, oldest first."""
    with importing():
        from rich.console import Console

        from harness.cli.baseline_view import describe, list_table
        from harness.cli.console import print_json
        from harness.errors import TrialError
        from harness.trial.baselines import read_baselines

    found, damaged = read_baselines(root)
    if as_json:
        print_json([describe(trial) for trial in found])
    elif found:
        Console().print(list_table(found))
    elif not damaged:
        Console().print(f"no baselines in {root}; keep one with `harness baseline save`")
    if damaged:
        raise TrialError("\n".join(map(str, damaged)))


@app.command(epilog=show_examples("harness baseline show main"))
def show(name: BaselineName, root: BaselineRoot = BASELINES, as_json: Json = False) -> None:
    """Show a baseline's response times by operation."""
    with importing():
        from rich.console import Console

        from harness.cli.baseline_view import describe, describe_latencies, print_baseline
        from harness.cli.console import print_json
        from harness.trial.baselines import find_baseline
        from harness.trial.store import open_trial

    trial = open_trial(find_baseline(name, root))
    if as_json:
        print_json(describe(trial) | {"response_ms": describe_latencies(trial)})
    else:
        print_baseline(trial, Console())
