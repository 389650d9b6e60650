"""The expected type of an answer (a price, a time, …), and whether a text has one."""

from __future__ import annotations

import enum
import re

from config.languages import every, patterns
from core.nlu import questions_en as en
from core.nlu import questions_ko as ko
from core.nlu.questions import is_korean


class Wanted(enum.StrEnum):
    """The expected type of an answer: a price, a time, a place, …"""

    PRICE = "price"
    DURATION = "duration"
    TIME = "time"  #: a clock time, a day, a date
    COUNT = "count"
    MEASURE = "measure"  #: a size, a weight, a volume
    AGE = "age"
    PLACE = "place"
    REASON = "reason"
    PERSON = "person"
    MANNER = "manner"


_LISTS = patterns("answer_types")
_SAYS = {
    kind: re.compile("|".join(wordings))
    for kind in Wanted
    if (wordings := every("answer_types", "says", kind))
}
"""Each is looked for as it stands. Persons and ways of doing show by no sign."""


def wanted(question: str) -> Wanted | None:
    """What the question wants to be told; None where that cannot be told from its words."""
    return _wanted_ko(question) if is_korean(question) else _wanted_en(question)


def says(text: str, kind: Wanted) -> bool:
    """Whether the text names something of this kind. Persons and ways of doing show by no sign."""
    pattern = _SAYS.get(kind)
    return pattern is not None and pattern.search(text.lower()) is not None


_MONEY = frozenset(_LISTS["en"]["wanted"]["money"])
_SIZE = frozenset(_LISTS["en"]["wanted"]["size"])


def _wanted_en(question: str) -> Wanted | None:
    found = en.words(question)
    for place, word in enumerate(found):
        following = found[place + 1] if place + 1 < len(found) else ""
        match word:
            case "how" | "how's" | "hows":
                if following == "much":
                    then = found[place + 2 : place + 3]
                    return Wanted.MEASURE if then and then[0] in ("space", "room") else Wanted.PRICE
                if following == "many":
                    return Wanted.COUNT
                if following == "long":
                    return Wanted.DURATION
                if following in ("old", "young"):
                    return Wanted.AGE
                if following in ("late", "early", "soon", "often"):
                    return Wanted.TIME
                if following in _SIZE or following == "far":
                    return Wanted.MEASURE
                if following != "about":
                    return Wanted.MANNER
            case "when" | "when's" | "whens":
                return Wanted.TIME
            case "where" | "where's" | "wheres":
                return Wanted.PLACE
            case "why":
                return Wanted.REASON
            case "who" | "who's" | "whose" | "whom":
                return Wanted.PERSON
            case "what" | "which" | "what's" | "whats":
                if following in ("time", "day", "days", "date", "month", "weekday"):
                    return Wanted.TIME
                if following in ("age", "ages"):
                    return Wanted.AGE
                if following in ("size", "weight", "height"):
                    return Wanted.MEASURE
            case _:
                pass
    return Wanted.PRICE if _MONEY.intersection(found) else None


def _wanted_ko(question: str) -> Wanted | None:
    found = ko.words(question)
    for place, word in enumerate(found):
        following = found[place + 1] if place + 1 < len(found) else ""
        if word.startswith(("얼마나", "얼마동안", "며칠", "얼마간")):
            return Wanted.DURATION if following.startswith(_LASTS) or not following else None
        if word.startswith(("얼마", "얼만")):
            return Wanted.PRICE
        if word.startswith(("언제", "몇시", "몇일", "몇월")):
            return Wanted.TIME
        if word.startswith("무슨") and following.startswith(("요일", "날", "시간")):
            return Wanted.TIME
        if word.startswith("몇"):
            unit = word[1:] or following
            if unit.startswith(("시간", "분이", "일", "주", "달", "개월", "년")):
                return Wanted.DURATION
            if unit.startswith("시"):
                return Wanted.TIME
            return Wanted.AGE if unit.startswith(("살", "세")) else Wanted.COUNT
        if word.startswith(("어디", "어느 곳")):
            return Wanted.PLACE
        if word.startswith(("왜", "어째서")):
            return Wanted.REASON
        if word.startswith(("누가", "누구")):
            return Wanted.PERSON
    if any(word.startswith(_MONEY_KO) for word in found):
        return Wanted.PRICE
    if any(word.startswith(("어떻게", "어케", "방법")) for word in found):
        return Wanted.MANNER
    return None


_LASTS = tuple(_LISTS["ko"]["wanted"]["lasts"])
_MONEY_KO = tuple(_LISTS["ko"]["wanted"]["money"])
