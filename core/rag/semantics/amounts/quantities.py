"""Reads quantities in a text: amounts with units, ranges, bounds, dates and times."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

from core.rag.semantics.amounts.number_words import EN, KO, Number, Token, lex, numbers_in
from core.rag.vectors.lexical import token_set
from core.text.autolinks import without_addresses

_DATE = re.compile(r"(?<!\d)((?:19|20)\d\d)[-./](\d{1,2})[-./](\d{1,2})(?!\d)")
_KOREAN_FRACTION = re.compile(r"(?<!\d)([1-9]\d{0,2}) ?분의 ?(\d{1,3})(?!\d)")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::\d{2})?")
_OPPOSED = frozenset(
    {("most", "least"), ("most", "after"), ("before", "least"), ("before", "after")}
)
MOST = 60  #: amounts of a text that are compared with each one of another
_YEARS = range(1900, 2200)
_RANGE_SIGNS = ("-", "~")
_NAMED_ALIKE = ({"day_of_month", "second"}, {"gbp", "pound"})  #: "pounds" may weigh or pay
_LOOSE = frozenset({"", "date"})  #: units that only say that a number stands there
MONEY = ("usd", "krw", "eur", "gbp", "jpy", "chf", "cny", "inr", "mxn", "pln", "sek", "thb", "try")
_KIND = {
    **dict.fromkeys(("second", "month", "working_day", "night"), "time"),
    **dict.fromkeys(MONEY, "money"),
    **dict.fromkeys(("clock", "clock12"), "clock"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """An amount: `value` in `unit`, or from `value` to `high`; `unit` is "" where none is known.

    `bound` says that it is no amount but a limit: "most", "least", "before" or "after".
    """

    value: Fraction
    unit: str = ""
    scale: Fraction = Fraction(1)  #: how many of the base unit one of this is
    high: Fraction | None = None
    bound: str = ""
    per: str = ""  #: "month" of "9 dollars a month"

    def __str__(self) -> str:
        high = f"-{_shown(self.high)}" if self.high is not None else ""
        return f"{_shown(self.value)}{high}"


@lru_cache(maxsize=8192)
def quantities(text: str) -> tuple[Quantity, ...]:
    """The amounts in a text, in order. A lone "one" says nothing and is none."""
    found: list[Quantity] = []
    text = without_addresses(text)
    for match in _DATE.finditer(text):
        year, month, day = (Fraction(part) for part in match.groups())
        found += [
            Quantity(value=year, unit="year"),
            Quantity(value=month, unit="month_of_year"),
            Quantity(value=day, unit="day_of_month"),
        ]
    text = _DATE.sub(" ", text)
    found += [
        Quantity(value=Fraction(int(match[2]), int(match[1])), unit="ratio")
        for match in _KOREAN_FRACTION.finditer(text)
    ]
    tokens = lex(_KOREAN_FRACTION.sub(" ", text))
    numbers = list(numbers_in(tokens))
    found += _months(tokens, numbers)
    read: list[Quantity] = []
    last, rest = 0, ""
    for number in numbers:
        if number.first < last:
            continue  # the minutes of "9시 30분" are a part of the time
        quantity, end, after = _measured(tokens, number)
        quantity = replace(quantity, per=_rate(tokens, number, end))
        if quantity.unit == "half":
            _add_half(read)
        elif read and _joins(tokens, last, rest, number, read[-1], quantity):
            before = read[-1]
            unit = quantity if quantity.unit else before
            bound = before.bound or quantity.bound
            read[-1] = replace(
                before, high=quantity.value, unit=unit.unit, scale=unit.scale, bound=bound
            )
        else:
            read.append(quantity)
        last, rest = end, after
    found += [q for q in read if not (q.value == 1 and not q.unit and q.high is None)]
    return tuple(found)


def agrees(claimed: Quantity, told: Quantity) -> bool:
    """Whether a source's amount says what is claimed: the same number of the same thing."""
    if claimed.per and told.per and claimed.per != told.per:
        return False
    if (claimed.bound, told.bound) in _OPPOSED or (told.bound, claimed.bound) in _OPPOSED:
        return False
    if claimed.bound == "least" and not told.bound and told.high is None:
        return False
    if claimed.high is not None:
        return told.high is not None and _same(claimed, told) and _same(_top(claimed), _top(told))
    if told.high is None:
        return _same(claimed, told)
    # One end of a range may be told as the limit that it is.
    return (claimed.bound in ("most", "before") and _same(claimed, _top(told))) or (
        claimed.bound in ("least", "after") and _same(claimed, told)
    )


