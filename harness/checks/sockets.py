"""
A socket opens only with its own token.

Probes use wrong tokens: another value, none, the other socket's, another session's, an
expired one, and a closed session's own. Each must be refused with a 4xx: a 5xx does not
show that the server checked the token.
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
    """Every probe of a socket was refused with a 4xx; unknown without such a response. O(n)."""
    finding = FindingBuilder(NAME, context)
    probes = decode_evidence(frame["evidence"], ["probe"])["probe"]
    tried = frame.assign(probe=probes).loc[probes.notna().to_numpy()]
    opened = tried.loc[(tried["status"] == 101).to_numpy()]
    for probe, rows in opened.groupby("probe"):
        finding.add_rows("socket", f"opened to a probe: {str(probe).replace('_', ' ')}", rows)
    refused = tried.loc[tried["status"].between(400, 499).to_numpy()]
    kinds = ", ".join(sorted(name.replace("_", " ") for name in set(refused["probe"])))
    pass_detail = f"{pluralize(len(refused), 'probe')}, each refused ({kinds})"
    unknown_reason = "" if len(refused) else "no probe of a socket was refused"
    return finding.build(pass_detail, unknown_reason)


def _has_probes(frame: pd.DataFrame, _context: TrialContext) -> bool:
    texts = frame["evidence"].astype(object)
    return not len(frame) or bool(texts.str.contains('"probe"', regex=False).any())


CHECK = Check(NAME, COLUMNS, OPERATIONS, check, applies=_has_probes)
