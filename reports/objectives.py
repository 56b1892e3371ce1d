"""The objectives of a trial as its findings name them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.errors import UsageError
from harness.plan.slo import Latency, Slo, parse_slos
from harness.verdicts import Finding, Verdict


def objectives(
    findings: Iterable[Finding], verdict: Verdict | None = None
) -> list[tuple[Slo, Finding]]:
    """
    The objectives among findings, those of one verdict where one is given.

    A name that is none of the grammar (drift, another version's) is left out.
    """
    found = []
    for finding in findings:
        if finding.kind != "slo" or verdict not in (None, finding.verdict):
            continue
        try:
            found.append((parse_slos(finding.name)[0], finding))
        except UsageError:
            continue
    return found


def latency_limits(
    findings: Iterable[Finding], clock: str, most: int = 4
) -> Sequence[tuple[float, str]]:
    """Limits of percentiles and maxima of one clock: µs and the objective's text, rising."""
    limits = {
        (slo.limit, slo.source)
        for slo, _ in objectives(findings)
        if isinstance(slo.subject, Latency)
        and slo.subject.clock == clock
        and slo.subject.statistic != "mean"
    }
    return sorted(limits)[:most]
