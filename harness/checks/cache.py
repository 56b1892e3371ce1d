"""The selector cache counts the entries that it was sent."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from harness.checks.check import Check, TrialContext
from harness.checks.evidence import decode_evidence, decode_numbers
from harness.checks.history import COLUMNS, Mask, is_complete, may_have_happened
from harness.checks.violations import FindingBuilder, pluralize
from harness.verdicts import Finding

NAME = "cache.accounting"

_ANSWERED = ("imported", "inserted", "updated", "skipped")
_EXPECTED = ("fresh", "same", "newer", "older")
_NAMES = ("sent", *_ANSWERED, *_EXPECTED)


def check(frame: pd.DataFrame, context: TrialContext) -> Finding:
    """
    Every response has sent = inserted + updated + skipped. Each key is inserted once, an
    equal entry is skipped, and an older one never replaces a newer one.

    The sender's expectation is exact on the harness's own, empty target. A target used
    before may already hold a "fresh" entry, and a call with a lost attempt may find its own
    work done: then only the bounds are checked. O(n).
    """
    frame = frame.reset_index(drop=True)
    finding = FindingBuilder(NAME, context)
    answered = frame.loc[frame["status"].between(200, 299).to_numpy()]
    numbers = decode_numbers(answered["evidence"], _NAMES)
    counted = numbers[["sent", *_ANSWERED]].notna().all(axis=1).to_numpy()
    answered, numbers = answered.loc[counted], numbers.loc[counted]
    _check_sums(answered, numbers, finding)
    expecting = numbers[list(_EXPECTED)].notna().all(axis=1).to_numpy()
    answered, numbers = answered.loc[expecting], numbers.loc[expecting]
    probes = decode_evidence(answered["evidence"], ["probe"])["probe"]
    # A replay of the same request repeats its first response.
    own = (probes != "same_key_same_body").to_numpy()
    exact = _find_certain(answered, frame, context)
    _check_expected(answered.loc[own], numbers.loc[own], exact[own], finding)
    entries = int(numbers["sent"].sum())
    inserted = int(numbers.loc[own, "inserted"].sum())
    keys = int(numbers.loc[own, "fresh"].sum())
    pass_detail = (
        f"{pluralize(int(counted.sum()), 'response')} with "
        f"{pluralize(entries, 'entry', 'entries')}: every sum holds, {inserted:,} inserted of "
        f"{keys:,} distinct keys, none twice, no newer entry replaced by an older one"
    )
    return finding.build(
        pass_detail, "" if counted.any() else "no import has a response with counts"
    )


def _check_sums(answered: pd.DataFrame, numbers: pd.DataFrame, finding: FindingBuilder) -> None:
    parts = numbers["inserted"] + numbers["updated"] + numbers["skipped"]
    flaws = {
        "whose counts do not add up to the entries sent": parts != numbers["sent"],
        "with imported other than inserted + updated": (
            numbers["imported"] != numbers["inserted"] + numbers["updated"]
        ),
        "with a negative count": (numbers[list(_ANSWERED)] < 0).any(axis=1),
    }
    for words, flaw in flaws.items():
        finding.add_rows("response", words, answered.loc[flaw])


def _find_certain(answered: pd.DataFrame, frame: pd.DataFrame, context: TrialContext) -> Mask:
    """Responses whose counts only their own attempt can have caused."""
    if not (context.manifest.embedded and is_complete(context)):
        return np.zeros(len(answered), dtype=np.bool_)
    lost = frame.loc[may_have_happened(frame), ["call_id", "idempotency_key"]]
    calls = answered["call_id"].isin(lost["call_id"]).to_numpy()
    keys = answered["idempotency_key"].isin(set(lost["idempotency_key"]) - {""}).to_numpy()
    certain: Mask = ~(calls | keys)
    return certain


def _check_expected(
    answered: pd.DataFrame, numbers: pd.DataFrame, exact: Mask, finding: FindingBuilder
) -> None:
    n = {name: numbers[name].to_numpy() for name in _NAMES}
    old = n["same"] + n["older"]
    flaws: dict[str, npt.NDArray[np.bool_]] = {
        "inserted more entries than were new": n["inserted"] > n["fresh"],
        "accepted an entry that was equal or older": n["skipped"] < old,
        "inserted fewer entries than were new": exact & (n["inserted"] < n["fresh"]),
        "did not accept every newer entry": exact & (n["updated"] < n["newer"]),
        "updated more entries than were newer": exact & (n["updated"] > n["newer"]),
    }
    for words, flaw in flaws.items():
        finding.add_rows("import", words, answered.loc[flaw])


CHECK = Check(NAME, COLUMNS, ("import_selector_cache",), check)
