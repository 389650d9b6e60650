"""Parses the contact by which an operator names a person, and matches it; pure.

An id means whoever has exactly that id. Only e-mail addresses and phone numbers are compared as
people write them, because only they are the same person everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

PHONE = re.compile(r"\+?\d[\d\s().\-]{5,}\d")
EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]++@[\w-]+(?:\.[\w-]+)+")
LEAST_DIGITS, MOST_DIGITS = 8, 15
LONGEST_COUNTRY_CODE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Phone:
    """A number without its punctuation."""

    digits: str  #: without the sign, the two zeros or the zero in front of it
    international: bool

    @classmethod
    def read(cls, text: str) -> Phone | None:
        """None for what is no phone number."""
        digits = "".join(c for c in text if c.isascii() and c.isdigit())
        if not PHONE.fullmatch(text.strip()) or not LEAST_DIGITS <= len(digits) <= MOST_DIGITS:
            return None
        plus, zeros = text.strip().startswith("+"), digits.startswith("00")
        return cls(digits=digits.lstrip("0"), international=plus or zeros)

    def is_same(self, other: Phone) -> bool:
        """Whether both may be one: a national number has any country's code before it."""
        if self.international == other.international:
            return self.digits == other.digits
        long, short = (self, other) if self.international else (other, self)
        code = len(long.digits) - len(short.digits)
        return 1 <= code <= LONGEST_COUNTRY_CODE and long.digits.endswith(short.digits)


class Contact:
    """A conversation's id, an id at a channel (also `channel:id`), an e-mail address, a number."""

    def __init__(self, text: str) -> None:
        self.text = text.strip()
        self.phone = Phone.read(self.text)
        self.is_email = bool(EMAIL.fullmatch(self.text))

    @property
    def may_be_written(self) -> bool:
        """Whether people write it in their messages, too."""
        return self.is_email or self.phone is not None

    def is_id(self, channel: str, value: str) -> bool:
        """Whether it is this id at this channel."""
        if not value:
            return False
        if self.text in (value, f"{channel}:{value}"):
            return True
        if self.is_email and EMAIL.fullmatch(value):
            return self.text.casefold() == value.casefold()
        return self.is_number_of(channel, value)

    def is_number_of(self, channel: str, value: str) -> bool:
        """Whether it is this phone number, written otherwise perhaps."""
        # Elsewhere a row of digits is an id, whose number of digits means nothing.
        known = Phone.read(value) if channel == "sms" or value.startswith("+") else None
        return known is not None and self.phone is not None and self.phone.is_same(known)

    def is_written_in(self, text: str) -> bool:
        """Whether somebody wrote it here."""
        if self.phone is not None:
            return any(self.phone.is_same(number) for number in _numbers(text))
        folded = self.text.casefold()
        return self.is_email and any(m.casefold() == folded for m in EMAIL.findall(text))


def written_in(text: str) -> Iterator[str]:
    """The e-mail addresses and phone numbers in a text, as they are written."""
    yield from EMAIL.findall(text)
    yield from (m.strip() for m in PHONE.findall(text) if Phone.read(m))


def _numbers(text: str) -> Iterator[Phone]:
    for match in PHONE.findall(text):
        number = Phone.read(match)
        if number is not None:
            yield number
