"""The honest stand-in passes every check, and each lie fails the checks that are about it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.conformance.access import BURST_MAX
from harness.conformance.suite import CHECKS
from harness.standin.config import Lies, StandinConfig
from harness.standin.launch import Standin
from tests.conformance.conftest import QUICK, Stage


def test_names_are_unique_and_every_check_states_something():
    """A name is what a pipeline refers to."""
    assert len(CHECKS) == len({check.name for check in CHECKS})
    assert all(check.states and "." in check.name for check in CHECKS)


@pytest.mark.parametrize("source", ["seed", "client", "ours"])
def test_every_check_is_listed_with_its_source(source):
    """docs/conform.md: the documentation's in a table, the others below it."""
    page = (Path(__file__).parents[2] / "docs" / "conform.md").read_text()
    begins = {
        "seed": "## Statements and checks",
        "client": "What the SDK demands:",
        "ours": "What is only the stand-in's reading",
    }
    text = page.partition(begins[source])[2]
    text = text.partition("From outside nobody" if source == "seed" else "\n\n")[0]
    listed = set(re.findall(r"`([a-z_]+\.[a-z_]+)`", text)) - {"links.status", "links.logs"}
    assert listed == {check.name for check in CHECKS if check.source == source}


@pytest.mark.parametrize("vocabulary", ["seed", "sdk"])
def test_the_stand_in_passes_all(sit, vocabulary):
    """In either vocabulary, behind a limiter; and every session is closed afterwards."""
    found, done = sit(vocabulary=vocabulary, max_sessions=6, fill=8)

    # The tokens of an hour's session outlive the test; another one sees them expire.
    skipped, detail = found.pop("sockets.expired_token")
    assert (skipped, "--patience" in detail) == ("skip", True)
    assert {name: seen for name, seen in found.items() if seen[0] != "pass"} == {}
    assert done["create_session"] == done["delete_session"] > 30


def test_nothing_is_changed_unless_it_is_asked_for(sit):
    """Without destructive checks no session, run or entry comes to be."""
    found, done = sit(destructive=False)

    made = {name for name, (verdict, _) in found.items() if verdict == "pass"}
    assert made == {check.name for check in CHECKS if not check.destructive}
    assert {verdict for verdict, _ in found.values()} == {"pass", "skip"}
    assert set(done.values()) == {0}


LIES = [
    ({"executes_twice": 1.0}, {"create_session.idempotent", "queue_run.replayed"}),
    ({"forgets_keys_after_s": 1e-6}, {"create_session.idempotent", "queue_run.replayed"}),
    ({"replays_wrong_run": 1.0}, {"queue_run.replayed"}),
    ({"duplicate_session_id": 1.0}, {"create_session.distinct"}),
    ({"status_goes_back": 0.5}, {"get_run.final"}),
    ({"loses_log_line": 1.0}, {"get_run_logs.pages"}),
    (
        {"cache_miscounts": 1.0},
        {"import_selector_cache.answer", "import_selector_cache.accounting"},
    ),
    ({"older_wins": 1.0}, {"import_selector_cache.accounting"}),
    ({"signs_wrongly": 1.0}, {"webhook.signed"}),
    ({"delivers_for_unsubscribed": 1.0}, {"webhook.subscribed"}),
    ({"takes_any_token": 1.0}, {"sockets.tokens"}),
    ({"deleted_still_answers": 1.0}, {"delete_session.closed"}),
]


@pytest.mark.parametrize(("lies", "failing"), LIES, ids=min)
def test_a_lie_fails_the_checks_that_are_about_it(sit, lies, failing):
    """… and no others of the honest ones beside them."""
    beside = {"health.ok", "auth.no_key", "create_session.answer", "queue_run.answer"}
    found, _ = sit(tuple(failing | beside), lies=Lies(**lies))

    assert {name for name, (verdict, _) in found.items() if verdict == "fail"} == failing, found
    assert all(found[name][1] for name in failing)


def test_a_leaked_slot_fails_the_capacity(stage):
    """Full, one is deleted, and there is no room all the same: a stand-in of its own."""
    with Standin(StandinConfig(**QUICK)) as standin:
        found, _ = Stage(standin, stage.mailbox).sit(
            ("create_session.capacity_full",), lies=Lies(leaks_slot=1.0),
            max_sessions=2, fill=5, patience_s=0.3,
        )  # fmt: skip

    assert "full with 2 sessions" in found["create_session.capacity_full"][1]


