"""The limiter: what it is, the words for the API's docs, the advice, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reports.figures.limiter import draw_all
from reports.model import ReportModel
from reports.section import Section, Table

_PARTS = (("rate_per_s", "sustained rate, 1/s"), ("burst", "burst"), ("window_s", "window, s"))

_TRIED = ("told_s", "refused_s", "passed_s")


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
        (_answer(lab), _retry_after(lab), *_tries(lab), _models(lab)),
        draw_all(lab, data),
    )


def _prose(lab: Mapping[str, Any]) -> tuple[str, ...]:
    said = [f"For the API's docs: “{lab.get('paragraph', '')}”", *_advice(lab)]
    said += [str(note) for note in lab.get("notes") or ()]
    if lab.get("ended"):
        said.append(
            f"Measuring ended after {lab.get('attempts') or 0:,} requests: {lab['ended']}."
        )
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


def _answer(lab: Mapping[str, Any]) -> Table:
    limited = {True: str(lab.get("algorithm")), False: "no limit met"}.get(
        lab.get("limited"),  # type: ignore[arg-type]
        "unknown",
    )
    rows: list[tuple[str | float | None, ...]] = [("algorithm", limited, None, None)]
    for key, name in _PARTS:
        value = _mapping(lab.get(key))
        if value:
            rows.append((name, *(_short(value.get(p)) for p in ("estimate", "low", "high"))))
    counts = {True: "yes", False: "no"}.get(
        lab.get("rejected_count_against_limit"),  # type: ignore[arg-type]
        "unknown",
    )
    rows.append(("refused requests count", counts, None, None))
    for what, answer in _mapping(lab.get("scope")).items():
        rows.append((f"limit of each {what}", str(answer), None, None))
    return Table("The limiter", ("what", "estimate", "low", "high"), tuple(rows))


def _retry_after(lab: Mapping[str, Any]) -> Table:
    told = _mapping(lab.get("retry_after"))
    rows = (
        ("what it is", told.get("kind")),
        ("share that carries it", _short(told.get("present_fraction"))),
        ("share kept when tried", _short(told.get("honest_fraction"))),
        ("told − needed, median, s", _short(told.get("overshoot_p50_s"))),
    )
    return Table("Retry-After", ("what", "value"), rows)


def _tries(lab: Mapping[str, Any]) -> list[Table]:
    """What was sent just before, at and after the end of some; nothing where nothing was."""
    tries = [_mapping(one) for one in _mapping(lab.get("retry_after")).get("tries") or ()]
    rows = tuple(tuple(_short(one.get(part)) for part in _TRIED) for one in tries)
    head = ("told, s", "still refused after, s", "first passed after, s")
    return [Table("Retry-After put to the test", head, rows)] if rows else []


def _models(lab: Mapping[str, Any]) -> Table:
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
    return Table("Models compared, the best first", head, rows)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _short(value: Any) -> float | None:
    return float(f"{value:.4g}") if isinstance(value, int | float) else None


def _percent(value: Any) -> float | None:
    return round(100 * value, 1) if isinstance(value, int | float) else None
