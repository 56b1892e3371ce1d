"""Responses keep the contract: valid bodies, and statuses and codes that agree."""

from __future__ import annotations

import numpy as np
import pandas as pd

from harness.checks.check import Check, TrialContext
from harness.checks.history import COLUMNS, Mask
from harness.checks.violations import FindingBuilder, pluralize
from harness.contract.outcomes import Outcome
from harness.verdicts import Finding

NAME = "contract.responses"

_STATUS_BY_CODE = {
    "CLOUD_AUTH_FAILED": 401,
    "CLOUD_CONTRACT_MISMATCH": 409,
    "CLOUD_RATE_LIMITED": 429,
}
_CUT_OFF = (Outcome.CONNECTION_LOST, Outcome.TIMEOUT)
_LIMITED = 429
IMMEDIATE_RETRIES_MIN = 5
"""Least number of retries without a wait to judge a Retry-After of 0."""
_UNKNOWN = r"unknown code [A-Za-z0-9_.:-]+"
_SUMS = "imported "


def check(frame: pd.DataFrame, context: TrialContext) -> Finding:
    """
    Every response is valid; 401, 409 and 429 carry their codes, 429 a valid Retry-After.

    A 409 of a request with a key may lack a code: the key is in use. Unknown codes are
    counted, not judged; ``cache.accounting`` checks the sums of an import. Unknown without
    a response. O(n).
    """
    finding = FindingBuilder(NAME, context)
    # A truncated response may have a status, but its content is unknown.
    whole = ~frame["outcome"].isin(_CUT_OFF).to_numpy() | (frame["code"] != "").to_numpy()
    answered = (frame["status"] > 0).to_numpy() & whole
    strange, broken = _find_violations(frame)
    if broken.any():
        rows = frame.loc[broken]
        common = rows["violation"].value_counts().index[0]
        sentence = f"{pluralize(len(rows), 'response')} against the contract, most often: {common}"
        finding.add(sentence, rows.drop_duplicates("violation"))
    for words, flaw in _find_disagreements(frame).items():
        # A broken response is reported once.
        finding.add_rows("response", words, frame.loc[flaw & answered & ~broken], shown=3)
    _check_retry_after_zero(frame, finding)
    total = int(answered.sum()) + sum(context.uneventful.values())
    pass_detail = f"{pluralize(total, 'response')}, each valid"
    if strange.any():
        names = ", ".join(sorted(set(frame.loc[strange, "code"].astype(str)))[:5])
        pass_detail += f"; {int(strange.sum()):,} with an unknown code: {names}"
    return finding.build(pass_detail, "" if total else "there was no response")


def _check_retry_after_zero(frame: pd.DataFrame, finding: FindingBuilder) -> None:
    """
    Most retries after a Retry-After of 0 are refused again; a single one may have another
    cause.
    """
    refused = (frame["status"] == _LIMITED).to_numpy()
    waits_of_zero = frame.loc[refused & (frame["retry_after_s"] == 0).to_numpy()]
    if len(waits_of_zero) < IMMEDIATE_RETRIES_MIN:
        return
    following = waits_of_zero[["call_id", "attempt"]] + [0, 1]
    tried = frame.merge(following, on=["call_id", "attempt"])
    again = tried.loc[(tried["status"] == _LIMITED).to_numpy()]
    if len(tried) >= IMMEDIATE_RETRIES_MIN and len(again) > len(tried) / 2:
        sentence = (
            f"{len(again):,} of {pluralize(len(tried), 'retry', 'retries')} after a "
            "Retry-After of 0 refused again"
        )
        finding.add(sentence, again.head(3))


def _find_violations(frame: pd.DataFrame) -> tuple[Mask, Mask]:
    """Rows whose only flaw is an unknown code, and rows that break the contract."""
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
    codeless = (code == "").to_numpy()
    found: dict[str, Mask] = {
        "of status 401 without CLOUD_AUTH_FAILED": (status == 401)
        & (code != "CLOUD_AUTH_FAILED").to_numpy(),
        "of status 409 without a code": (status == 409) & codeless & keyless,
        "of status 429 without a well-formed Retry-After": (status == 429)
        & ~(frame["retry_after_s"].to_numpy() >= 0),
        "of a success status with an error's code": (status >= 200)
        & (status < 300)
        & code.isin([name for name in code.unique() if str(name).startswith("CLOUD_")]).to_numpy(),
    }
    for name, fitting in _STATUS_BY_CODE.items():
        carried = (code == name).to_numpy()
        found[f"with {name} and a status other than {fitting}"] = carried & (status != fitting)
    return {words: np.asarray(mask, dtype=np.bool_) for words, mask in found.items()}


_READ = tuple(
    name for name in COLUMNS if name not in ("phase", "replayed", "bytes_out", "evidence")
)

CHECK = Check(
    NAME,
    (*_READ, "retry_after_s", "violation"),
    None,
    check,
    skips_uneventful=True,
    reads_with="all",
)
