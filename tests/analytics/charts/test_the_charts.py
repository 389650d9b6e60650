"""The charts as they are drawn."""

from __future__ import annotations

import json
import re

import pytest
import vl_convert

from analytics.charts.specs import build

NAMES = ("alone", "reviewed", "person", "approved", "edited", "rejected", "expired")
WORDS = (
    {"charts.volume": "volume", "charts.answers": "answers"}
    | {f"series.{n}": n for n in NAMES}
    | {f"columns.{n}": n for n in ("time", "series", "value")}
)


@pytest.mark.parametrize(("name", "series"), [("volume", ""), ("answers", "alone")])
@pytest.mark.parametrize("most", [1, 2])
def test_no_axis_counts_half_a_conversation(name: str, series: str, most: int) -> None:
    rows = [{"label": "Nov 1", "series": series, "value": most, "order": 0}]
    spec = {**build(name, WORDS, "light"), "data": {"values": rows}, "width": 400, "height": 260}
    drawn = vl_convert.vegalite_to_svg(json.dumps(spec))
    numbers = re.findall(r">([\d.]+)</text>", drawn)
    assert numbers == [str(n) for n in range(most + 1)]
