"""The rate limiter: estimate, text for the API's docs, advice, and evidence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.units import NS_PER_S, format_duration
from reports.figures.limiter import draw_limiter_figures
from reports.formatting import number, percent
from reports.model import ReportModel
from reports.section import Section, Table

_PARTS = (("rate_per_s", "sustained rate, 1/s"), ("burst", "burst"), ("window_s", "window, s"))

_TEST_FIELDS = ("told_s", "refused_s", "passed_s")


def build(model: ReportModel) -> Section | None:
    """The section; None without rate_limit.json."""
    lab = model.labs.get("rate_limit")
    if lab is None:
        return None
    data = _mapping(lab.get("figures"))
    return Section(
        "rate-limit",
        "Rate limit",
        _prose(lab),
        (_estimate(lab), *_retry_after(lab), *_tests(lab), *_models(lab)),
        draw_limiter_figures(lab, data),
        first=True,
    )


def _prose(lab: Mapping[str, Any]) -> tuple[str, ...]:
    said = [f"Text for the API's docs: “{lab.get('paragraph', '')}”", *_advice(lab)]
    # Skip notes that the paragraph contains.
    notes = [str(note) for note in lab.get("notes") or ()]
    said += [note for note in notes if note.rstrip(".") not in said[0]]
    if lab.get("ended"):
        said.append(f"The lab ended after {lab.get('attempts') or 0:,} requests: {lab['ended']}.")
    return tuple(said)


def _advice(lab: Mapping[str, Any]) -> list[str]:
    advice, check = _mapping(lab.get("advice")), _mapping(lab.get("check_run"))
    if not advice:
        return []
    parts = []
    if advice.get("rate_per_s") is not None:
        parts.append(f"at most {advice['rate_per_s']:.4g} requests per second")
        parts.append(f"bursts of at most {advice.get('burst')}")
    if advice.get("concurrency") is not None:
        parts.append(f"at most {advice['concurrency']} in flight")
    text = f"A client that sends {' and '.join(parts)} sees fewer than 0.1 % refusals."
    if not check:
        return [f"{text} This is not verified."]
    held = {True: "verified", False: "refuted", None: "inconclusive, too few requests"}
    seen = f"{check.get('refused') or 0:,} of {check.get('sent') or 0:,} requests were refused"
    return [f"{text} Check: {held.get(check.get('holds'), 'unknown')}, {seen}."]


def _estimate(lab: Mapping[str, Any]) -> Table:
    limited = {True: str(lab.get("algorithm")), False: "no limit found"}.get(
        lab.get("limited"),  # type: ignore[arg-type]
        "unknown",
    )
    rows = [("algorithm", limited)]
    for key, name in _PARTS:
        value = _mapping(lab.get(key))
        if value:
            rows.append((name, _interval(value)))
    counts = {True: "count against the limit", False: "do not count against the limit"}.get(
        lab.get("rejected_count_against_limit")  # type: ignore[arg-type]
    )
    scope = _mapping(lab.get("scope")) if lab.get("limited") else {}
    rows += [("refused requests", counts)] if counts else []
    rows += [(f"limit across {what}s", str(found)) for what, found in scope.items()]
    return Table("Rate limiter", ("property", "estimate"), tuple(rows), facts=True)


def _interval(value: Mapping[str, Any]) -> str:
    """An estimate, with its interval unless that is a single point."""
    estimate, low, high = (
        number(value[part]) if isinstance(value.get(part), int | float) else "–"
        for part in ("estimate", "low", "high")
    )
    return estimate if low == estimate == high else f"{estimate} ({low} to {high})"


def _retry_after(lab: Mapping[str, Any]) -> list[Table]:
    document = _mapping(lab.get("retry_after"))
    if not document.get("present_fraction"):
        return []
    overshoot_s = document.get("overshoot_p50_s")
    rows = [
        ("kind", document.get("kind")),
        ("refusals with Retry-After", _share(document.get("present_fraction"))),
        ("accepted after the wait", _share(document.get("honest_fraction"))),
        ("median excess wait", None if overshoot_s is None else _signed(overshoot_s)),
    ]
    kept = tuple(row for row in rows if row[1] is not None)
    return [Table("Retry-After", ("property", "result"), kept, facts=True)]


def _share(value: Any) -> str | None:
    return percent(value) if isinstance(value, int | float) else None


def _signed(seconds: float) -> str:
    return f"{'−' if seconds < 0 else ''}{format_duration(abs(seconds) * NS_PER_S)}"


def _tests(lab: Mapping[str, Any]) -> list[Table]:
    """Requests sent around the end of an advertised wait."""
    tests = [_mapping(one) for one in _mapping(lab.get("retry_after")).get("tries") or ()]
    rows = tuple(tuple(_short(one.get(part)) for part in _TEST_FIELDS) for one in tests)
    head = ("advertised, s", "still refused after, s", "first accepted after, s")
    return [Table("Retry-After tests", head, rows)] if rows else []


def _models(lab: Mapping[str, Any]) -> list[Table]:
    rows = tuple(
        (
            str(m.get("variant")),
            m.get("parameters"),
            m.get("contradictions"),
            _percent(m.get("explained_fraction")),
            _short(m.get("cost")),
        )
        for m in map(_mapping, lab.get("models") or ())
    )
    head = ("model", "parameters", "contradicted decisions", "explained, %", "cost")
    caption = "Models, best first (cost: contradictions and parameters)"
    return [Table(caption, head, rows)] if rows else []


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _short(value: Any) -> float | None:
    return float(f"{value:.4g}") if isinstance(value, int | float) else None


def _percent(value: Any) -> float | None:
    return round(100 * value, 1) if isinstance(value, int | float) else None
