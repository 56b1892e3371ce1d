"""What is left of a limiter's trial that is stopped while its sessions are being closed."""

from __future__ import annotations

import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from harness.execution import limiter
from harness.execution.limiter import LimiterJob, measure_limiter
from harness.trial.store import MANIFEST

KEPT = "stopped; what was measured is kept: harness report "


@pytest.mark.parametrize("begun", [False, True])
def test_a_second_interrupt_keeps_the_ledger_of_what_may_be_open(tmp_path, monkeypatch, begun):
    """Before anything was sent there is none, and nothing is left."""
    out, said = tmp_path / "trial", io.StringIO()

    def probe(*_args):
        if begun:
            (out / MANIFEST).write_text("{}")
            (out / "local.ledger").write_text("{}")
        raise KeyboardInterrupt

    monkeypatch.setattr(limiter, "_prepare", lambda *_: SimpleNamespace(embedded=False))
    monkeypatch.setattr(limiter, "_measure", probe)
    job = LimiterJob("http://127.0.0.1:9", out, "t", lab_config=None)

    with pytest.raises(KeyboardInterrupt):
        measure_limiter(job, "k", Console(file=said), Console(file=said, width=200))

    assert begun == (out / "local.ledger").exists() == (KEPT in said.getvalue())
    assert begun == out.exists()
