"""Attempts by outcome, stacked over time."""

from __future__ import annotations

import pandas as pd

from harness.analysis.probes import PROBE
from reports.figures import style
from reports.figures.annotations import finish_time_figure
from reports.formatting import percent
from reports.model import ReportModel
from reports.section import Figure

_COLOURS = {
    "ok": style.SERIES[0],
    "rate_limited": style.SERIES[1],
    "capacity_full": style.SERIES[3],
    "timeout": style.SERIES[4],
    PROBE: style.MUTED,
}
_SECOND_COLOUR = style.INK  # green would look like success
_OTHERS = style.SERIES[5]


def draw(model: ReportModel) -> Figure:
    """Attempts per second by outcome; outcomes without a colour become *other*."""
    drawing, (axes,) = style.new_drawing(3.4)
    stacked = group(model.outcomes_s)
    if len(stacked):
        x = [*stacked.index, stacked.index[-1] + model.step_s]
        below = pd.Series(0.0, index=stacked.index)
        colours = {
            **dict(zip(uncoloured(stacked), (_SECOND_COLOUR, _OTHERS), strict=False)),
            **_COLOURS,
        }
        for name in stacked.columns:
            above = below + stacked[name] / model.step_s
            axes.stairs(
                above,
                x,
                baseline=below,
                fill=name != PROBE,  # solid areas are the load
                color=colours[name],
                alpha=0.9,
                label=style.label(name),
            )
            below = above
        axes.set_ylim(0, max(float(below.max()) * 1.12, 1.0))
        style.add_legend(drawing, axes)
    else:
        style.draw_placeholder(axes)
    axes.set_ylabel("attempts per second")
    title = "Attempts and outcomes over time"
    return finish_time_figure(drawing, [axes], model, "outcomes", title, _alt(model))


def group(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Outcomes with a colour, the most frequent other one, the rest as one, then probes."""
    named = [name for name in _COLOURS if name in outcomes and name != PROBE]
    rest = outcomes.drop(columns=[*named, PROBE], errors="ignore")
    order = list(rest.sum().sort_values(ascending=False, kind="stable").index)
    grouped = outcomes[[*named, *order[: 2 if len(order) == 2 else 1]]].copy()
    if len(order) > 2:
        grouped[f"other ({len(order) - 1} kinds)"] = rest[order[1:]].sum(axis=1)
    if PROBE in outcomes:
        grouped[PROBE] = outcomes[PROBE]
    return grouped


def uncoloured(stacked: pd.DataFrame) -> list[str]:
    """Columns without a colour of their own, at most two."""
    return [name for name in stacked.columns if name not in _COLOURS]


def _alt(model: ReportModel) -> str:
    frame = model.outcomes_s.drop(columns=PROBE, errors="ignore")
    if not frame.to_numpy().any():
        return "Empty: no attempt of the load was observed."
    totals = frame.sum(axis=1)
    bad = totals - frame.get("ok", 0)
    text = f"At most {totals.max() / model.step_s:,.0f} attempts ended in one second"
    if not bad.sum():
        return f"{text}; all ended ok."
    when = style.peak_s(bad)
    name = str(frame.drop(columns="ok", errors="ignore").loc[when].idxmax())
    return (
        f"{text}; {percent(float(bad.sum() / totals.sum()))} of all did not end ok, with the "
        f"peak {when} s after load start (mostly {style.label(name)})."
    )
