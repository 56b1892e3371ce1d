"""The contract version is a setting, and doctor says which ones a server takes."""

from __future__ import annotations

import re

import pytest

from harness.standin.config import StandinConfig
from harness.standin.launch import Standin
from tests.e2e.conftest import KEY, Command, summary_of


def test_a_plan_of_another_version_is_refused_by_the_server(harness: Command) -> None:
    """``contract.version`` goes out with each create: v9 is answered CLOUD_CONTRACT_MISMATCH."""
    plan = '[contract]\nversion = "v9"\n[load]\nphases = [{duration = "1s", rate = 10}]\n'
    (harness.folder / "plan.toml").write_text(plan)
    ended = harness("run", "session_churn", "--plan", "plan.toml", "--out", "trial")
    created = summary_of(harness.folder / "trial")["operations"]["create_session"]

    assert ended.code in {0, 1, 4}, ended.err
    assert {"contract_mismatch"} == {name for name, n in created["outcomes"].items() if n}


@pytest.mark.parametrize("auth", ["api-key", "bearer"])
def test_doctor_says_which_versions_a_server_takes(harness: Command, auth: str) -> None:
    """v3 is taken, the others refused, by either scheme; no session is left open."""
    with Standin(StandinConfig(api_keys=(KEY,))) as standin:
        ended = harness("doctor", "--host", standin.url, "--auth", auth)
        truth = standin.truth()

    assert ended.code == 0, ended.out
    words = re.search(r"v1 \w+, v2 \w+, v3 \w+, v4 \w+", ended.out)
    assert words
    assert "v1 refused, v2 refused, v3 taken, v4 refused" == words[0]
    assert (1, 0) == (truth["sessions"]["created"], truth["sessions"]["open"])
