"""Puts a message together with the words it points at; pure."""

from __future__ import annotations

from collections.abc import Sequence

from core.domain.messages import Pointing, Quoted

SHOWN = 1000  #: characters of one quotation


def asked(text: str, quotes: Sequence[Quoted]) -> str:
    """What a message says: its own words, and those that it hands on or shows as its own matter.

    What it replies to is not asked again; it explains what is (`context`).
    """
    handed_on = (q.text for q in quotes if q.kind is not Pointing.REPLY)
    return "\n".join(part for part in (text, *handed_on) if part.strip())


def context(quotes: Sequence[Quoted]) -> str:
    """What a message replies to, as lines that begin with ">"; "" where it replies to nothing."""
    return "\n".join(_lines(q) for q in quotes if q.kind is Pointing.REPLY)


def whole(text: str, quotes: Sequence[Quoted]) -> str:
    """The message as people read it: the quotations first, each line behind a ">"."""
    return "\n".join(part for part in (*(_lines(q) for q in quotes), text) if part.strip())


def _lines(quoted: Quoted) -> str:
    words = quoted.text if len(quoted.text) <= SHOWN else quoted.text[: SHOWN - 1].rstrip() + "…"
    said = f"{quoted.author}: {words}" if quoted.author else words
    return "\n".join(f"> {line}" for line in said.splitlines() if line.strip())
