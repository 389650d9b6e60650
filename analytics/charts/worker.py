"""The worker process that loads Altair, draws, and ends.

`python -m analytics.charts.worker` reads one JSON job from its input: a kit (all
specifications, and the script by which browsers draw them), or pictures of one page of charts.
"""

from __future__ import annotations

import base64
import json
import sys
from typing import Any

import vl_convert

from analytics.charts.specs import CHARTS, FONT, THEMES, build

SNIPPET = "window.vegaEmbed = vegaEmbed;"


def kit(words: dict[str, dict[str, str]]) -> dict[str, Any]:
    """The script, and the specifications by language, theme and name."""
    return {
        "script": vl_convert.javascript_bundle(SNIPPET),
        "specs": {
            locale: {
                theme: {name: build(name, texts, theme) for name in CHARTS} for theme in THEMES
            }
            for locale, texts in words.items()
        },
    }


def pictures(charts: list[dict[str, Any]], words: dict[str, str], theme: str) -> list[str]:
    """PNG pictures in base64, one a chart {name, rows}."""
    drawn = []
    for chart in charts:
        spec = _complete(build(chart["name"], words, theme), chart, words, theme)
        png = vl_convert.vegalite_to_png(json.dumps(spec), scale=2)
        drawn.append(base64.b64encode(png).decode())
    return drawn


def sheet(
    charts: list[dict[str, Any]], words: dict[str, str], theme: str, title: str, note: str
) -> str:
    """All charts under each other as one PNG in base64; without any, the note alone."""
    parts: list[dict[str, Any]] = []
    for chart in charts:
        spec = _complete(build(chart["name"], words, theme), chart, words, theme)
        for name in ("$schema", "config", "background", "autosize"):
            spec.pop(name, None)
        parts.append(spec)
    if not parts:
        parts.append(
            {
                "data": {"values": [{}]},
                "mark": {
                    "type": "text",
                    "text": note,
                    "font": FONT,
                    "fontSize": 16,
                    "color": THEMES[theme]["text"],
                },
                "width": 820,
                "height": 120,
            }
        )
    look = build(charts[0]["name"] if charts else next(iter(CHARTS)), words, theme)
    whole = {
        "$schema": look["$schema"],
        "config": look["config"],
        "background": THEMES[theme]["ground"],
        "padding": 24,
        "title": {"text": title, "fontSize": 20, "offset": 16},
        "vconcat": parts,
        "spacing": 28,
        "resolve": {"scale": {"color": "independent", "strokeDash": "independent"}},
    }
    return base64.b64encode(vl_convert.vegalite_to_png(json.dumps(whole), scale=2)).decode()


def _complete(
    spec: dict[str, Any], chart: dict[str, Any], words: dict[str, str], theme: str
) -> dict[str, Any]:
    return {
        **spec,
        "data": {"values": chart["rows"]},
        "width": 820,
        "height": 260,
        "padding": 20,
        "title": words[f"charts.{chart['name']}"],
        "background": THEMES[theme]["ground"],
    }


def main() -> None:
    """Do the one job."""
    job = json.load(sys.stdin)
    match job["job"]:
        case "kit":
            result: Any = kit(job["words"])
        case "pictures":
            result = pictures(job["charts"], job["words"], job["theme"])
        case "sheet":
            result = sheet(job["charts"], job["words"], job["theme"], job["title"], job["note"])
        case other:
            raise ValueError(other)
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
