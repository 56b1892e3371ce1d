"""
Findings on the session lab's capacity.json.

The ceiling itself is not a promise. Checked are: it holds under concurrent creates, refusals
carry the right code, slots come back, and the lab left no session open.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.verdicts import Finding, Verdict


def check_capacity(document: Mapping[str, Any] | None) -> list[Finding]:
    """Findings on a session lab's document (unknown for another form); none for another kind."""
    if document is None or document.get("kind") != "sessions":
        return []
    try:
        return [judge(document) for judge in (_admission, _refusal, _slots, _closed)]
    except (AttributeError, KeyError, TypeError, ValueError):
        detail = "capacity.json has another form than this version writes"
        return [_finding("document", Verdict.UNKNOWN, detail)]


def _admission(document: Mapping[str, Any]) -> Finding:
    ceiling, over, races = (document[k] for k in ("ceiling", "over_admitted", "races"))
    if over:
        return _finding(
            "admission",
            Verdict.FAIL,
            f"concurrent creates opened {over} sessions more than the ceiling of {ceiling}",
            {"ceiling": ceiling, "over_admitted": over, "races": races},
        )
    if not races:
        return _finding(
            "admission", Verdict.UNKNOWN, "no concurrent creates were sent at the ceiling"
        )
    detail = f"{races} races of creates at the ceiling of {ceiling} opened no session too many"
    return _finding("admission", Verdict.PASS, detail)


def _refusal(document: Mapping[str, Any]) -> Finding:
    refusal = document["refusal"]
    if not refusal["count"]:
        return _finding("refusal", Verdict.UNKNOWN, "no create was refused as full")
    if refusal["clean"]:
        detail = f"{refusal['count']} refusals, each with {refusal['code']}"
        return _finding("refusal", Verdict.PASS, detail)
    codes = {str(code) or "(no code)": count for code, count in refusal["codes"].items()}
    detail = "refusals as full carry " + ", ".join(
        f"{code} {count} times" for code, count in codes.items()
    )
    return _finding("refusal", Verdict.FAIL, detail, codes)


def _slots(document: Mapping[str, Any]) -> Finding:
    lost, after = document["slots_lost"], document["failed_creates_before_refill"]
    if lost is None:
        if document["failed_creates"] or document["unresolved_creates"]:
            return _finding("slots", Verdict.UNKNOWN, "creates failed, and the lab did not refill")
        return _finding("slots", Verdict.PASS, "no create failed, so none lost a slot")
    if lost and after:
        detail = f"{lost} slots did not come back after {after} creates that failed"
        return _finding("slots", Verdict.FAIL, detail, {"slots_lost": lost, "failed": after})
    if lost:
        detail = f"the ceiling fell by {lost}, but no create failed in between"
        return _finding("slots", Verdict.UNKNOWN, detail)
    if not after:
        return _finding("slots", Verdict.UNKNOWN, "creates failed only before the first ceiling")
    detail = f"{after} creates failed after the first refusal, and none lost a slot"
    return _finding("slots", Verdict.PASS, detail)


def _closed(document: Mapping[str, Any]) -> Finding:
    leaked, opened = document["leaked"], document["opened"]
    if leaked:
        detail = f"{leaked} of {opened} sessions opened could not be closed"
        return _finding("closed", Verdict.FAIL, detail, {"leaked": leaked})
    if not opened:
        return _finding("closed", Verdict.UNKNOWN, "no session was opened")
    return _finding("closed", Verdict.PASS, f"{opened} sessions opened, all closed")


def _finding(name: str, verdict: Verdict, detail: str, evidence: Any = None) -> Finding:
    rows = (evidence,) if evidence else ()
    return Finding(f"capacity.{name}", "invariant", verdict, detail, rows)
