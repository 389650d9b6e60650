"""Finds what a question replies to in what was said before; pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from core.domain.conversation import Unanswered
from core.domain.drafts import Turn
from core.domain.fold_messages import MEMORY_CHARS
from core.domain.messages import Author

_MARK = re.compile(r"(?m)^> ?")
_LETTERS = re.compile(r"[^\W_]+")
LEAST = 4  #: letters and figures by which words are known again


def replied_to(messages: Sequence[Unanswered], history: Sequence[Turn]) -> tuple[Turn, ...]:
    """What the messages reply to, as the last that was said before them.

    An answer of ours comes with the question it answered: that is what the talk is about again.
    Other words stand as the customer's own, who points at them.
    """
    words = "\n".join(_MARK.sub("", m.quoted) for m in messages if m.quoted)
    if not words:
        return ()
    for turn in reversed(history):
        if turn.author != Author.CUSTOMER and _quotes(words, turn.text):
            asked = (t for t in history if t.author == Author.CUSTOMER and t.seq in turn.answers)
            return (*asked, turn)
    return (Turn(author=Author.CUSTOMER.value, text=words[:MEMORY_CHARS]),)


def _quotes(words: str, text: str) -> bool:
    said = _folded(text)
    # The vendor's name for us may stand before them.
    found = (_folded(words), _folded(words.partition(": ")[2]))
    return any(len(one) >= LEAST and (one in said or said in one) for one in found if said)


def _folded(text: str) -> str:
    return "".join(_LETTERS.findall(text)).casefold()
