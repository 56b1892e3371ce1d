"""The limiter's three figures: decisions under the model, refill, Retry-After's truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from reports.figures.style import (
    DASHES,
    INK,
    MUTED,
    SERIES,
    add_legend,
    figure_style,
    new_drawing,
    to_figure,
)
from reports.formatting import percent, plural
from reports.section import Figure

_POINTS_MAX = 1200
_ACCEPTED_Y, _REFUSED_Y = 1.0, 0.0
_TOLERANCE_S = 0.05
"""A wait that is wrong by less is not called so."""
_ROW_GAP = 0.022  # of the axis: tries that were told the same


def draw_limiter_figures(lab: Mapping[str, Any], data: Mapping[str, Any]) -> tuple[Figure, ...]:
    """Those of the three figures that ``rate_limit.json`` has the data of."""
    with figure_style():
        drawn = (
            draw_timeline(data, str(lab.get("algorithm", "unknown"))),
            draw_refill(data, lab),
            draw_retry_after(data),
        )
    return tuple(figure for figure in drawn if figure is not None)


def draw_timeline(data: Mapping[str, Any], algorithm: str) -> Figure | None:
    """Accepted and refused over time, and how many more the model would have let through."""
    times = _numbers(data.get("timeline_s"))
    accepted = np.array(data.get("timeline_accepted") or [], dtype=bool)
    if len(times) == 0 or len(times) != len(accepted):
        return None
    room = _numbers(data.get("room"))
    wrong = np.array(data.get("timeline_contradicted") or [False] * len(times), dtype=bool)
    kept = _thin_out(len(times))
    modelled = len(room) == len(times)
    drawing, (upper, *lower) = new_drawing(4.2 if modelled else 2.0, rows=1 + modelled)
    for mask, height, colour, name, mark in (
        (accepted, _ACCEPTED_Y, SERIES[0], "accepted", "|"),
        (~accepted, _REFUSED_Y, SERIES[1], "refused", "|"),
    ):
        at = times[kept][mask[kept]]
        upper.plot(at, np.full(len(at), height), mark, color=colour, markersize=14, label=name)
    odd = times[wrong]
    if len(odd):
        upper.plot(odd, np.full(len(odd), 0.5), "x", color=INK, ms=6, label="unexplained")
        add_legend(drawing, upper)
    upper.set_yticks([_REFUSED_Y, _ACCEPTED_Y], ["refused", "accepted"])
    upper.set_ylim(-0.6, 1.6)
    for axes in lower:
        style = "default" if algorithm == "token-bucket" else "steps-post"
        axes.plot(times[kept], room[kept], color=SERIES[4], linewidth=1.0, drawstyle=style)
        axes.axhline(1.0, color=MUTED, linestyle=DASHES[1], linewidth=0.9)
        axes.set_ylabel("room left\nby the model")
    (upper, *lower)[-1].set_xlabel("seconds since the first probe")
    refused = int((~accepted).sum())
    unexplained = int(wrong.sum())
    alt = (
        f"{len(times) - refused:,} requests were accepted and "
        f"{f'{refused:,}' if refused else 'none'} refused in {times[-1] - times[0]:.1f} s"
    )
    title = "Accepted and refused"
    if algorithm != "unknown":
        title = "Decisions and the fitted model"
        alt += f"; the fitted model ({algorithm}) leaves {unexplained or 'none'} of them"
        alt += " unexplained"
    if modelled:
        alt += ". Below the dashed line it has no room for one more request"
    return to_figure(drawing, "limiter-timeline", title, f"{alt}.", narrow=True)


def draw_refill(data: Mapping[str, Any], lab: Mapping[str, Any]) -> Figure | None:
    """How many passed in the burst after a silence of some length, and what a bucket gains."""
    silence, passed = (
        _numbers(data.get("refill_silence_s")),
        _numbers(data.get("refill_passed")),
    )
    if len(silence) == 0 or len(silence) != len(passed):
        return None
    whole = np.array(data.get("refill_all") or [False] * len(silence), dtype=bool)
    if len(whole) != len(silence):
        whole = np.zeros(len(silence), dtype=bool)
    drawing, (axes,) = new_drawing(3.0)
    curve = _refill_curve(lab, float(silence.max()))
    if curve is not None:
        axes.plot(*curve, color=SERIES[4], linewidth=1.0, label="the fitted bucket's gain")
    for mask, name, fill in (
        (~whole, "some were refused", SERIES[0]),
        (whole, "all that were sent passed: more might have", "none"),
    ):
        if mask.any():
            axes.plot(
                silence[mask], passed[mask], "o", color=SERIES[0], markersize=5,
                markerfacecolor=fill, label=name,
            )  # fmt: skip
    axes.set_xlabel("silence before the burst, s")
    axes.set_ylabel("requests that passed")
    axes.set_ylim(bottom=0)
    add_legend(drawing, axes)
    most = int(passed.argmax())
    alt = (
        f"After {plural(len(silence), 'silence')} of {silence.min():.3g} to "
        f"{silence.max():.3g} s, at most {passed[most]:.0f} requests passed at once (after "
        f"{silence[most]:.3g} s)."
    )
    return to_figure(drawing, "limiter-refill", "What a silence brings back", alt, narrow=True)


def _refill_curve(lab: Mapping[str, Any], longest_s: float) -> tuple[list[float], ...] | None:
    """Seconds and tokens of an empty bucket that fills; None without a bucket."""
    rate, burst = lab.get("rate_per_s"), lab.get("burst")
    if lab.get("algorithm") != "token-bucket" or not rate or not burst:
        return None
    full_s = burst["estimate"] / rate["estimate"]
    end_s = max(longest_s, full_s)
    return [0.0, full_s, end_s], [0.0, burst["estimate"], burst["estimate"]]


def draw_retry_after(data: Mapping[str, Any]) -> Figure | None:
    """The wait that refusals told against what the model, and tries, say was needed."""
    advertised, needed = (
        _numbers(data.get("retry_told_s")),
        _numbers(data.get("retry_needed_s")),
    )
    if len(advertised) != len(needed):
        advertised = needed = np.array([])
    tested = _tested_waits(data)
    if not len(advertised) and not len(tested):
        return None
    kept = _thin_out(len(advertised))
    drawing, (axes,) = new_drawing(3.2)
    top = max([1e-3, *advertised, *needed, *tested[:, 0], *tested[:, 1]]) * 1.05
    axes.plot([0, top], [0, top], color=MUTED, linestyle=DASHES[1], label="exactly right")
    name = "a refusal, by the model"
    if len(advertised):
        axes.plot(needed[kept], advertised[kept], "o", color=SERIES[1], markersize=4, label=name)
    name = "tried: refused until, passed from"
    before: dict[float, int] = {}
    for advertised_s, low_s, high_s in tested:
        # Those that told the same stand one above the other: on one line they would be one.
        place = before[advertised_s] = before.get(advertised_s, -1) + 1
        span = [low_s, top if np.isnan(high_s) else high_s]
        height = [advertised_s - (place + 1) * _ROW_GAP * top] * 2
        axes.plot(span, height, "|-", color=SERIES[0], markersize=7, lw=1.2, label=name)
        name = "_again"
    axes.set_xlim(0, top)
    axes.set_xlabel("wait that was needed, s")
    axes.set_ylabel("wait that was told, s")
    add_legend(drawing, axes)
    alt = f"{_advertised_alt(advertised, needed)} {_tested_alt(tested)}".strip()
    title = "Retry-After, told against needed"
    return to_figure(drawing, "limiter-retry-after", title, alt, narrow=True)


def _advertised_alt(advertised: np.ndarray, needed: np.ndarray) -> str:
    if not len(advertised):
        return ""
    late = advertised - needed
    middle, early = float(np.median(late)), bool((late < -_TOLERANCE_S).any())
    return (
        f"Of {plural(len(advertised), 'refusal')}, the told wait was in the median "
        f"{abs(middle):.2f} s {'longer' if middle >= 0 else 'shorter'} than needed; "
        f"{percent(float(np.mean(late < -_TOLERANCE_S))) if early else 'none'} told one "
        "that was too"
        " short."
    )


def _tested_alt(tested: np.ndarray) -> str:
    if not len(tested):
        return ""
    early = int((tested[:, 1] >= tested[:, 0]).sum())
    late = int((tested[:, 0] - tested[:, 2] > _TOLERANCE_S).sum())
    return (
        f"Put to the test were {len(tested)}: {early or 'none'} still refused when the "
        "told wait"
        f" was over, and {late or 'none'} let a request pass before that."
    )


def _tested_waits(data: Mapping[str, Any]) -> np.ndarray:
    """What was told, refused until, passed from (NaN: never): one row a try."""
    columns = [data.get(f"tried_{part}_s") or [] for part in ("told", "low", "high")]
    rows = [row for row in zip(*columns, strict=False) if _is_number(row[0], row[1])]
    return np.array(
        [[advertised, low, high if _is_number(high) else np.nan] for advertised, low, high in rows],
        dtype=float,
    ).reshape(-1, 3)


def _is_number(*values: Any) -> bool:
    return all(isinstance(value, int | float) for value in values)


def _numbers(values: Sequence[float] | None) -> np.ndarray:
    return np.array([v for v in values or () if isinstance(v, int | float)], dtype=float)


def _thin_out(count: int) -> np.ndarray:
    """Which points are drawn: all, or an even choice of many."""
    return np.unique(np.linspace(0, count - 1, min(count, _POINTS_MAX)).astype(int))