def comparable(one: Quantity, other: Quantity) -> bool:
    """Whether both count the same kind of thing."""
    kind = _KIND.get(one.unit, one.unit)
    return kind not in _LOOSE and kind == _KIND.get(other.unit, other.unit)


def other_amount(asked: str, known: str, source: str = "") -> bool:
    """Whether each of the two names an amount of one kind, and no two say the same.

    What the source says is no other amount.
    """
    mine, theirs, told = (quantities(text)[:MOST] for text in (asked, known, source))
    pairs = [(a, b) for a in mine for b in theirs if comparable(a, b)]
    if not pairs or any(agrees(a, b) or agrees(b, a) for a, b in pairs):
        return False
    return not any(comparable(a, b) and agrees(a, b) for a, _ in pairs for b in told)


def counting_words() -> frozenset[str]:
    """The tokens of numbers and units: what two sentences share when they only count alike."""
    words = (*_UNITS, *EN["numbers"], *EN["scales"], *_MONTHS, "am", "pm", "오전", "오후")
    digits = {str(number) for number in range(1000)}
    return frozenset(digits).union(*map(token_set, words))


def _same(one: Quantity, other: Quantity) -> bool:
    if one.unit == other.unit:
        return one.value * one.scale == other.value * other.scale
    if {one.unit, other.unit} <= {"clock", "clock12"}:
        return (one.value - other.value) % 720 == 0
    if {one.unit, other.unit} in _NAMED_ALIKE:
        return one.value == other.value
    return (one.unit in _LOOSE or other.unit in _LOOSE) and one.value == other.value


def _top(quantity: Quantity) -> Quantity:
    assert quantity.high is not None
    return replace(quantity, value=quantity.high, high=None)


def _add_half(read: list[Quantity]) -> None:
    if read and read[-1].unit:
        # Of an hour of the day it is thirty minutes.
        half = Fraction(30) if read[-1].unit in ("clock", "clock12") else Fraction(1, 2)
        read[-1] = replace(read[-1], value=read[-1].value + half)
    else:
        read.append(Quantity(value=Fraction(1, 2), unit="ratio"))


def _joins(
    tokens: Sequence[Token],
    end: int,
    rest: str,
    number: Number,
    before: Quantity,
    after: Quantity,
) -> bool:
    """Whether two numbers are the ends of one range; `rest` follows the first one's unit."""
    between = [*([rest] if rest else []), *(token.text for token in tokens[end : number.first])]
    said = between in ([sign] for sign in _RANGE_SIGNS) or (
        len(between) == 1 and between[0] in (*EN["dates"]["range"], *KO["dates"]["range"])
    )
    units = not before.unit or not after.unit or before.unit == after.unit
    clocks = "clock" in before.unit or "clock" in after.unit or before.high is not None
    if not said or not units or clocks or after.value <= before.value:
        return False
    # "1588-1234" and "2026-03" are no ranges, and "5 and 7" is one only behind "between".
    if between[0] in ("and", "or", "또는"):
        place = number.first - 1 - 1
        words = [token.text for token in tokens[max(0, place - 2) : place]]
        return "between" in words or between[0] != "and"
    return before.value < 1000 or between[0] != "-"


