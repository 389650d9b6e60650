"""Recognises passages with embedded instructions, to the assistant or to the customer.

A knowledge base is read from files, pages and people's edits, and whoever can write there could
have the company's assistant say it. Such a passage is quoted to nobody without a person. What an
honest FAQ says of the same things ("never send us your card number", "enter it on our payment
page") is no order: who is asked to do what, and where, makes the difference. The wordings are data,
`config/locales/LANGUAGE/patterns/orders.toml`.
"""

from __future__ import annotations

import re
from functools import lru_cache

from config.languages import every
from core.rag.domain.chunks import sentences
from core.rag.domain.model import Passage
from core.rag.safety.injection import suspicions
from core.rag.safety.secret_requests import asks_for_secret
from core.rag.vectors.lexical import normalize
from core.text.linear_regex import LinearRegex

_KINDS = tuple(
    (kind, LinearRegex(*every("orders", kind))) for kind in ("assistant", "payment", "elsewhere")
)
_PERHAPS = re.compile("|".join(every("orders", "hints")))
"""Without one of these no pattern matches; most sentences are told apart here."""


def gives_orders(passage: Passage) -> tuple[str, ...]:
    """The kinds of orders a passage gives, none for an honest one; pure, a few milliseconds.

    `steering` and `assistant` are to the assistant, `secret`, `payment` and `elsewhere` to the
    customer. As they were found when the passage was taken in, where that is known.
    """
    if passage.orders is not None:
        return passage.orders
    named = ("steering",) if suspicions(f"{passage.title}\n{passage.heading}") else ()
    return tuple(dict.fromkeys((*named, *orders_in(passage.text))))


@lru_cache(maxsize=1024)
def orders_in(text: str) -> tuple[str, ...]:
    """See `gives_orders`; of a text without its headings."""
    found: dict[str, None] = {}
    if suspicions(text):
        found["steering"] = None
    for sentence in sentences(text):
        said = normalize(sentence).replace("’", "'")
        if asks_for_secret(said):
            found["secret"] = None
        if _PERHAPS.search(said):
            found |= {kind: None for kind, pattern in _KINDS if pattern.search(said)}
    return tuple(found)
