"""The limiter: what it is, the words for the API's docs, the advice, and how sure that is."""

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
    """The section; None for a trial that measured no limiter."""
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
    said = [f"For the API's docs: “{lab.get('paragraph', '')}”", *_advice(lab)]
    # A note may be a sentence of the paragraph, too.
    notes = [str(note) for note in lab.get("notes") or ()]
    said += [note for note in notes if note.rstrip(".") not in said[0]]
    if lab.get("ended"):
        said.append(f"Measuring ended after {lab.get('attempts') or 0:,} requests: {lab['ended']}.")
    return tuple(said)


def _advice(lab: Mapping[str, Any]) -> list[str]:
    advice, check = _mapping(lab.get("advice")), _mapping(lab.get("check_run"))
    if not advice:
        return []
    parts = []
    if advice.get("rate_per_s") is not None:
        parts.append(f"at most {advice['rate_per_s']:.4g} requests a second")
        parts.append(f"bursts of at most {advice.get('burst')}")
    if advice.get("concurrency") is not None:
        parts.append(f"at most {advice['concurrency']} at work at once")
    text = f"A client that keeps to {' and '.join(parts)} sees fewer than 0.1 % refusals."
    if not check:
        return [f"{text} No run has checked that."]
    held = {True: "it holds", False: "it does not hold", None: "too few to say"}
    seen = f"{check.get('refused') or 0:,} of {check.get('sent') or 0:,} requests were refused"
    return [f"{text} Checked: {seen}, so {held.get(check.get('holds'), 'unknown')}."]


def _estimate(lab: Mapping[str, Any]) -> Table:
    limited = {True: str(lab.get("algorithm")), False: "no limit met"}.get(
        lab.get("limited"),  # type: ignore[arg-type]
        "unknown",
    )
    rows = [("algorithm", limited)]
    for key, name in _PARTS:
        value = _mapping(lab.get(key))
        if value:
            rows.append((name, _interval(value)))
    counts = {True: "they count, too", False: "they do not count"}.get(
        lab.get("rejected_count_against_limit"),  # type: ignore[arg-type]
    )
    scope = _mapping(lab.get("scope")) if lab.get("limited") else {}
    rows += [("refused requests", counts)] if counts else []
    rows += [(f"limit over {what}s", str(answer)) for what, answer in scope.items()]
    return Table("The limiter", ("what", "found"), tuple(rows), facts=True)


def _interval(value: Mapping[str, Any]) -> str:
    """An estimate with its interval, where that says more than the estimate."""
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
        ("what it is", document.get("kind")),
        ("refusals that carry it", _share(document.get("present_fraction"))),
        ("kept when it was tried", _share(document.get("honest_fraction"))),
        (
            "told beyond what was needed, median",
            None if overshoot_s is None else _signed(overshoot_s),
        ),
    ]
    kept = tuple(row for row in rows if row[1] is not None)
    return [Table("Retry-After", ("what", "found"), kept, facts=True)]


def _share(value: Any) -> str | None:
    return percent(value) if isinstance(value, int | float) else None


def _signed(seconds: float) -> str:
    return f"{'−' if seconds < 0 else ''}{format_duration(abs(seconds) * NS_PER_S)}"


def _tests(lab: Mapping[str, Any]) -> list[Table]:
    """What was sent just before, at and after the end of some; nothing where nothing was."""
    tries = [_mapping(one) for one in _mapping(lab.get("retry_after")).get("tries") or ()]
    rows = tuple(tuple(_short(one.get(part)) for part in _TEST_FIELDS) for one in tries)
    head = ("told, s", "still refused after, s", "first passed after, s")
    return [Table("Retry-After put to the test", head, rows)] if rows else []


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
    caption = "Models compared, the best first: contradictions and parameters are its cost"
    return [Table(caption, head, rows)] if rows else []


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _short(value: Any) -> float | None:
    return float(f"{value:.4g}") if isinstance(value, int | float) else None


def _percent(value: Any) -> float | None:
    return round(100 * value, 1) if isinstance(value, int | float) else None
