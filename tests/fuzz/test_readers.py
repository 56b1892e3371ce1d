"""Any plan, trial directory or network input: a result, or one line of error."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.assess.evaluate import check_trial
from harness.client.ledger import read_ledger
from harness.errors import HarnessError
from harness.faults.event_log import EventLog
from harness.faults.inbox import InboxConfig, InboxServer
from harness.faults.process import read_config
from harness.faults.receiver import WebhookReceiver
from harness.faults.signature import SignatureStatus, verify
from harness.faults.spec import InboxBehaviour
from harness.plan.file import build_plan, parse_plan
from harness.trial.batches import attempts_table, bucket_table, to_ipc
from harness.trial.finalize import finalize_trial
from harness.trial.parts import PARTS, PartWriter
from harness.trial.store import open_trial
from reports.model import build_model
from tests.trials import attempt, event, ladder, manifest, write_trial

PLANS = Path(__file__).resolve().parents[2] / "scenarios" / "plans"
TEXTS = [path.read_text() for path in sorted(PLANS.glob("*.toml"))]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=10,
)


def result_or_error(read, *given_, lines=1):
    """Its result, or None after an error of the harness of at most this many lines."""
    try:
        return read(*given_)
    except HarnessError as error:
        text = str(error)
        assert text
        assert lines is None or text.count("\n") < lines
        return None


def mutated(data, raw):
    """Bytes with a few of them changed, removed or inserted."""
    raw = bytearray(raw)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw)))
        piece = data.draw(st.binary(max_size=6) | st.sampled_from([b'"', b"{", b"]", b"=", b"\n"]))
        raw[at : at + data.draw(st.integers(0, 9))] = piece
    return bytes(raw)


@settings(max_examples=150)
@given(st.data())
def test_a_changed_plan_is_a_plan_or_lines_of_mistakes(data):
    """One line per error, never a traceback."""
    raw = mutated(data, data.draw(st.sampled_from(TEXTS)).encode())

    result_or_error(parse_plan, raw.decode(errors="replace"), "plan.toml", lines=None)


@settings(max_examples=150)
@given(st.dictionaries(st.sampled_from(sorted(build_plan({}, "").model_dump())), JSON))
def test_any_document_is_a_plan_or_lines_of_mistakes(document):
    """The plan in a manifest is untrusted too."""
    result_or_error(build_plan, document, "manifest.json: plan", lines=None)


def running(path):
    """The trial of a killed writer, with a ledger."""
    with PartWriter(path) as writer:
        table = attempts_table([attempt(call_id=n, at_s=n / 10) for n in range(6)])
        writer.append("local", to_ipc(table), to_ipc(bucket_table(table)))
        writer.event(event(1, "note", text="x"))
    (path / PARTS / "local.ledger").write_bytes(
        b'{"kind":"intend","id":"k","body":"{}"}\n{"kind":"open","id":"s"}\n'
    )
    document = msgspec.json.encode(manifest(state="running", workers=[]))
    (path / "manifest.json").write_bytes(document)
    return path


@settings(max_examples=60)
@given(st.data())
def test_changed_parts_are_finished_or_an_error_of_the_trial(tmp_path_factory, data):
    """Batches, buckets, events and ledger."""
    path = running(tmp_path_factory.mktemp("parts") / "t")
    files = [*sorted((path / PARTS).iterdir()), path / "events.jsonl"]
    file = data.draw(st.sampled_from(files))
    file.write_bytes(mutated(data, file.read_bytes()))

    result_or_error(read_ledger, path / PARTS / "local.ledger")
    result_or_error(finalize_trial, path)


@settings(max_examples=40)
@given(st.data())
def test_a_changed_trial_is_judged_or_an_error_of_the_trial(tmp_path_factory, data):
    """Manifest and events, up to the report's model."""
    path = write_trial(
        tmp_path_factory.mktemp("judge") / "t",
        ladder()[:20],
        events=[
            event(1, "webhook", run_id="r", signature="valid", status=200, ended_ns=5),
            event(2, "fault", fault="slow", number=0, edge="start"),
            event(3, "generator", cpu_fraction=0.5),
        ],
    )
    file = path / data.draw(st.sampled_from(["manifest.json", "events.jsonl"]))
    file.write_bytes(mutated(data, file.read_bytes()))

    if result_or_error(check_trial, path) is not None:
        result_or_error(lambda: build_model(open_trial(path)))


@settings(max_examples=200)
@given(st.text(max_size=120) | st.binary(max_size=90).map(lambda raw: raw.decode("latin-1")))
def test_no_header_is_taken_for_genuine(header):
    """Without the secret it is never valid, and it never raises."""
    verdict = verify(header, b"{}", b"whsec_x", now_s=1_700_000_000)

    assert verdict in {SignatureStatus.FORGED, SignatureStatus.MISSING}


@settings(max_examples=100)
@given(JSON.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=80))
def test_any_signed_body_is_answered(body):
    """A genuine signature over nonsense is a 400, and an event."""
    from tests.faults.deliveries import NOW_S, SECRET, genuine

    receiver = WebhookReceiver(
        SECRET.decode(),
        event_log=EventLog(None, "t"),
        behaviour=InboxBehaviour(),
        now_ns=lambda: NOW_S * 10**9,
    )

    assert asyncio.run(receiver.receive("/a/%ff%", genuine(body), body)) in {200, 400}


@settings(max_examples=100)
@given(st.dictionaries(st.sampled_from(["slow", "fail", "silent", "slow_by", "hold"]), JSON))
def test_any_behaviour_is_one_or_a_line(table):
    """The inbox's configuration."""
    result_or_error(read_config, InboxConfig, {"secret": "s", "behaviour": table})


@settings(max_examples=25)
@given(st.lists(st.binary(max_size=200), max_size=4), st.booleans())
def test_any_bytes_to_the_inbox_leave_it_standing(pieces, posts):
    """After any bytes from another sender, the next genuine request is answered."""
    from tests.faults.deliveries import BODY, SECRET, genuine

    async def play():
        receiver = WebhookReceiver(
            SECRET.decode(), event_log=EventLog(None, "t"), behaviour=InboxBehaviour(),
            now_ns=lambda: 1_700_000_000 * 10**9,
        )  # fmt: skip
        inbox = InboxServer(receiver, ("127.0.0.1", 0))
        await inbox.open()
        port = int(inbox.url.rpartition(":")[2])
        _, sender = await asyncio.open_connection("127.0.0.1", port)
        sender.write(b"POST / HTTP/1.1\r\n" * posts + b"".join(pieces))
        sender.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = f"POST /k HTTP/1.1\r\nx-opensteer-signature: {genuine(BODY)}\r\n"
        writer.write(f"{head}content-length: {len(BODY)}\r\n\r\n".encode() + BODY)
        line = await asyncio.wait_for(reader.readline(), 10)
        writer.close()
        await inbox.close()
        return line

    assert b"HTTP/1.1 200 OK\r\n" == asyncio.run(play())
