"""The search for the highest rate: what was done, and how long it took, by what was offered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reports.figures.canvas import SERIES, duration_axis, new_drawing, styled, to_figure
from reports.section import Figure


def draw_steps(lab: Mapping[str, Any]) -> Figure | None:
    """Throughput and latency of each step against its offer; None without two steps."""
    steps = sorted(
        (step for step in lab.get("steps", ()) if step.get("completed_per_s") is not None),
        key=lambda step: float(step["rate_per_s"]),
    )
    if len(steps) < 2:
        return None
    with styled():
        drawing, (done, times) = new_drawing(5.4, rows=2)
        offered = [float(step["rate_per_s"]) for step in steps]
        done.plot(offered, offered, ls=":", color=SERIES[5], label="as offered")
        done.plot(
            offered, _series(steps, "completed_per_s"), ls="none", marker="o", ms=4,
            color=SERIES[0], label="done",
        )  # fmt: skip
        for name, colour in (("p50_ms", SERIES[0]), ("p99_ms", SERIES[1])):
            values = _series(steps, name)
            times.plot(
                offered, values, ls="none", marker="o", ms=4, color=colour, label=name[:3]
            )
        times.vlines(
            offered, _series(steps, "p99_low_ms"), _series(steps, "p99_high_ms"),
            color=SERIES[1], alpha=0.5,
        )  # fmt: skip
        duration_axis(times)
        _mark(lab, (done, times))
        done.set_ylabel("done a second")
        times.set_ylabel("response time")
        times.set_xlabel("offered a second")
        done.legend(loc="upper left")
        times.legend(loc="upper left")
        return to_figure(drawing, "capacity-steps", "Steps of the search", _alt(lab, steps))


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
