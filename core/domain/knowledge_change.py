"""A change of the knowledge as a value: who changed which articles, by their digests."""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass


class Deed(enum.StrEnum):
    """The kind of change."""

    ADD = "add"  #: articles taken in, replaced, or dropped with the file they stood in
    REMOVE = "remove"
    ADD_QUESTION = "add_question"  #: one more question that an article is known to answer
    REMOVE_QUESTION = "remove_question"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change, by digests; it holds no text."""

    deed: Deed
    by: str  #: e-mail or "operator", "" when nobody in particular asked for it
    subject: str  #: the article's id, or the paths it was read from
    before: Mapping[str, str]  #: digest by article id
    after: Mapping[str, str]


OnChange = Callable[[Change], Awaitable[None]]