@pytest.mark.parametrize(("lie", "verdict"), [(0.0, "pass"), (1.0, "fail")])
def test_an_expired_token_is_tried(sit, lie, verdict):
    """When its time is over it must not open a socket."""
    found, _ = sit(
        ("sockets.expired_token",), token_lifetime_s=0.3, lies=Lies(takes_any_token=lie)
    )

    assert found["sockets.expired_token"][0] == verdict, found


def test_a_lost_delivery_fails_the_webhook(sit):
    """A run ended, and nobody was told; or was told once, refused it, and never again."""
    lies = Lies(loses_delivery=1.0)
    found, _ = sit(("webhook.delivered",), lies=lies, patience_s=0.5, run_canceled=0.0)
    assert "no webhook came" in found["webhook.delivered"][1]

    found, _ = sit(("webhook.redelivered",), webhook_tries=1, patience_s=0.5)
    assert "no 2 webhooks came" in found["webhook.redelivered"][1]


@pytest.mark.parametrize("style", ["missing", "malformed", "decimal", "early"])
def test_a_wrong_retry_after_fails_the_rate_limit(sit, style):
    """No advice, no number, or a wait after which one is refused again."""
    found, _ = sit(("rate_limit.retry_after",), rate=0.5, burst=3, retry_after=style)

    assert found["rate_limit.retry_after"][0] == "fail", found


def test_a_lying_retry_after_fails_the_rate_limit(sit):
    """Retry-After: 0 before a wait of two seconds."""
    lies = Lies(wrong_retry_after=1.0)
    found, _ = sit(("rate_limit.retry_after",), rate=0.5, burst=3, lies=lies)

    assert "refused again" in found["rate_limit.retry_after"][1]


def test_what_gave_no_occasion_is_skipped_and_never_passed(sit):
    """No limiter, and no room for a session."""
    names = ("rate_limit.retry_after", "create_session.distinct")
    found, _ = sit(names, limiter="none", max_sessions=1)

    assert {verdict for verdict, _ in found.values()} == {"skip"}
    assert str(BURST_MAX) in found["rate_limit.retry_after"][1]


def test_a_key_that_everyone_has_fails_the_wrong_key(sit):
    """A stand-in without keys of its own lets any key in, but none at all."""
    found, _ = sit(("auth.wrong_key", "auth.no_key"), api_keys=())

    assert (found["auth.wrong_key"][0], found["auth.no_key"][0]) == ("fail", "pass")


@pytest.mark.parametrize(
    ("fail", "failing"),
    [
        ({"health:CLOUD_INTERNAL_ERROR": 1.0}, {"health.ok"}),
        ({"create_session:CLOUD_LAUNCH_FAILED": 1.0}, {"create_session.answer"}),
        ({"delete_session:CLOUD_INTERNAL_ERROR": 1.0}, {"delete_session.answer"}),
        ({"queue_run:CLOUD_TIMEOUT": 1.0}, {"queue_run.answer"}),
        ({"action.connect:CLOUD_CDP_UNAVAILABLE": 1.0}, {"action.answer"}),
        ({"action:CLOUD_CONNECTION_LOST": 1.0}, {"action.answer", "action.by_id"}),
        (
            {"action:CLOUD_UNSUPPORTED_METHOD": 1.0},
            {"action.methods", "action.results", "action.failed"},
        ),
        ({"cdp:CLOUD_RUNTIME_GONE": 1.0}, {"cdp.answer", "cdp.attach"}),
        (
            {"import_selector_cache:CLOUD_INTERNAL_ERROR": 1.0},
            {"import_selector_cache.repeated_key", "import_selector_cache.batch"},
        ),
        ({"get_run_logs:CLOUD_TIMEOUT": 1.0}, {"get_run_logs.unknown", "get_run_logs.bounds"}),
        ({"get_run:CLOUD_INTERNAL_ERROR": 1.0}, {"get_run.unknown", "get_run.status"}),
    ],
    ids=lambda value: "+".join(sorted(value)),
)
def test_a_failure_fails_the_operation_s_checks(sit, fail, failing):
    """What answers with an error breaks what is stated of its success."""
    found, _ = sit(tuple(failing | {"auth.no_key"}), fail=fail)

    assert {name for name, (verdict, _) in found.items() if verdict == "fail"} == failing, found
