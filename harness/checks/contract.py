"""Answers keep the contract: valid bodies, and statuses and codes that agree."""

from __future__ import annotations

import numpy as np
import pandas as pd

from harness.checks.check import Check, Context
from harness.checks.history import COLUMNS, Mask
from harness.checks.violations import Accusation, count
from harness.contract.outcomes import Outcome
from harness.verdicts import Finding

NAME = "contract.responses"

_CODES_BY_STATUS = {401: ("CLOUD_AUTH_FAILED",), 429: ("CLOUD_RATE_LIMITED", "")}
_STATUS_BY_CODE = {
    "CLOUD_AUTH_FAILED": 401,
    "CLOUD_CONTRACT_MISMATCH": 409,
    "CLOUD_RATE_LIMITED": 429,
}
_CUT_OFF = (Outcome.CONNECTION_LOST, Outcome.TIMEOUT)
_LIMITED = 429
HASTY_MIN = 5
"""So many retries without a wait are needed to judge the advice."""
_UNKNOWN = r"unknown code [A-Za-z0-9_.:-]+"
_SUMS = "imported "


def examine(frame: pd.DataFrame, context: Context) -> Finding:
    """
    Every answer is valid, 401, 409 and 429 carry their codes, 429 a Retry-After that waits.

    A 409 of a request with a key may lack one: the key is in use. Codes that no list
    has are counted, not judged; the sums of an import are ``cache.accounting``'s. Unknown
    when nothing was answered. O(n).
    """
    accusation = Accusation(NAME, context)
    # Of an answer that was cut off its status may be known; what it would have said is not.
    whole = ~frame["outcome"].isin(_CUT_OFF).to_numpy() | (frame["code"] != "").to_numpy()
    answered = (frame["status"] > 0).to_numpy() & whole
    strange, broken = _find_violations(frame)
    if broken.any():
        rows = frame.loc[broken]
        common = rows["violation"].value_counts()
        sentence = (
            f"{count(len(rows), 'answer')} against the contract, most often: {common.index[0]}"
        )
        accusation.add(sentence, rows.drop_duplicates("violation"))
    for words, flaw in _find_disagreements(frame).items():
        flaw = flaw & answered & ~broken  # noqa: PLW2901  one fault is told once
        if flaw.any():
            accusation.add(
                f"{count(int(flaw.sum()), 'answer')} {words}", frame.loc[flaw].head(3)
            )
    _demand_wait(frame, accusation)
    total = int(answered.sum()) + sum(context.smooth.values())
    passing = f"{count(total, 'answer')}, each valid"
    if strange.any():
        names = ", ".join(sorted(set(frame.loc[strange, "code"].astype(str)))[:5])
        passing += f"; {int(strange.sum()):,} with a code that no document has: {names}"
    return accusation.conclude(passing, "" if total else "nothing was answered")


def _demand_wait(frame: pd.DataFrame, accusation: Accusation) -> None:
    """
    A Retry-After of 0 is believed until most of those who followed it were refused again.

    One refusal more may be the fault of others who were quicker; the advice was no
    advice when it is the rule.
    """
    refused = (frame["status"] == _LIMITED).to_numpy()
    told = frame.loc[refused & (frame["retry_after_s"] == 0).to_numpy()]
    if len(told) < HASTY_MIN:
        return
    told = told.assign(attempt=told["attempt"] + 1)[["call_id", "attempt"]]
    tried = frame.merge(told, on=["call_id", "attempt"])
    again = tried.loc[(tried["status"] == _LIMITED).to_numpy()]
    if len(tried) >= HASTY_MIN and len(again) > len(tried) / 2:
        sentence = (
            f"{len(again):,} of {count(len(tried), 'retry', 'retries')} after a Retry-After "
            "of 0 refused again"
        )
        accusation.add(sentence, again.head(3))


def _find_violations(frame: pd.DataFrame) -> tuple[Mask, Mask]:
    """Rows whose only flaw is a code that nobody knows, and rows that break the contract."""
    strange = np.zeros(len(frame), dtype=np.bool_)
    broken = np.array(frame["violation"] != "", dtype=np.bool_)
    texts = frame.loc[broken, "violation"].astype(object)
    imports = (frame.loc[broken, "operation"] == "import_selector_cache").to_numpy()
    unknown = texts.str.fullmatch(_UNKNOWN).to_numpy(dtype=np.bool_)
    sums = texts.str.startswith(_SUMS).to_numpy(dtype=np.bool_) & imports
    strange[broken] = unknown
    broken[broken] = ~unknown & ~sums
    return strange, broken


def _find_disagreements(frame: pd.DataFrame) -> dict[str, Mask]:
    status, code = frame["status"].to_numpy(), frame["code"]
    keyless = (frame["idempotency_key"] == "").to_numpy()
    unsaid = (code == "").to_numpy()
    found: dict[str, Mask] = {
        "of status 401 without CLOUD_AUTH_FAILED": (status == 401)
        & ~code.isin(_CODES_BY_STATUS[401]).to_numpy(),
        "of status 409 without a code": (status == 409) & unsaid & keyless,
        "of status 429 without a well-formed Retry-After": (status == 429)
        & ~(frame["retry_after_s"].to_numpy() >= 0),
        "of a success status with an error's code": (status >= 200)
        & (status < 300)
        & code.isin(
            [name for name in code.unique() if str(name).startswith("CLOUD_")]
        ).to_numpy(),
    }
    for name, fitting in _STATUS_BY_CODE.items():
        said = (code == name).to_numpy()
        found[f"with {name} and a status other than {fitting}"] = said & (status != fitting)
    return {words: np.asarray(mask, dtype=np.bool_) for words, mask in found.items()}


_READ = tuple(
    name for name in COLUMNS if name not in ("phase", "replayed", "bytes_out", "evidence")
)

CHECK = Check(NAME, (*_READ, "retry_after_s", "violation"), None, examine, skips_smooth=True)
"""`examine` as a check."""
