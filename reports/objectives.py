"""The objectives of a trial, parsed from its findings' names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.errors import UsageError
from harness.plan.slo import Latency, Slo, parse_slos
from harness.verdicts import Finding, Verdict


def objectives(
    findings: Iterable[Finding], verdict: Verdict | None = None
) -> list[tuple[Slo, Finding]]:
    """The objectives among findings (of one verdict), without names outside the grammar (drift)."""
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
    """Limits of one clock's percentiles and maxima: µs and text, in rising order."""
    limits = {
        (slo.limit, slo.source)
        for slo, _ in objectives(findings)
        if isinstance(slo.subject, Latency)
        and slo.subject.clock == clock
        and slo.subject.statistic != "mean"
    }
    return sorted(limits)[:most]
