"""Names of browsers and systems, for the list of where somebody is signed in."""

from __future__ import annotations

from collections.abc import Sequence

# The first that fits counts: nearly every browser says that it is Safari and Chrome as well.
_BROWSERS: Sequence[tuple[str, Sequence[str]]] = (
    ("Edge", ("Edg/",)),
    ("Opera", ("OPR/",)),
    ("Samsung Internet", ("SamsungBrowser/",)),
    ("Whale", ("Whale/",)),
    ("Firefox", ("Firefox/", "FxiOS/")),
    ("Chrome", ("Chrome/", "CriOS/")),
    ("Safari", ("Safari/",)),
)
_SYSTEMS: Sequence[tuple[str, str]] = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("macOS", "Macintosh"),
    ("ChromeOS", "CrOS"),
    ("Linux", "Linux"),
)


def browser_name(user_agent: str) -> str:
    """Browser and system, as "Chrome · Linux"; what names neither comes back as it is."""
    browser = next((n for n, marks in _BROWSERS if any(m in user_agent for m in marks)), "")
    system = next((n for n, mark in _SYSTEMS if mark in user_agent), "")
    return " · ".join(filter(None, (browser, system))) or user_agent
