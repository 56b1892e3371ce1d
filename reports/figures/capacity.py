"""Figures of the capacity lab: search steps, scalability law, slot release, ceiling over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.ticker import FuncFormatter, MaxNLocator

from harness.experiments.capacity.usl import predict
from harness.units import NS_PER_MS, format_duration
from reports.figures import style
from reports.section import Figure

RELEASES_MIN = 3


def draw_steps(lab: Mapping[str, Any]) -> Figure | None:
    """Throughput and latency of each step over its offered rate; None below two steps."""
    steps = sorted(
        (step for step in lab.get("steps", ()) if step.get("served_per_s") is not None),
        key=lambda step: float(step["rate_per_s"]),
    )
    if len(steps) < 2:
        return None
    with style.figure_style():
        drawing, (served, times) = style.new_drawing(5.4, rows=2)
        offered = [float(step["rate_per_s"]) for step in steps]
        served.plot(offered, offered, ls=":", color=style.SERIES[5], label="offered")
        served.plot(
            offered, _series(steps, "served_per_s"), ls="none", marker="o", ms=4,
            color=style.SERIES[0], label="served",
        )  # fmt: skip
        for name, colour in (("p50_ms", style.SERIES[0]), ("p99_ms", style.SERIES[1])):
            values = _series(steps, name)
            times.plot(offered, values, ls="none", marker="o", ms=4, color=colour, label=name[:3])
        times.vlines(
            offered, _series(steps, "p99_low_ms"), _series(steps, "p99_high_ms"),
            color=style.SERIES[1], alpha=0.5,
        )  # fmt: skip
        style.duration_axis(times)
        _mark(lab, (served, times))
        served.set_ylabel("served arrivals per second")
        times.set_ylabel("response time")
        times.set_xlabel("offered arrivals per second")
        served.set_ylim(bottom=0)
        style.add_legend(drawing, served)
        times.legend(loc="upper left", ncols=2)
        title = "Search steps"
        return style.to_figure(drawing, "capacity-steps", title, _alt(lab, steps), narrow=True)


def _series(steps: Sequence[Mapping[str, Any]], name: str) -> list[float]:
    return [float("nan") if step.get(name) is None else float(step[name]) for step in steps]


def _mark(lab: Mapping[str, Any], axes: Sequence[Any]) -> None:
    rate, knee = lab.get("max_rate_per_s") or {}, lab.get("knee") or {}
    for one in axes:
        if rate.get("low") is not None and rate.get("high") is not None:
            one.axvspan(rate["low"], rate["high"], color=style.SERIES[2], alpha=0.15, lw=0)
        if rate.get("estimate") is not None:
            one.axvline(rate["estimate"], color=style.SERIES[2], label="highest rate with interval")
        if knee.get("rate_per_s") is not None:
            one.axvline(knee["rate_per_s"], color=style.SERIES[3], ls="--", label="knee")


def _alt(lab: Mapping[str, Any], steps: Sequence[Mapping[str, Any]]) -> str:
    rate = lab.get("max_rate_per_s") or {}
    failed = [step for step in steps if step.get("decision") == "fail"]
    text = f"{len(steps)} steps between {steps[0]['rate_per_s']:.4g} and "
    text += f"{steps[-1]['rate_per_s']:.4g} arrivals per second"
    if rate.get("estimate") is not None:
        text += f"; the objectives hold up to about {rate['estimate']:.4g} per second"
    if failed:
        text += f"; the lowest rate at which they failed is {failed[0]['rate_per_s']:.4g}/s"
    return text + "."


def draw_usl(lab: Mapping[str, Any]) -> Figure | None:
    """The fitted scalability law with its load levels; None without a fit."""
    usl = lab.get("usl")
    if not usl or not usl.get("levels"):
        return None
    fitted = [float(usl[name]) for name in ("lambda", "sigma", "kappa")]
    calls, completed = (np.array(column, float) for column in zip(*usl["levels"], strict=True))
    with style.figure_style():
        drawing, (axes,) = style.new_drawing(3.6)
        along = np.linspace(0, 1.15 * calls.max(), 200)
        top = 1.25 * completed.max()
        axes.plot(
            along, fitted[0] * along, ls=":", color=style.SERIES[5], label="without contention"
        )
        axes.plot(along, predict(along, *fitted), color=style.SERIES[0], label="fitted law")
        axes.plot(
            calls, completed, ls="none", marker="o", ms=5, color=style.SERIES[1], label="steps"
        )
        if usl.get("peak_concurrency"):
            axes.axvline(usl["peak_concurrency"], color=style.SERIES[3], ls="--", label="peak")
        axes.set_ylim(0, top)
        axes.set_xlim(0, along[-1])
        axes.set_xlabel("calls in flight")
        axes.set_ylabel("completed calls per second")
        style.add_legend(drawing, axes)
        title = "Universal Scalability Law"
        return style.to_figure(drawing, "capacity-usl", title, _usl_alt(usl), narrow=True)


def _usl_alt(usl: Mapping[str, Any]) -> str:
    text = (
        f"One call at a time completes {usl['lambda']:.4g} per second; of each further call "
        f"contention takes {100 * usl['sigma']:.3g} % and coherency {100 * usl['kappa']:.3g} %"
    )
    peak = usl.get("peak_concurrency")
    if peak:
        text += f"; throughput peaks at {peak:.0f} calls in flight with {usl['peak_per_s']:,.0f}/s"
    else:
        text += "; the peak is unknown"
    return f"{text}. The law explains {100 * usl['r2']:.1f} % of the variance of throughput."


def draw_releases(lab: Mapping[str, Any]) -> Figure | None:
    """Histogram of slot release times; None below three."""
    times_ms = sorted(map(float, lab.get("releases_ms", ())))
    if len(times_ms) < RELEASES_MIN:
        return None
    release = lab.get("release_ms") or {}
    with style.figure_style():
        drawing, (axes,) = style.new_drawing(3.0)
        axes.hist(times_ms, bins=_bins(times_ms), color=style.SERIES[0], alpha=0.85)
        for name, colour, dash in (("p50", style.SERIES[1], "-"), ("p99", style.SERIES[3], "--")):
            if release.get(name) is not None:
                axes.axvline(release[name], color=colour, ls=dash, label=name)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _format_ms(value)))
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("time from the DELETE response to the create that got the slot")
        axes.set_ylabel("cycles")
        style.add_legend(drawing, axes)
        middle_ms = float(release.get("p50") or np.median(times_ms))
        alt = (
            f"In {len(times_ms)} cycles a slot was free again after {_format_ms(times_ms[0])} to "
            f"{_format_ms(times_ms[-1])}, with a median of {_format_ms(middle_ms)}"
        )
        if release.get("resolution"):
            resolution_ms = float(release["resolution"])
            alt += (
                "; all are upper bounds, because the first create tried got the slot"
                if resolution_ms >= times_ms[-1]
                else f"; a time can be too long by up to {_format_ms(resolution_ms)}"
            )
        title = "Slot release time"
        return style.to_figure(drawing, "capacity-releases", title, f"{alt}.", narrow=True)


def _bins(times_ms: Sequence[float]) -> Any:
    """Twice the square root of the count, at least 0.1 ms wide."""
    low, high = times_ms[0], times_ms[-1]
    count = min(40, max(6, 2 * int(len(times_ms) ** 0.5)), max(1, int((high - low) / 0.1)))
    return np.linspace(low, max(high, low + 0.1), count + 1)


def _format_ms(value_ms: float) -> str:
    return format_duration(value_ms * NS_PER_MS) if value_ms > 0 else "0"


def draw_ceiling_over_time(lab: Mapping[str, Any]) -> Figure | None:
    """Each observation of a ceiling that changed; None for a constant one."""
    seen = [(float(s["at_s"]), int(s["sessions"])) for s in lab.get("sightings", ())]
    heights = [height for _, height in seen]
    if len(set(heights)) < 2:
        return None
    with style.figure_style():
        drawing, (axes,) = style.new_drawing(2.8)
        axes.step(*zip(*seen, strict=True), where="post", color=style.MUTED, lw=0.8)
        axes.plot(*zip(*seen, strict=True), ls="none", marker="o", ms=4, color=style.SERIES[0])
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("time since the first observation, s")
        axes.set_ylabel("open sessions at refusal")
        alt = (
            f"{len(seen)} observations: lowest {min(heights)}, highest {max(heights)}, first "
            f"{heights[0]}, last {heights[-1]}."
        )
        title = "Session ceiling over time"
        return style.to_figure(drawing, "capacity-sightings", title, alt, narrow=True)
