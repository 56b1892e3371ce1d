"""
The capacity lab's figures: what was done and how long it took by what was offered, the
scalability law, when a slot was usable again, and a ceiling that moved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.ticker import FuncFormatter, MaxNLocator

from harness.experiments.capacity.usl import predict
from harness.units import NS_PER_MS, format_duration
from reports.figures.style import (
    MUTED,
    SERIES,
    add_legend,
    duration_axis,
    figure_style,
    new_drawing,
    to_figure,
)
from reports.section import Figure

RELEASES_MIN = 3


def draw_steps(lab: Mapping[str, Any]) -> Figure | None:
    """Throughput and latency of each step against its offer; None without two steps."""
    steps = sorted(
        (step for step in lab.get("steps", ()) if step.get("served_per_s") is not None),
        key=lambda step: float(step["rate_per_s"]),
    )
    if len(steps) < 2:
        return None
    with figure_style():
        drawing, (done, times) = new_drawing(5.4, rows=2)
        offered = [float(step["rate_per_s"]) for step in steps]
        done.plot(offered, offered, ls=":", color=SERIES[5], label="as offered")
        done.plot(
            offered, _series(steps, "served_per_s"), ls="none", marker="o", ms=4,
            color=SERIES[0], label="served",
        )  # fmt: skip
        for name, colour in (("p50_ms", SERIES[0]), ("p99_ms", SERIES[1])):
            values = _series(steps, name)
            times.plot(offered, values, ls="none", marker="o", ms=4, color=colour, label=name[:3])
        times.vlines(
            offered, _series(steps, "p99_low_ms"), _series(steps, "p99_high_ms"),
            color=SERIES[1], alpha=0.5,
        )  # fmt: skip
        duration_axis(times)
        _mark(lab, (done, times))
        done.set_ylabel("arrivals served a second")
        times.set_ylabel("response time")
        times.set_xlabel("arrivals offered a second")
        done.set_ylim(bottom=0)
        add_legend(drawing, done)
        times.legend(loc="upper left", ncols=2)
        title = "Steps of the search"
        return to_figure(drawing, "capacity-steps", title, _alt(lab, steps), narrow=True)


def _series(steps: Sequence[Mapping[str, Any]], name: str) -> list[float]:
    return [float("nan") if step.get(name) is None else float(step[name]) for step in steps]


def _mark(lab: Mapping[str, Any], both: Sequence[Any]) -> None:
    rate, knee = lab.get("max_rate_per_s") or {}, lab.get("knee") or {}
    for axes in both:
        if rate.get("low") is not None and rate.get("high") is not None:
            axes.axvspan(rate["low"], rate["high"], color=SERIES[2], alpha=0.15, lw=0)
        if rate.get("estimate") is not None:
            axes.axvline(rate["estimate"], color=SERIES[2], label="highest rate, interval")
        if knee.get("rate_per_s") is not None:
            axes.axvline(knee["rate_per_s"], color=SERIES[3], ls="--", label="knee")


def _alt(lab: Mapping[str, Any], steps: Sequence[Mapping[str, Any]]) -> str:
    rate = lab.get("max_rate_per_s") or {}
    failed = [step for step in steps if step.get("decision") == "fail"]
    text = f"{len(steps)} steps between {steps[0]['rate_per_s']:.4g} and "
    text += f"{steps[-1]['rate_per_s']:.4g} arrivals a second"
    if rate.get("estimate") is not None:
        text += f"; the objectives hold up to about {rate['estimate']:.4g} a second"
    if failed:
        text += f", and the lowest rate at which they broke was {failed[0]['rate_per_s']:.4g}"
    return text + "."


def draw_usl(lab: Mapping[str, Any]) -> Figure | None:
    """The scalability law through the load levels it was fitted to; None without a fit."""
    usl = lab.get("usl")
    if not usl or not usl.get("levels"):
        return None
    found = [float(usl[name]) for name in ("lambda", "sigma", "kappa")]
    calls, done = (np.array(column, float) for column in zip(*usl["levels"], strict=True))
    with figure_style():
        drawing, (axes,) = new_drawing(3.6)
        along = np.linspace(0, 1.15 * calls.max(), 200)
        top = 1.25 * done.max()
        axes.plot(along, found[0] * along, ls=":", color=SERIES[5], label="if none had to wait")
        axes.plot(along, predict(along, *found), color=SERIES[0], label="the law, fitted")
        axes.plot(calls, done, ls="none", marker="o", ms=5, color=SERIES[1], label="steps")
        if usl.get("peak_concurrency"):
            axes.axvline(usl["peak_concurrency"], color=SERIES[3], ls="--", label="its peak")
        axes.set_ylim(0, top)
        axes.set_xlim(0, along[-1])
        axes.set_xlabel("calls in flight")
        axes.set_ylabel("done a second")
        add_legend(drawing, axes)
        title = "Universal Scalability Law"
        return to_figure(drawing, "capacity-usl", title, _usl_alt(usl), narrow=True)


def _usl_alt(usl: Mapping[str, Any]) -> str:
    text = (
        f"One call at a time does {usl['lambda']:.4g} a second; of each further one "
        f"contention takes {100 * usl['sigma']:.3g} %, coherency {100 * usl['kappa']:.3g} %"
    )
    peak = usl.get("peak_concurrency")
    if peak:
        text += f"; with {peak:.0f} in flight throughput is greatest, {usl['peak_per_s']:,.0f}/s"
    else:
        text += "; no peak is sure"
    return f"{text}. The law explains {100 * usl['r2']:.1f} % of the steps' throughput."


def draw_releases(lab: Mapping[str, Any]) -> Figure | None:
    """How long slots took to be usable again; None without three of them."""
    times_ms = sorted(map(float, lab.get("releases_ms", ())))
    if len(times_ms) < RELEASES_MIN:
        return None
    release = lab.get("release_ms") or {}
    with figure_style():
        drawing, (axes,) = new_drawing(3.0)
        axes.hist(times_ms, bins=_bins(times_ms), color=SERIES[0], alpha=0.85)
        for name, colour, style in (("p50", SERIES[1], "-"), ("p99", SERIES[3], "--")):
            if release.get(name) is not None:
                axes.axvline(release[name], color=colour, ls=style, label=name)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _format_ms(value)))
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("from the answer to DELETE to the create that got the slot")
        axes.set_ylabel("cycles")
        add_legend(drawing, axes)
        middle_ms = float(release.get("p50") or np.median(times_ms))
        alt = (
            f"In {len(times_ms)} cycles a slot was usable again after "
            f"{_format_ms(times_ms[0])} to "
            f"{_format_ms(times_ms[-1])}, half of the time within {_format_ms(middle_ms)}"
        )
        if release.get("resolution"):
            resolution_ms = float(release["resolution"])
            alt += (
                "; all are upper bounds, for the first create that was tried got the slot"
                if resolution_ms >= times_ms[-1]
                else f"; a time may be too long by {_format_ms(resolution_ms)}"
            )
        title = "A slot is usable again"
        return to_figure(drawing, "capacity-releases", title, f"{alt}.", narrow=True)


def _bins(times_ms: Sequence[float]) -> Any:
    """Twice the root of the count, and never narrower than a tenth of a millisecond."""
    low, high = times_ms[0], times_ms[-1]
    count = min(40, max(6, 2 * int(len(times_ms) ** 0.5)), max(1, int((high - low) / 0.1)))
    return np.linspace(low, max(high, low + 0.1), count + 1)


def _format_ms(value_ms: float) -> str:
    return format_duration(value_ms * NS_PER_MS) if value_ms > 0 else "0"


def draw_ceiling_over_time(lab: Mapping[str, Any]) -> Figure | None:
    """A ceiling that moved: each sighting at its second; None for one that stood still."""
    seen = [(float(s["at_s"]), int(s["sessions"])) for s in lab.get("sightings", ())]
    heights = [height for _, height in seen]
    if len(set(heights)) < 2:
        return None
    with figure_style():
        drawing, (axes,) = new_drawing(2.8)
        axes.step(*zip(*seen, strict=True), where="post", color=MUTED, lw=0.8)
        axes.plot(*zip(*seen, strict=True), ls="none", marker="o", ms=4, color=SERIES[0])
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("seconds since the ceiling was first seen")
        axes.set_ylabel("sessions open when refused")
        alt = (
            f"Of {len(seen)} sightings the lowest was {min(heights)} and the highest "
            f"{max(heights)}; the first was {heights[0]}, the last {heights[-1]}."
        )
        title = "The ceiling over time"
        return to_figure(drawing, "capacity-sightings", title, alt, narrow=True)
