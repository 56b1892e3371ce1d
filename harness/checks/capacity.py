"""
What a capacity lab found, held against what an API owes: capacity.json in, findings out.

A ceiling is no promise, so its height is no finding. Owed are a ceiling that holds under
concurrent creates, a refusal that says what it is, slots that come back, and, of
ourselves, that nothing is left open.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.verdicts import Finding, Verdict


def check_capacity(document: Mapping[str, Any] | None) -> list[Finding]:
    """
    Findings on a session lab's document; none where there is none, or of another kind.

    A document that is not as the lab writes it is one unknown.
    """
    if document is None or document.get("kind") != "sessions":
        return []
    try:
        return [judge(document) for judge in (_admission, _refusal, _slots, _closed)]
    except (AttributeError, KeyError, TypeError, ValueError):
        detail = "capacity.json is not as this version writes it"
        return [_finding("document", Verdict.UNKNOWN, detail)]


def _admission(document: Mapping[str, Any]) -> Finding:
    ceiling, over, races = (document[k] for k in ("ceiling", "over_admitted", "races"))
    if over:
        return _finding(
            "admission",
            Verdict.FAIL,
            f"concurrent creates let in {over} more than the ceiling of {ceiling}",
            {"ceiling": ceiling, "over_admitted": over, "races": races},
        )
    if not races:
        return _finding("admission", Verdict.UNKNOWN, "no creates were raced at the ceiling")
    detail = f"{races} races of creates at the ceiling of {ceiling} let in none too many"
    return _finding("admission", Verdict.PASS, detail)


def _refusal(document: Mapping[str, Any]) -> Finding:
    refusal = document["refusal"]
    if not refusal["count"]:
        return _finding("refusal", Verdict.UNKNOWN, "no create was refused as full")
    if refusal["clean"]:
        detail = f"{refusal['count']} refusals, each with {refusal['code']}"
        return _finding("refusal", Verdict.PASS, detail)
    codes = {str(code) or "(no code)": count for code, count in refusal["codes"].items()}
    detail = "refusals for want of room carry " + ", ".join(
        f"{code} {count} times" for code, count in codes.items()
    )
    return _finding("refusal", Verdict.FAIL, detail, codes)


def _slots(document: Mapping[str, Any]) -> Finding:
    lost, after = document["slots_lost"], document["slots_lost_after"]
    if lost is None:
        if document["failed_creates"] or document["lost_answers"]:
            return _finding("slots", Verdict.UNKNOWN, "creates failed, and no refill followed")
        return _finding("slots", Verdict.PASS, "no create failed, so none took a slot with it")
    if lost and after:
        detail = f"{lost} slots did not come back after {after} creates that failed"
        return _finding("slots", Verdict.FAIL, detail, {"slots_lost": lost, "failed": after})
    if lost:
        detail = f"the ceiling fell by {lost}, though no create failed meanwhile"
        return _finding("slots", Verdict.UNKNOWN, detail)
    if not after:
        return _finding("slots", Verdict.UNKNOWN, "creates failed only before the first ceiling")
    detail = f"{after} creates failed after the first refusal, and none took a slot with it"
    return _finding("slots", Verdict.PASS, detail)


def _closed(document: Mapping[str, Any]) -> Finding:
    leaked, opened = document["leaked"], document["opened"]
    if leaked:
        detail = f"{leaked} of {opened} sessions opened could not be closed"
        return _finding("closed", Verdict.FAIL, detail, {"leaked": leaked})
    if not opened:
        return _finding("closed", Verdict.UNKNOWN, "no session was opened")
    return _finding("closed", Verdict.PASS, f"{opened} sessions opened, every one closed")


def _finding(name: str, verdict: Verdict, detail: str, witness: Any = None) -> Finding:
    rows = (witness,) if witness else ()
    return Finding(f"capacity.{name}", "invariant", verdict, detail, rows)
