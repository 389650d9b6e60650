"""Reads the weekdays that a text names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from config.languages import every, patterns

_LISTS = patterns("weekdays")
_BETWEEN = "|".join(every("weekdays", "between"))


def _day(place: str, *, alone: bool) -> str:
    """A day of any language, in a group named after the language and its place."""
    kind = "alone" if alone else "day"
    days = (
        table[kind].replace("(?P<day>", f"(?P<{code}_{place}>") for code, table in _LISTS.items()
    )
    return f"(?:{'|'.join(days)})"


_RANGE = re.compile(
    rf"{_day('first', alone=False)}\s?(?:[-–~〜]|{_BETWEEN})\s?{_day('last', alone=False)}"
)
_NAMED = re.compile(_day("first", alone=True))
_WEEK = re.compile("|".join(every("weekdays", "week")))
_WEEKEND = re.compile("|".join(every("weekdays", "weekend")))


@lru_cache(maxsize=4096)
def weekdays(text: str) -> frozenset[int]:
    """Numbers of the days, Monday being 0; those between the ends of a range too."""
    found: set[int] = set()
    for match in _RANGE.finditer(text):
        first, last = _number(match, "first"), _number(match, "last")
        found.update((first + step) % 7 for step in range((last - first) % 7 + 1))
    found.update(_number(match, "first") for match in _NAMED.finditer(text))
    if _WEEK.search(text):
        found.update(range(5))
    if _WEEKEND.search(text):
        found.update((5, 6))
    return frozenset(found)


def _number(match: re.Match[str], place: str) -> int:
    for code, table in _LISTS.items():
        if named := match[f"{code}_{place}"]:
            begins: Sequence[str] = table["begins"]
            return next(n for n, begin in enumerate(begins) if named.lower().startswith(begin))
    raise AssertionError(match)