def _measured(tokens: Sequence[Token], number: Number) -> tuple[Quantity, int, str]:
    """A number with unit and bound, the token after them, and what follows the unit in its own."""
    value, end = number.value, number.end
    before = tokens[number.first - 1].text if number.first else ""
    minus = before == "-" and tokens[number.first].glued and not _follows(tokens, number.first - 1)
    if minus or before in EN["dates"]["minus"] or before in KO["dates"]["minus"]:
        value = -value
    if clock := _clock(tokens, number):
        unit, minutes, end = clock
        return Quantity(value=minutes, unit=unit, bound=_bound(tokens, number, end, "")), end, ""
    if number.unit:
        bound = _bound(tokens, number, end, "")
        return Quantity(value=value, unit=number.unit, high=number.high, bound=bound), end, ""
    unit, scale, end, rest = _unit(tokens, number)
    if not unit and value in _YEARS and tokens[number.first].text.isdigit():
        unit = "date"
    if unit == "month" and scale == 12 and value in _YEARS:
        unit, scale = "year", Fraction(1)
    if number.value == Fraction(1, 2) and not unit and not tokens[number.first].is_number:
        unit = "ratio"
    bound = _bound(tokens, number, end, rest)
    return Quantity(value=value, unit=unit, scale=scale, high=number.high, bound=bound), end, rest


def _follows(tokens: Sequence[Token], at: int) -> bool:
    """Whether a dash stands directly behind something, and so is no minus."""
    return tokens[at].glued and at > 0


def _unit(tokens: Sequence[Token], number: Number) -> tuple[str, Fraction, int, str]:
    """The unit, its scale, the token after it, and what else stands in its last token."""
    if number.first and (sign := _UNITS.get(tokens[number.first - 1].text)):
        name, scale = sign
        if name in _CURRENCIES:
            return name, scale, number.end, number.rest
    rest, end = number.rest, number.end
    if not rest:
        end += _text(tokens, end) == "-" and tokens[end].glued
        rest, end = _text(tokens, end), end + 1
    if not "가" <= rest[:1] <= "힣":
        for words, taken in ((f"{rest} {_text(tokens, end)}", 1), (rest, 0)):
            if words in _UNITS:
                return *_UNITS[words], end + taken, ""
        return "", Fraction(1), number.end, ""
    if rest.startswith("월") and not rest.startswith("월급"):
        return "month_of_year", Fraction(1), end, rest[1:]
    for name in _KOREAN_UNITS:
        if rest.startswith(name) and rest[len(name) :] in _PARTICLES:
            unit, scale = _UNITS[name]
            if name == "일" and _text(tokens, number.first - 1).startswith("월"):
                unit, scale = "day_of_month", Fraction(1)
            return unit, scale, end, rest[len(name) :]
    return "", Fraction(1), number.end, rest


def _clock(tokens: Sequence[Token], number: Number) -> tuple[str, Fraction, int] | None:
    """A time of day in minutes: "9:00", "9 pm", "오후 9시 30분"."""
    written = tokens[number.first].text
    end = number.end
    match = _CLOCK.fullmatch(written)
    before = _text(tokens, number.first - 1)
    spelled = "".join(_text(tokens, end + n) for n in range(3))
    mark = next((m for m in ("am", "pm", "a.m", "p.m") if m in (_text(tokens, end), spelled)), "")
    korean = (number.rest or _text(tokens, end)) if not match else ""
    hours = korean.startswith("시") and not korean.startswith("시간")
    if not (match or mark or hours) or (hours and number.value > 24):
        return None
    minutes = Fraction(int(match[1]) * 60 + int(match[2])) if match else number.value * 60
    if hours:
        end = number.end if number.rest else end + 1
        if _text(tokens, end).isdigit() and _text(tokens, end + 1).startswith("분"):
            minutes, end = minutes + int(tokens[end].text), end + 2
    elif mark:
        end += 1 if len(mark) == 2 else 3
    evening = mark.startswith("p") or before in KO["dates"]["evening"]
    morning = mark.startswith("a") or before in KO["dates"]["morning"]
    if evening and minutes < 720:
        minutes += 720
    elif morning and minutes >= 720:
        minutes -= 720
    unit = "clock" if evening or morning or match else "clock12"
    return unit, (minutes % 1440 if number.value <= 24 or match else minutes), end


