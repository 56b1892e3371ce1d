"""The honest stand-in passes every check, and each lie fails the checks that are about it."""

from __future__ import annotations

import pytest

from harness.cli.mailbox import open_mailbox
from harness.conformance.access import BURST_MAX
from harness.conformance.desk import Desk
from harness.conformance.suite import CHECKS, make
from harness.load.spec import auth_headers
from harness.standin.config import Lies, StandinConfig
from harness.standin.launch import Standin
from harness.wire import Target

KEY = "osk_conform"
QUICK = {
    "api_keys": (KEY,),
    "run_wait": "1ms",
    "run_duration": "5ms",
    "limiter": "token-bucket",
    "rate": 200.0,
    "burst": 40,
}


def sit(names: tuple[str, ...] = (), *, destructive: bool = True, patience_s=20, **settings):
    """Checks of a stand-in so set: name → verdict, and what the stand-in says it did."""
    with Standin(StandinConfig(**QUICK | settings)) as standin, open_mailbox() as mailbox:
        target = Target(standin.url, auth_headers("api-key", KEY))
        desk = Desk(target, patience_s, mailbox)
        checks = [check for check in CHECKS if not names or check.name in names]
        try:
            found = make(
                checks, desk, destructive=destructive, ours=True, told=lambda _seen: None
            )
        finally:
            left = desk.close()
        truth = standin.truth()
    assert not left
    return {seen.check.name: (seen.verdict, seen.detail) for seen in found}, truth


def test_names_are_unique_and_every_check_states_something():
    """A name is what a pipeline refers to."""
    assert len(CHECKS) == len({check.name for check in CHECKS})
    assert all(check.states and "." in check.name for check in CHECKS)


@pytest.mark.parametrize("vocabulary", ["seed", "sdk"])
def test_the_stand_in_passes_all(vocabulary):
    """In either vocabulary, behind a limiter; and every session is closed afterwards."""
    found, truth = sit(vocabulary=vocabulary)

    assert {name: seen for name, seen in found.items() if seen[0] != "pass"} == {}
    assert truth["sessions"]["created"] > 0
    assert truth["sessions"]["open"] == 0


def test_nothing_is_changed_unless_it_is_asked_for():
    """Without destructive checks no session, run or entry comes to be."""
    found, truth = sit(destructive=False)

    made = {name for name, (verdict, _) in found.items() if verdict == "pass"}
    assert made == {check.name for check in CHECKS if not check.destructive}
    assert {verdict for verdict, _ in found.values()} == {"pass", "skip"}
    for operation in ("create_session", "queue_run", "import_selector_cache"):
        assert truth["requests"].get(operation, {}).get("accepted", 0) == 0
    assert truth["sessions"]["created"] == 0


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
def test_a_lie_fails_the_checks_that_are_about_it(lies, failing):
    """… and no others of the honest ones beside them."""
    beside = {"health.ok", "auth.no_key", "create_session.answer", "queue_run.answer"}
    found, _ = sit(tuple(failing | beside), lies=Lies(**lies))

    assert {name for name, (verdict, _) in found.items() if verdict == "fail"} == failing, found
    assert all(found[name][1] for name in failing)


def test_a_lost_delivery_fails_the_webhook():
    """A run ended, and nobody was told."""
    lies = Lies(loses_delivery=1.0)
    found, _ = sit(("webhook.delivered",), lies=lies, patience_s=1.0, run_canceled=0.0)

    assert "no webhook came" in found["webhook.delivered"][1]


@pytest.mark.parametrize("style", ["missing", "malformed", "decimal", "early"])
def test_a_wrong_retry_after_fails_the_rate_limit(style):
    """No advice, no number, or a wait after which one is refused again."""
    found, _ = sit(("rate_limit.retry_after",), rate=0.5, burst=3, retry_after=style)

    assert found["rate_limit.retry_after"][0] == "fail", found


def test_a_lying_retry_after_fails_the_rate_limit():
    """Retry-After: 0 before a wait of two seconds."""
    lies = Lies(wrong_retry_after=1.0)
    found, _ = sit(("rate_limit.retry_after",), rate=0.5, burst=3, lies=lies)

    assert "refused again" in found["rate_limit.retry_after"][1]


def test_what_gave_no_occasion_is_skipped_and_never_passed():
    """No limiter, and no room for a session."""
    names = ("rate_limit.retry_after", "create_session.distinct")
    found, _ = sit(names, limiter="none", max_sessions=1)

    assert {verdict for verdict, _ in found.values()} == {"skip"}
    assert str(BURST_MAX) in found["rate_limit.retry_after"][1]


def test_a_key_that_everyone_has_fails_the_wrong_key():
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
        ({"action:CLOUD_CONNECTION_LOST": 1.0}, {"action.answer"}),
        ({"cdp:CLOUD_RUNTIME_GONE": 1.0}, {"cdp.answer"}),
        ({"get_run:CLOUD_INTERNAL_ERROR": 1.0}, {"get_run.unknown", "get_run.status"}),
    ],
    ids=lambda value: "+".join(sorted(value)),
)
def test_a_failure_fails_the_operation_s_checks(fail, failing):
    """What answers with an error breaks what is stated of its success."""
    with Standin(StandinConfig(**QUICK, fail=fail)) as standin:
        desk = Desk(Target(standin.url, auth_headers("api-key", KEY)))
        wanted = failing | {"auth.no_key"}
        checks = [check for check in CHECKS if check.name in wanted]
        found = make(checks, desk, destructive=True, ours=True, told=lambda _seen: None)
        standin.control(fail={})
        left = desk.close()

    assert {seen.check.name for seen in found if seen.verdict == "fail"} == failing
    assert not left
