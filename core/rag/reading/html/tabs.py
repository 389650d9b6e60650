"""Tells which tab shows which panel, where a row of tabs stands apart from their panels."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from bs4 import BeautifulSoup
from bs4.element import Tag

_SHOWS = frozenset({"tab", "pill"})
_ADDRESSES = ("aria-controls", "data-bs-target", "data-target", "href")


def tabs_of(soup: BeautifulSoup) -> Mapping[int, Tag]:
    """The tab of each panel, by the panel's `id()`.

    A panel that comes right behind its tab is not among them: the tab is its heading where it is.
    """
    order = {id(tag): place for place, tag in enumerate(soup.find_all())}
    named: dict[str, Tag] = {}
    labelled: dict[str, Tag] = {}
    for tag in soup.find_all(attrs={"id": True}):
        named.setdefault(str(tag["id"]), tag)
        if tag.get("role") == "tabpanel":
            for name in str(tag.get("aria-labelledby") or "").split():
                labelled.setdefault(name, tag)
    pairs = []
    for tab in soup.find_all(is_tab):
        panel = _panel(tab, named, labelled)
        if panel is not None and panel.name in ("div", "section", "article"):
            pairs.append((tab, panel))
    places = sorted({order[id(tag)] for pair in pairs for tag in pair})
    after = dict(pairwise(places))
    return {id(panel): tab for tab, panel in pairs if after.get(order[id(tab)]) != order[id(panel)]}


def is_tab(tag: Tag) -> bool:
    """Whether pressing this shows one panel in the place of another."""
    shows = tag.get("data-bs-toggle") or tag.get("data-toggle")
    return tag.get("role") == "tab" or shows in _SHOWS


def _panel(tab: Tag, named: Mapping[str, Tag], labelled: Mapping[str, Tag]) -> Tag | None:
    # The list item around a tab's link may have the role.
    for one in (tab, *tab.find_all("a", href=True, limit=1)):
        for attribute in _ADDRESSES:
            panel = named.get(str(one.get(attribute) or "").removeprefix("#"))
            if panel is not None and panel is not tab:
                return panel
    return labelled.get(str(tab.get("id") or ""))
