"""Chat and console share one set of colours; whoever cannot read it shows the same ones."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from analytics.charts.specs import THEMES
from core.web.pages import STATIC
from tests.support.process import PRODUCT, ROOT

COLOUR = re.compile(r"#[0-9a-f]{3,8}\b", re.IGNORECASE)
TOKEN = re.compile(r"--([a-z0-9-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);")
STYLES = sorted(
    path
    for room in PRODUCT
    for path in (ROOT / room).rglob("static/*.css")
    if path.name != "common.css"
)

_TOKENS = TOKEN.findall((STATIC / "common.css").read_text(encoding="utf-8"))
LIGHT = {name: light for name, light, _ in _TOKENS}
DARK = {name: dark for name, _, dark in _TOKENS}


@pytest.mark.parametrize("path", STYLES, ids=lambda path: path.name)
def test_no_other_stylesheet_has_colours_of_its_own(path: Path) -> None:
    css = path.read_text(encoding="utf-8")
    assert COLOUR.findall(css) == []
    own = set(re.findall(r"(--[a-z0-9-]+):", css))
    shared = (STATIC / "common.css").read_text(encoding="utf-8") + (
        STATIC / "console.css"
    ).read_text(encoding="utf-8")
    known = own | set(re.findall(r"(--[a-z0-9-]+):", shared)) | {"--seen-height"}
    assert set(re.findall(r"var\((--[a-z0-9-]+)", css)) <= known


@pytest.mark.parametrize("file", ["channels/web/widget.js", "analytics/templates/report_file.html"])
def test_what_stands_alone_shows_the_same(file: str) -> None:
    found = set(COLOUR.findall((ROOT / file).read_text(encoding="utf-8")))
    assert found
    assert found - {"#fff"} <= set(LIGHT.values())


def test_the_browsers_own_frame_has_the_chats_colour() -> None:
    page = (ROOT / "channels" / "web" / "templates" / "page.html").read_text(encoding="utf-8")
    found = re.findall(r'theme-color" content="(#\w+)" media="\(prefers-color-scheme: (\w+)', page)
    assert {scheme: colour for colour, scheme in found} == {
        "light": LIGHT["surface"],
        "dark": DARK["surface"],
    }


@pytest.mark.parametrize(("theme", "tokens"), [("light", LIGHT), ("dark", DARK)])
def test_charts_have_the_pages_colours(theme: str, tokens: dict[str, str]) -> None:
    shown = {"text": "text", "faint": "text-2", "line": "line", "ground": "surface"}
    assert {part: THEMES[theme][part] for part in shown} == {
        part: tokens[name] for part, name in shown.items()
    }


def _contrast(one: str, other: str) -> float:
    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("ink", "ground", "least"),
    [
        *((ink, ground, 4.5) for ink in ("text", "text-2", "accent", "faint", "warn", "bad", "good")
          for ground in ("bg", "surface")),
        *((ink, "surface-2", 4.5) for ink in ("text", "text-2", "accent")),
        ("on-accent", "accent", 4.5),
        ("mine-ink", "mine", 4.5),
        ("accent-strong", "accent-soft", 4.5),
        *((f"{name}", f"{name}-soft", 4.5) for name in ("good", "warn", "bad", "accent")),
        ("line-strong", "surface", 3.0),
    ],
)  # fmt: skip
def test_what_is_written_can_be_read(
    tokens: dict[str, str], ink: str, ground: str, least: float
) -> None:
    assert _contrast(tokens[ink], tokens[ground]) >= least
