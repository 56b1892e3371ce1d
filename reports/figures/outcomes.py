"""How much was sent and how it ended, stacked over time, with phases and faults."""

from __future__ import annotations

import pandas as pd

from harness.analysis.probes import PROBE
from reports.figures.annotations import draw_annotations
from reports.figures.style import (
    INK,
    MUTED,
    SERIES,
    add_legend,
    draw_placeholder,
    label,
    new_drawing,
    peak_s,
    set_time_axis,
    to_figure,
)
from reports.formatting import percent
from reports.model import ReportModel
from reports.section import Figure

_COLOURS = {
    "ok": SERIES[0],
    "rate_limited": SERIES[1],
    "capacity_full": SERIES[3],
    "timeout": SERIES[4],
    PROBE: MUTED,
}
_SECOND_COLOUR = INK  # green would look like a good end
_OTHERS = SERIES[5]


def draw(model: ReportModel) -> Figure:
    """Attempts a second by outcome; what has no colour of its own is *other*."""
    drawing, (axes,) = new_drawing(3.4)
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
                fill=name != PROBE,  # an outline: what is drawn solid is the load
                color=colours[name],
                alpha=0.9,
                label=label(name),
            )
            below = above
        axes.set_ylim(0, max(float(below.max()) * 1.12, 1.0))
        add_legend(drawing, axes)
    else:
        draw_placeholder(axes)
    set_time_axis([axes], model)
    draw_annotations([axes], model.annotations)
    axes.set_ylabel("attempts a second")
    title = "Attempts and outcomes over time"
    return to_figure(drawing, "outcomes", title, _alt(model), narrow=True)


def group(outcomes: pd.DataFrame) -> pd.DataFrame:
    """
    Ok first, the named ones, the most frequent unnamed one, then all others in one.

    Probes come last, on top of the load.
    """
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
    """The columns that no colour is kept for, at most two."""
    return [name for name in stacked.columns if name not in _COLOURS]


def _alt(model: ReportModel) -> str:
    frame = model.outcomes_s.drop(columns=PROBE, errors="ignore")
    if not frame.to_numpy().any():
        return "Empty: no attempt of the load was observed."
    totals = frame.sum(axis=1)
    bad = totals - frame.get("ok", 0)
    text = f"At most {totals.max() / model.step_s:,.0f} attempts ended in one second"
    if not bad.sum():
        return f"{text}, and all of them ok."
    when = peak_s(bad)
    name = str(frame.drop(columns="ok", errors="ignore").loc[when].idxmax())
    return (
        f"{text}; {percent(float(bad.sum() / totals.sum()))} of all did not end ok, with "
        f"the peak {when} s after the load began, there mainly {label(name)}."
    )
