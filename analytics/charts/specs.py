"""The charts as Altair specifications, for pages and for pictures.

Altair is imported here only, and only the process that draws imports this: see `worker.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import altair as alt

Words = Mapping[str, str]

FONT = (
    "system-ui, 'Segoe UI', 'Apple SD Gothic Neo', 'Malgun Gothic', 'Noto Sans CJK KR', sans-serif"
)
THEMES: Mapping[str, Mapping[str, Any]] = {
    # Each colour stands out 3:1 from its ground, and the four differ for colour-blind readers.
    "light": {
        "text": "#18202c",
        "faint": "#4d5a6b",
        "line": "#d7dde7",
        "ground": "#ffffff",
        "series": ["#1f5fbf", "#b85607", "#a1307e", "#5c6673"],
        "heat": ["#edf2fb", "#8fb0e8", "#1d4da3"],
    },
    "dark": {
        "text": "#e8edf4",
        "faint": "#a7b3c3",
        "line": "#323d4d",
        "ground": "#181e28",
        "series": ["#8fb2ff", "#f0a05a", "#e58bc8", "#aab4c2"],
        "heat": ["#212c3d", "#4a6db5", "#b5ccff"],
    },
}


def build(name: str, words: Words, theme: str) -> dict[str, Any]:
    """The Vega-Lite specification of a chart, whose data comes under the name "rows"."""
    look = THEMES[theme]
    chart = CHARTS[name](alt.Chart(alt.NamedData(name="rows")), words, look)
    chart = chart.properties(
        width="container",
        height=220,
        autosize=alt.AutoSizeParams(type="fit", contains="padding"),
        background="transparent",
        description=words[f"charts.{name}"],
    )
    chart = (
        chart.configure_view(stroke=None)
        .configure_axis(
            labelColor=look["faint"],
            titleColor=look["faint"],
            gridColor=look["line"],
            domainColor=look["line"],
            tickColor=look["line"],
            labelFont=FONT,
            titleFont=FONT,
            labelFontSize=12,
            titleFontSize=12,
            titleFontWeight="normal",
        )
        .configure_legend(
            labelColor=look["text"],
            labelFont=FONT,
            labelFontSize=12,
            title=None,
            orient="top",
            symbolStrokeWidth=2,
        )
        .configure_title(color=look["text"], font=FONT, fontSize=15, anchor="start")
    )
    spec: dict[str, Any] = chart.to_dict()
    return spec


def _time(separation: int = 8) -> alt.X:
    return alt.X(
        "label:O",
        sort=None,
        axis=alt.Axis(title=None, labelAngle=0, labelOverlap="greedy", labelSeparation=separation),
    )


def _colour(
    look: Mapping[str, Any], words: Words, names: list[str], *, symbol: str = "square"
) -> alt.Color:
    return alt.Color(
        "series:N",
        scale=alt.Scale(
            domain=[words[f"series.{n}"] for n in names], range=look["series"][: len(names)]
        ),
        sort=[words[f"series.{n}"] for n in names],
        legend=alt.Legend(title=None, orient="top", symbolType=symbol, symbolSize=120),
    )


def _tip(words: Words, *, series: bool = True) -> list[alt.Tooltip]:
    tips = [alt.Tooltip("label:O", title=words["columns.time"])]
    if series:
        tips.append(alt.Tooltip("series:N", title=words["columns.series"]))
    return [*tips, alt.Tooltip("value:Q", title=words["columns.value"], format=",.4~r")]


def _whole() -> alt.Axis:
    """Counts: between one conversation and two there is nothing to read, and no line."""
    # A least step of 1 still gives 0.5 where the highest bar is 1 or 2.
    half: Any = alt.condition("datum.value % 1", alt.value(0), alt.value(1))
    return alt.Axis(
        title=None,
        tickMinStep=1,
        labelExpr="datum.value % 1 ? '' : format(datum.value, '~s')",
        gridOpacity=half,
        tickOpacity=half,
    )


def _bars(chart: alt.Chart, words: Words, look: Mapping[str, Any]) -> Any:
    return chart.mark_bar(color=look["series"][0], cornerRadiusEnd=2).encode(
        x=_time(),
        y=alt.Y("value:Q", axis=_whole()),
        tooltip=_tip(words, series=False),
    )


def _stacked(names: list[str]) -> Callable[..., Any]:
    def chart(empty: alt.Chart, words: Words, look: Mapping[str, Any]) -> Any:
        return empty.mark_bar().encode(
            x=_time(),
            y=alt.Y("value:Q", axis=_whole()),
            color=_colour(look, words, names),
            order=alt.Order("order:Q"),
            tooltip=_tip(words),
        )

    return chart


def _lines(names: list[str]) -> Callable[..., Any]:
    def chart(empty: alt.Chart, words: Words, look: Mapping[str, Any]) -> Any:
        domain = [words[f"series.{n}"] for n in names]
        return empty.mark_line(point=alt.OverlayMarkDef(size=36, filled=True)).encode(
            x=_time(),
            y=alt.Y("value:Q", axis=alt.Axis(title=words["columns.seconds"], format=",~r")),
            color=_colour(look, words, names, symbol="stroke"),
            # Colour is not the only sign.
            strokeDash=alt.StrokeDash(
                "series:N",
                scale=alt.Scale(domain=domain, range=[[1, 0], [6, 3], [2, 2]][: len(names)]),
            ),
            tooltip=_tip(words),
        )

    return chart


def _spread(chart: alt.Chart, words: Words, look: Mapping[str, Any]) -> Any:
    return _bars(chart, words, look).encode(x=_time(1))


def _heat(chart: alt.Chart, words: Words, look: Mapping[str, Any]) -> Any:
    days = [words[f"weekdays.{n}"] for n in range(7)]
    return chart.mark_rect(cornerRadius=2).encode(
        x=alt.X(
            "hour:O",
            axis=alt.Axis(title=words["columns.hour"], labelAngle=0, labelOverlap="greedy"),
            scale=alt.Scale(paddingInner=0.06),
        ),
        y=alt.Y("day:O", sort=days, axis=alt.Axis(title=None), scale=alt.Scale(paddingInner=0.08)),
        color=alt.Color(
            "value:Q",
            scale=alt.Scale(range=look["heat"]),
            legend=alt.Legend(orient="right", gradientLength=120, format="~s"),
        ),
        tooltip=[
            alt.Tooltip("day:O", title=words["columns.day"]),
            alt.Tooltip("hour:O", title=words["columns.hour"]),
            alt.Tooltip("value:Q", title=words["columns.value"], format=","),
        ],
    )


CHARTS: Mapping[str, Callable[..., Any]] = {
    "volume": _bars,
    "answers": _stacked(["alone", "reviewed", "person"]),
    "speed": _lines(["p50", "p90"]),
    "decisions": _stacked(["approved", "edited", "rejected", "expired"]),
    "waits": _spread,
    "heat": _heat,
}
"""Every chart by name."""
