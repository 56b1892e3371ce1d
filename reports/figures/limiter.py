"""Figures of the rate-limit lab: decisions and model, refill, Retry-After."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from reports.figures import style
from reports.formatting import percent, plural
from reports.section import Figure

_POINTS_MAX = 1200
_ACCEPTED_Y, _REFUSED_Y = 1.0, 0.0
_TOLERANCE_S = 0.05
"""Smaller errors of a wait are ignored."""
_ROW_GAP = 0.022  # of the axis: between tests of the same advertised wait


def draw_limiter_figures(lab: Mapping[str, Any], data: Mapping[str, Any]) -> tuple[Figure, ...]:
    """The figures that ``rate_limit.json`` has data for."""
    with style.figure_style():
        drawn = (
            draw_timeline(data, str(lab.get("algorithm", "unknown"))),
            draw_refill(data, lab),
            draw_retry_after(data),
        )
    return tuple(figure for figure in drawn if figure is not None)


def draw_timeline(data: Mapping[str, Any], algorithm: str) -> Figure | None:
    """Decisions over time, and the number of requests that the model would still accept."""
    times = _numbers(data.get("timeline_s"))
    accepted = np.array(data.get("timeline_accepted") or [], dtype=bool)
    if len(times) == 0 or len(times) != len(accepted):
        return None
    room = _numbers(data.get("room"))
    wrong = np.array(data.get("timeline_contradicted") or [False] * len(times), dtype=bool)
    kept = _thin_out(len(times))
    modelled = len(room) == len(times)
    drawing, (upper, *lower) = style.new_drawing(4.2 if modelled else 2.0, rows=1 + modelled)
    for mask, height, colour, name, mark in (
        (accepted, _ACCEPTED_Y, style.SERIES[0], "accepted", "|"),
        (~accepted, _REFUSED_Y, style.SERIES[1], "refused", "|"),
    ):
        at = times[kept][mask[kept]]
        upper.plot(at, np.full(len(at), height), mark, color=colour, markersize=14, label=name)
    odd = times[wrong]
    if len(odd):
        upper.plot(odd, np.full(len(odd), 0.5), "x", color=style.INK, ms=6, label="unexplained")
        style.add_legend(drawing, upper)
    upper.set_yticks([_REFUSED_Y, _ACCEPTED_Y], ["refused", "accepted"])
    upper.set_ylim(-0.6, 1.6)
    for axes in lower:
        steps = "default" if algorithm == "token-bucket" else "steps-post"
        axes.plot(times[kept], room[kept], color=style.SERIES[4], linewidth=1.0, drawstyle=steps)
        axes.axhline(1.0, color=style.MUTED, linestyle=style.DASHES[1], linewidth=0.9)
        axes.set_ylabel("requests left\nin the model")
    (upper, *lower)[-1].set_xlabel("time since the first request, s")
    refused = int((~accepted).sum())
    unexplained = int(wrong.sum())
    alt = (
        f"{len(times) - refused:,} requests were accepted and "
        f"{f'{refused:,}' if refused else 'none'} refused in {times[-1] - times[0]:.1f} s"
    )
    title = "Accepted and refused"
    if algorithm != "unknown":
        title = "Decisions and the fitted model"
        alt += f"; the fitted model ({algorithm}) does not explain {unexplained or 'none'} of them"
    if modelled:
        alt += ". Below the dashed line the model accepts no further request"
    return style.to_figure(drawing, "limiter-timeline", title, f"{alt}.", narrow=True)


def draw_refill(data: Mapping[str, Any], lab: Mapping[str, Any]) -> Figure | None:
    """Accepted requests of a burst over the pause before it, and the refill of a bucket."""
    pause, accepted = _numbers(data.get("refill_silence_s")), _numbers(data.get("refill_passed"))
    if len(pause) == 0 or len(pause) != len(accepted):
        return None
    all_accepted = np.array(data.get("refill_all") or [False] * len(pause), dtype=bool)
    if len(all_accepted) != len(pause):
        all_accepted = np.zeros(len(pause), dtype=bool)
    drawing, (axes,) = style.new_drawing(3.0)
    curve = _refill_curve(lab, float(pause.max()))
    if curve is not None:
        axes.plot(*curve, color=style.SERIES[4], linewidth=1.0, label="fitted token bucket")
    for mask, name, fill in (
        (~all_accepted, "some refused", style.SERIES[0]),
        (all_accepted, "all accepted (lower bound)", "none"),
    ):
        if mask.any():
            axes.plot(
                pause[mask], accepted[mask], "o", color=style.SERIES[0], markersize=5,
                markerfacecolor=fill, label=name,
            )  # fmt: skip
    axes.set_xlabel("pause before the burst, s")
    axes.set_ylabel("accepted requests")
    axes.set_ylim(bottom=0)
    style.add_legend(drawing, axes)
    most = int(accepted.argmax())
    alt = (
        f"After {plural(len(pause), 'pause')} of {pause.min():.3g} to {pause.max():.3g} s, a burst "
        f"had at most {accepted[most]:.0f} accepted requests (after {pause[most]:.3g} s)."
    )
    return style.to_figure(drawing, "limiter-refill", "Refill after a pause", alt, narrow=True)


def _refill_curve(lab: Mapping[str, Any], longest_s: float) -> tuple[list[float], ...] | None:
    """Seconds and tokens of a bucket that fills; None for other algorithms."""
    rate, burst = lab.get("rate_per_s"), lab.get("burst")
    if lab.get("algorithm") != "token-bucket" or not rate or not burst:
        return None
    full_s = burst["estimate"] / rate["estimate"]
    end_s = max(longest_s, full_s)
    return [0.0, full_s, end_s], [0.0, burst["estimate"], burst["estimate"]]


def draw_retry_after(data: Mapping[str, Any]) -> Figure | None:
    """Advertised waits over the required waits, by model and by tests."""
    advertised, required = _numbers(data.get("retry_told_s")), _numbers(data.get("retry_needed_s"))
    if len(advertised) != len(required):
        advertised = required = np.array([])
    tested = _tested_waits(data)
    if not len(advertised) and not len(tested):
        return None
    kept = _thin_out(len(advertised))
    drawing, (axes,) = style.new_drawing(3.2)
    top = max([1e-3, *advertised, *required, *tested[:, 0], *tested[:, 1]]) * 1.05
    axes.plot([0, top], [0, top], color=style.MUTED, linestyle=style.DASHES[1], label="exact")
    name = "refusal (required by the model)"
    if len(advertised):
        axes.plot(required[kept], advertised[kept], "o", color=style.SERIES[1], ms=4, label=name)
    name = "test (refused until, accepted from)"
    before: dict[float, int] = {}
    for advertised_s, low_s, high_s in tested:
        # Tests of the same advertised wait are drawn below each other.
        place = before[advertised_s] = before.get(advertised_s, -1) + 1
        span = [low_s, top if np.isnan(high_s) else high_s]
        height = [advertised_s - (place + 1) * _ROW_GAP * top] * 2
        axes.plot(span, height, "|-", color=style.SERIES[0], markersize=7, lw=1.2, label=name)
        name = "_again"
    axes.set_xlim(0, top)
    axes.set_xlabel("required wait, s")
    axes.set_ylabel("advertised wait, s")
    style.add_legend(drawing, axes)
    alt = f"{_advertised_alt(advertised, required)} {_tested_alt(tested)}".strip()
    title = "Retry-After: advertised and required wait"
    return style.to_figure(drawing, "limiter-retry-after", title, alt, narrow=True)


def _advertised_alt(advertised: np.ndarray, required: np.ndarray) -> str:
    if not len(advertised):
        return ""
    excess = advertised - required
    median, early = float(np.median(excess)), excess < -_TOLERANCE_S
    return (
        f"{plural(len(advertised), 'refusal')}: the median advertised wait is {abs(median):.2f} s "
        f"{'longer' if median >= 0 else 'shorter'} than required; "
        f"{percent(float(np.mean(early))) if early.any() else 'none'} are too short."
    )


def _tested_alt(tested: np.ndarray) -> str:
    if not len(tested):
        return ""
    early = int((tested[:, 1] >= tested[:, 0]).sum())
    late = int((tested[:, 0] - tested[:, 2] > _TOLERANCE_S).sum())
    return (
        f"{plural(len(tested), 'test')}: {early or 'none'} still refused after the advertised "
        f"wait, and {late or 'none'} accepted a request before its end."
    )


def _tested_waits(data: Mapping[str, Any]) -> np.ndarray:
    """Advertised, refused until, accepted from (NaN: never); one row per test."""
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
    """Indexes of all points, or an even sample of many."""
    return np.unique(np.linspace(0, count - 1, min(count, _POINTS_MAX)).astype(int))
