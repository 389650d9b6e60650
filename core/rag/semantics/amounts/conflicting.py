"""Recognises amounts of one matter that cannot both be meant.

Laxer than `quantities.agrees`, which checks a claim against its source: here bounds do not
count ("within", "up to"), a range covers what lies in it, and 30 days may be a month.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

from core.rag.semantics.amounts.quantities import Quantity

_KINDS = {
    **dict.fromkeys(("second", "month", "working_day"), "time"),
    **dict.fromkeys(("clock", "clock12"), "clock"),
    **dict.fromkeys(("month_of_year", "day_of_month", "year", "date"), "date"),
}
_MONEY = frozenset({"usd", "krw", "eur", "gbp", "jpy"})
_COUNTED = frozenset({"person", "item", "device", "times", "month"})
_DAY, _MONTH = Fraction(86_400), (28, 31)


def other_amount(ours: Sequence[Quantity], theirs: Sequence[Quantity]) -> bool:
    """Whether each names an amount of one kind that the other one does not agree with."""
    if not ours or not theirs:
        return False
    lost, new = unmatched(ours, theirs), unmatched(theirs, ours)
    if not lost or not new:
        return False
    kinds = {_kind_of(q) for q in lost}, {_kind_of(q) for q in new}
    if len(lost) == len(new) == 1 and "" in kinds[0] | kinds[1]:
        units = {lost[0].unit, new[0].unit}
        return len(units) == 1 or bool(units & _COUNTED)
    if len(kinds[0]) > 1 or kinds[0] != kinds[1] or "" in kinds[0]:
        return False
    return all(_one_rate(q, r) for q in lost for r in new)


def unmatched(amounts: Iterable[Quantity], others: Sequence[Quantity]) -> list[Quantity]:
    """Those of the amounts that none of the others may mean."""
    return [amount for amount in amounts if not any(_equal(amount, other) for other in others)]


def is_money(amount: Quantity) -> bool:
    """Whether it is a sum of money."""
    return amount.unit in _MONEY


def _kind_of(amount: Quantity) -> str:
    return _KINDS.get(amount.unit, amount.unit)


def _one_rate(a: Quantity, b: Quantity) -> bool:
    """Whether both are for each of the same: by the month and by the year are two prices."""
    return a.per == b.per or {a.per, b.per} == {"", "order"}


def _equal(a: Quantity, b: Quantity) -> bool:
    """Whether both may mean the same amount, however it is written or bounded."""
    if {a.unit, b.unit} <= {"clock", "clock12"}:
        return (a.value - b.value) % (1440 if a.unit == b.unit == "clock" else 720) == 0
    if {a.unit, b.unit} == {"day_of_month", "second"} or not a.unit or not b.unit:
        return a.value == b.value
    if _kind_of(a) == "date":
        return (a.unit, a.value) == (b.unit, b.value)
    (low, high), (least, most) = _spanned(a), _spanned(b)
    return _kind_of(a) == _kind_of(b) and low <= most and least <= high


def _spanned(amount: Quantity) -> tuple[Fraction, Fraction]:
    """From where to where it reaches, times in days; a month is no fixed number of them."""
    low, high = amount.value * amount.scale, (amount.high or amount.value) * amount.scale
    match amount.unit:
        case "second":
            return low / _DAY, high / _DAY
        case "month":
            return low * _MONTH[0], high * _MONTH[1]
        case "working_day":
            # A weekend or two lie between.
            return low, high if high < 4 else high * Fraction(7, 5) + 2
        case _:
            return low, high
