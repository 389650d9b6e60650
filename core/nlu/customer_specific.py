"""Recognises answers that are true for one customer only."""

from __future__ import annotations

from config.languages import every
from core.text.linear_regex import LinearRegex

_SPEAKS = LinearRegex(*every("learning", "one_customer"))


def speaks_of_one_customer(text: str) -> bool:
    """Whether the text tells what was done, or is the case, for the customer it was written to."""
    return _SPEAKS.search(text.lower().replace("’", "'"))
