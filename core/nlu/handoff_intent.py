"""Recognises a customer's wish to speak with a person, in every language.

The turns of speech are data: `config/locales/LANGUAGE/patterns/handoff.toml`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from config.languages import every, patterns
from core.text.folding import compatible
from core.text.linear_regex import LinearRegex

_LONGEST = 4000  #: characters that are looked at
_SENTENCE = re.compile(r"[\n.!?。？！…;]+")
_BLANKS = re.compile(r"\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """One language's patterns of a request for a person, and of what cancels one."""

    ask: LinearRegex
    unless: LinearRegex

    @classmethod
    def of(cls, table: Mapping[str, Sequence[str]]) -> Asking:
        """From a language's file; how it is done is a question, and the guide answers it."""
        return cls(
            ask=LinearRegex(*table["ask"]), unless=LinearRegex(*table["unless"], *table["how"])
        )


_ALONE = LinearRegex(*every("handoff", "alone"))
_ASKING = tuple(Asking.of(table) for table in patterns("handoff").values())
_PEOPLE = re.compile("|".join(every("handoff", "hints")))
"""Without one of these no pattern matches; most messages are told apart here, in a microsecond."""


def wants_person(text: str) -> bool:
    """Whether the customer asks, in any of our languages, to be put through to a person.

    Meant to be right when it says yes: people as a topic ("my agent told me") are no request.
    """
    plain = compatible(text[:_LONGEST]).lower().replace("’", "'")
    sentences = {part.strip() for part in _SENTENCE.split(plain) if _PEOPLE.search(part)}
    return any(_asks(_BLANKS.sub(" ", sentence)) for sentence in sentences)


def _asks(sentence: str) -> bool:
    if _ALONE.search(sentence):
        return True
    asked = next((own for own in _ASKING if own.ask.search(sentence)), None)
    return asked is not None and not asked.unless.search(sentence)
