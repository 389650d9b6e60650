"""Reads the style sheets inside a page, as far as they hide something."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from itertools import islice

import soupsieve
from bs4 import BeautifulSoup
from bs4.element import Tag

MOST_RULES = 300  #: of those that say whether something is shown
MOST_SELECTORS = 1_000  #: of these rules; each is looked for in the whole page
MOST_STYLE = 400_000  #: characters of style sheets that are looked at

_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_TELLING = re.compile(r"display|visibility|opacity|font-size|clip|left|text-indent|height")
_OTHER_MEDIA = re.compile(r"print|speech|max-(?:device-)?width|prefers-|hover: *none")
_NOT_NOW = re.compile(r":(?:hover|focus|active|checked|target|focus-within|focus-visible|visited)")
_IDS = re.compile(r"#[\w-]+")
_CLASSES = re.compile(r"\.[\w-]+|\[[^\[\]]{0,200}\]|:(?!:)[\w-]+")


def hides(style: str) -> bool | None:
    """Whether these declarations hide what they are for; None where they say neither.

    What is transparent, of no size or moved off the page is hidden as well.
    """
    said: dict[str, str] = {}
    for declaration in style.split(";"):
        name, _, value = declaration.partition(":")
        said[name.strip().lower()] = value.replace("!important", "").strip().lower()
    display, visibility = said.get("display", ""), said.get("visibility", "")
    if display == "none" or visibility in ("hidden", "collapse"):
        return True
    if _zero(said.get("opacity")) or _zero(said.get("font-size")) or _out_of_sight(said):
        return True
    return False if display or visibility == "visible" else None


def _out_of_sight(said: dict[str, str]) -> bool:
    clipped = said.get("clip", "").replace(" ", "").startswith(("rect(0", "rect(1px"))
    clipped = clipped or said.get("clip-path", "").startswith("inset(50%")
    if said.get("position", "") in ("absolute", "fixed"):
        far = (said.get(side, "") for side in ("left", "top", "right"))
        if clipped or any(re.match(r"-\d{4}", one) for one in far):
            return True
    if re.match(r"-\d{4}", said.get("text-indent", "")):
        return True
    flat = _zero(said.get("height")) or _zero(said.get("max-height")) or _zero(said.get("width"))
    if flat and said.get("overflow", "").startswith("hidden"):
        return True
    colour = said.get("color", "").replace(" ", "")
    ground = (said.get("background-color") or said.get("background", "")).replace(" ", "")
    return colour == "transparent" or bool(colour and _named(colour) == _named(ground))


def _zero(value: str | None) -> bool:
    return value is not None and re.fullmatch(r"0(?:\.0+)?(?:px|em|rem|pt|%)?", value) is not None


def _named(colour: str) -> str:
    return {"white": "#fff", "#ffffff": "#fff", "black": "#000", "#000000": "#000"}.get(
        colour, colour
    )


def hidden_by_style(soup: BeautifulSoup) -> dict[int, bool]:
    """The elements that the page's own style sheets say something of, by `id()`: hidden or not."""
    weights: dict[int, tuple[int, int]] = {}
    found: dict[int, bool] = {}
    style = "\n".join(tag.get_text() for tag in soup.find_all("style") if not _for_others(tag))
    rules = ((s, d, hides(d)) for s, d in _rules(style[:MOST_STYLE]))
    telling = (rule for rule in rules if rule[2] is not None)
    asked = 0
    for order, (selectors, declared, hidden) in enumerate(islice(telling, MOST_RULES)):
        for selector in [selectors] if "(" in selectors else selectors.split(","):
            asked += 1
            if asked > MOST_SELECTORS:
                return found
            weight = (_weight(selector) + 1000 * ("!important" in declared), order)
            for tag in _selected(soup, selector.strip()):
                if weights.get(id(tag), (-1, -1)) <= weight:
                    weights[id(tag)], found[id(tag)] = weight, bool(hidden)
    return found


def _for_others(tag: Tag) -> bool:
    return _OTHER_MEDIA.search(str(tag.get("media") or "")) is not None


def _rules(style: str) -> Iterator[tuple[str, str]]:
    """Selector and declarations of each rule that may hide, those of other media left out."""
    style = _COMMENT.sub("", style)
    blocks: list[tuple[str, bool]] = []  # that are open: a rule's selector, whether it applies
    start = 0
    for match in re.finditer(r"[{};]", style):
        head = style[start : match.start()].strip()
        if match[0] == ";" and blocks and blocks[-1][0]:
            continue
        start = match.end()
        if match[0] == "{":
            conditional = head.startswith(("@media", "@supports", "@layer", "@container"))
            applies = conditional and _OTHER_MEDIA.search(head) is None
            blocks.append(("", applies) if head.startswith("@") else (head, True))
        elif match[0] == "}" and blocks:
            selector, _ = blocks[-1]
            if selector and all(applies for _, applies in blocks) and _TELLING.search(head):
                yield selector, head
            blocks.pop()


def _selected(soup: BeautifulSoup, selector: str) -> Iterator[Tag]:
    if "::" in selector or _NOT_NOW.search(selector):
        return
    # What this library does not know, it says in errors of many kinds.
    with contextlib.suppress(Exception):
        yield from soupsieve.select(selector, soup)


def _weight(selector: str) -> int:
    return 100 * len(_IDS.findall(selector)) + 10 * len(_CLASSES.findall(selector))
