"""
A socket opens to its own token and to nothing else.

Probes try tokens that must not open: a wrong one, none, the other socket's, another
session's, an expired one, and a closed session's own. Each must be refused, and refused
as the client's fault: a server that answers 5xx has not looked.
"""

from __future__ import annotations

import pandas as pd

from harness.checks.check import Check, TrialContext
from harness.checks.evidence import decode_evidence
from harness.checks.history import COLUMNS
from harness.checks.violations import FindingBuilder, pluralize
from harness.verdicts import Finding

NAME = "sockets.tokens"
OPERATIONS = ("action.connect", "cdp.connect")


def check(frame: pd.DataFrame, context: TrialContext) -> Finding:
    """
    Every probe of a socket was refused with a 4xx.

    Unknown when no probe got an answer that says either. O(n).
    """
    finding = FindingBuilder(NAME, context)
    probes = decode_evidence(frame["evidence"], ["probe"])["probe"]
    tried = frame.assign(probe=probes).loc[probes.notna().to_numpy()]
    opened = tried.loc[(tried["status"] == 101).to_numpy()]
    for probe, rows in opened.groupby("probe"):
        words = str(probe).replace("_", " ")
        finding.add(f"{pluralize(len(rows), 'socket')} opened to a probe: {words}", rows.head(1))
    refused = tried.loc[tried["status"].between(400, 499).to_numpy()]
    kinds = ", ".join(sorted(name.replace("_", " ") for name in set(refused["probe"])))
    pass_detail = f"{pluralize(len(refused), 'probe')}, each refused ({kinds})"
    unknown_reason = "" if len(refused) else "no probe of a socket was answered with a refusal"
    return finding.build(pass_detail, unknown_reason)


def has_probes(frame: pd.DataFrame) -> bool:
    """Whether any socket was tried with what should not open it."""
    texts = frame["evidence"].astype(object)
    return not len(frame) or bool(texts.str.contains('"probe"', regex=False).any())


CHECK = Check(NAME, COLUMNS, OPERATIONS, check)
"""`check` as a check."""
