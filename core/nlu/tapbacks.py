"""Recognises reactions and changes that a phone sends as text: a few words and a quotation.

A phone that reacts to a text message writes a sentence of its own language around the whole of it:
'Liked “It opens at nine.”', 'Le gustó “It opens at nine.”'. Languages whose sentences we know are
patterns (`config/locales/LANGUAGE/patterns/chatter.toml`); all others show by what they quote,
which is a message of this very conversation. A changed message comes as 'Edited to “…”'.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from config.languages import every
from core.nlu.questions import asks

MOST_WORDS = 7  #: around the quotation
MOST_CHARS = 60  #: before it, and after it
WHOLE = 12  #: letters from which on the beginning of a message is known again
LONGEST = 2000  #: characters of such a sentence

_OPENING = '“„«「『"'
_CLOSING = '”“»」』"'
_LETTERS = re.compile(r"[^\W_]+")
_EDITS = tuple(re.compile(p, re.DOTALL | re.IGNORECASE) for p in every("chatter", "edits"))


def reacts_to(text: str, said: Iterable[str]) -> bool:
    """Whether the text is a phone's sentence about one of these messages."""
    text = text.strip()
    if len(text) > LONGEST or not any(sign in text for sign in _OPENING):
        return False
    known = [_folded(one) for one in said]
    return any(
        _is_short(around) and any(_is_of(words, message) for message in known)
        for around, words in _readings(text)
    )


def changed_to(text: str) -> str | None:
    """How a message reads now, where the text is a phone's word that it was changed."""
    if len(text) > LONGEST:
        return None
    found = next((m for m in (pattern.match(text) for pattern in _EDITS) if m), None)
    return found[1].strip() if found else None


def _readings(text: str) -> Iterator[tuple[str, str]]:
    """(words around, words quoted), for each quotation that may be the message.

    The sentence itself may quote the name of the reaction, so every opening sign is tried.
    """
    ends = [at for at, sign in enumerate(text) if sign in _CLOSING and at >= len(text) - MOST_CHARS]
    if not ends:
        return
    for at, sign in enumerate(text[: MOST_CHARS + 1]):
        if sign in _OPENING and at < ends[-1]:
            yield f"{text[:at]} {text[ends[-1] + 1 :]}", text[at + 1 : ends[-1]]


def _is_short(around: str) -> bool:
    words = around.split()
    return 0 < len(words) <= MOST_WORDS and "?" not in around and not asks(around)


def _is_of(quoted: str, message: str) -> bool:
    words = _folded(quoted)
    if not words:
        return False
    # Long messages are quoted by their beginning, and a text message may be one part of ours.
    return words == message or (len(words) >= WHOLE and words in message)


def _folded(text: str) -> str:
    return "".join(_LETTERS.findall(text)).casefold()
