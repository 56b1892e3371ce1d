"""Any response, from the client to the findings: a result, a row, a finding."""

from __future__ import annotations

import json
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from harness.checks.registry import run_checks
from harness.client.call import ClientContext
from harness.client.ledger import Ledger, read_ledger
from harness.client.opensteer_client import ExpectedCounts, OpensteerClient
from harness.client.recorder import Recorder
from harness.client.retries import RetryBudget, RetryPolicy
from harness.clock import unix_ns
from harness.contract.operations import OPERATIONS
from harness.contract.response_models import LogPage
from harness.trial.batches import attempts_table, from_ipc, to_ipc
from harness.trial.schema import ATTEMPTS
from harness.wire import Failure, Response
from tests.contract.bodies import CREATED, JSON, LINE, QUEUED, RUN, SESSION
from tests.examples import scaled_settings
from tests.fuzz.test_documents import changed
from tests.histories import context, reader

GOOD = [
    CREATED, {"cloudSession": SESSION}, QUEUED, {"run": RUN},
    {"logs": [LINE, LINE], "nextBeforeLogCursor": "7"},
    {"imported": 3, "inserted": 2, "updated": 1, "skipped": 4},
    {"error": "no", "code": "CLOUD_CAPACITY_FULL", "details": {}},
]  # fmt: skip
ODD = [
    2**63, -(2**63), 10**40, 1e308, "", "x" * 2000, "\x00", "…/..", "a b\r\nc", "\ufffe\U0010ffff",
    "2" * 400, {"a": {"a": {}}},
]  # fmt: skip
WAITS = st.none() | st.sampled_from(
    ["0", "1e9", "-5", "9" * 60, "Fri, 31 Feb 2026 00:00:00 GMT", ""]
)


class Anything:
    """A transport whose responses the test draws."""

    def __init__(self, data):
        self.data = data

    def exchange(self, request, deadline_ns):
        draw, now_ns = self.data.draw, unix_ns()
        request.target.encode("ascii")
        if draw(st.integers(0, 9)) == 0:
            failure = draw(st.sampled_from(Failure))
            return Response(0, b"", None, None, now_ns, now_ns + 5, 1, 0, failure, "x")
        status = draw(st.sampled_from([200, 201, 202, 204, 302, 400, 404, 409, 429, 503]))
        return Response(status, self._body(), draw(WAITS), "text/x", now_ns, now_ns + 9, 1, 2)

    def _body(self):
        data = self.data
        if data.draw(st.integers(0, 4)) == 0:
            return data.draw(st.binary(max_size=40))
        document = changed(data, data.draw(st.sampled_from(GOOD)))
        if isinstance(document, dict) and document and data.draw(st.booleans()):
            document[data.draw(st.sampled_from(sorted(document)))] = data.draw(
                st.sampled_from(ODD) | JSON
            )
        return json.dumps(document, ensure_ascii=data.draw(st.booleans())).encode(
            errors="surrogatepass"
        )

    def close(self):
        pass


def make_calls(client, data):
    """A user's calls, with the ids and cursors of earlier responses."""
    sessions, runs, cursor = ["s"], ["r"], None
    for turn in range(data.draw(st.integers(1, 6))):
        match data.draw(st.sampled_from(sorted(OPERATIONS))):
            case "create_session":
                body = b'{"n":%d}' % turn
                sessions.append(client.create_session(body, f"k{turn}").interpretation.resource_id)
            case "queue_run":
                result = client.queue_run("slug", b"{}", f"q{turn}", events=("run.failed",))
                runs.append(result.interpretation.resource_id)
            case "import_selector_cache":
                client.import_selector_cache(b"{}", f"i{turn}", ExpectedCounts(fresh=2))
            case "get_session":
                client.get_session(sessions[-1] or "s", probe="deleted_again")
            case "delete_session":
                client.delete_session(sessions[-1] or "s")
            case "get_run":
                client.get_run(runs[-1] or "r")
            case "get_run_logs":
                interpretation = client.get_run_logs(
                    runs[-1] or "r", limit=5, cursor=cursor
                ).interpretation
                if isinstance(interpretation.value, LogPage):
                    cursor = interpretation.value.next_before_log_cursor
            case _:
                client.health()


@scaled_settings(16)
@given(data=st.data())
def test_any_responses_are_recorded_and_checked(tmp_path_factory, data):
    """No call raises, every attempt is a row, the ledger is readable, every check decides."""
    path = tmp_path_factory.mktemp("answers") / "ledger"
    recorder, ledger = Recorder(), Ledger(path)
    policy = RetryPolicy(attempts=2, base_s=0.0, cap_s=0.0, jitter_s=0.0)
    client_context = ClientContext(
        "local", recorder.record, policy, RetryBudget(1.0), lambda _: None, Random(1)
    )  # fmt: skip
    client_context.stopping = data.draw(st.booleans())
    try:
        make_calls(OpensteerClient(Anything(data), client_context, ledger), data)
    finally:
        ledger.close_file()
    again = read_ledger(path)
    rows = recorder.drain()

    assert (again.open, again.unconfirmed) == (ledger.open, ledger.unconfirmed)
    frame = from_ipc(to_ipc(attempts_table(rows)), ATTEMPTS).to_pandas()
    assert [row.evidence for row in rows] == list(frame["evidence"])
    if data.draw(st.integers(0, 4)):
        return  # the checks take most of the time
    for finding in run_checks(reader(frame), context()):
        assert "the check itself failed" not in finding.detail, finding.detail
        assert len(finding.detail) < 2000