def _months(tokens: Sequence[Token], numbers: Sequence[Number]) -> Iterator[Quantity]:
    """Names of months; those that are words too only beside a number."""
    beside = {n.first - 1 for n in numbers} | {n.end for n in numbers}
    for at, token in enumerate(tokens):
        month = _MONTHS.get(token.text)
        if month and (token.text not in ("may", "march", "mar", "sep", "dec") or at in beside):
            yield Quantity(value=Fraction(month), unit="month_of_year")


def _bound(tokens: Sequence[Token], number: Number, end: int, rest: str) -> str:
    start = number.first
    if start and tokens[start - 1].text in ("$", "₩", "€", "£", "¥", "-"):
        start -= 1
    said = f" {' '.join(token.text for token in tokens[max(0, start - 4) : start])}"
    after = f"{rest} {' '.join(token.text for token in tokens[end : end + 3])} "
    for bound, words in _BEFORE:
        if said.endswith(words):
            return bound
    for bound, words in _AFTER:
        if after.lstrip().startswith(words):
            return bound
    return ""


def _rate(tokens: Sequence[Token], number: Number, end: int) -> str:
    """What an amount is for each of: "a month", "/day", "월"."""
    first, second = _text(tokens, end), _text(tokens, end + 1)
    for link, unit in ((first, second), (f"{first} {second}", _text(tokens, end + 2))):
        if link in EN["rates"]["links"] and unit in _RATES:
            return _RATES[unit]
    if first in _RATE_ADVERBS:
        return _RATE_ADVERBS[first]
    start = number.first - (_text(tokens, number.first - 1) in ("$", "₩", "€", "£", "¥"))
    return _RATES_BEFORE.get(_text(tokens, start - 1), "")


def _text(tokens: Sequence[Token], at: int) -> str:
    return tokens[at].text if 0 <= at < len(tokens) else ""


def _units(data: Mapping[str, Any]) -> Mapping[str, tuple[str, Fraction]]:
    return {
        word: (unit, Fraction(scale))
        for unit, words in data["units"].items()
        for word, scale in words
        if scale != "0"
    }


def _phrases(kinds: Sequence[tuple[str, Sequence[str]]], form: str) -> list[tuple[str, str]]:
    pairs = [(bound, form.format(word)) for bound, words in kinds for word in words]
    return sorted(pairs, key=lambda pair: len(pair[1]), reverse=True)


def _shown(value: Fraction) -> str:
    return str(value.numerator) if value.denominator == 1 else f"{float(value):g}"


_UNITS: Mapping[str, tuple[str, Fraction]] = {**_units(EN), **_units(KO)}
_KOREAN_UNITS = sorted((u for u in _UNITS if "가" <= u[0] <= "힣"), key=len, reverse=True)
_PARTICLES = frozenset(KO["counters"]["particles"])
_CURRENCIES = frozenset(MONEY)
_MONTHS = {
    name: number
    for names in (EN["dates"]["months"], EN["dates"]["short_months"])
    for number, name in enumerate(names, start=1)
}
_RATES: Mapping[str, str] = dict(EN["rates"]["units"])
_RATE_ADVERBS: Mapping[str, str] = dict(EN["rates"]["adverbs"])
_RATES_BEFORE: Mapping[str, str] = dict(KO["rates"]["before"])
_KINDS = [("most", "most"), ("least", "least")]
_BEFORE = _phrases(
    [
        *((b, (*EN["bounds"][f"{b}_before"], *KO["bounds"][f"{b}_before"])) for b, _ in _KINDS),
        ("before", EN["bounds"]["before"]),
        ("after", EN["bounds"]["after"]),
    ],
    " {}",
)
_AFTER = _phrases(
    [
        *((b, (*EN["bounds"][f"{b}_after"], *KO["bounds"][f"{b}_after"])) for b, _ in _KINDS),
        ("before", KO["bounds"]["before"]),
        ("after", KO["bounds"]["after"]),
    ],
    "{}",
)
