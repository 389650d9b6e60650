"""The list of articles as it is searched, filtered and sorted; pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from core.rag.knowledge.store import StoredArticle
from core.web.http.routing import Fields

Order = Literal["title", "newest", "oldest", "questions"]
Only = Literal["", "no_questions", "withheld", "pending"]


class ListQuery(Fields):
    """A question to try, and which articles are listed in which order."""

    q: str = Field(default="", max_length=2000)
    find: str = Field(default="", max_length=200)
    topic: str = Field(default="", max_length=100)
    lang: str = Field(default="", max_length=10)
    only: Only = ""
    order: Order = "title"
    skip: int = Field(default=0, ge=0, le=10_000_000)


def listed(stored: Sequence[StoredArticle], query: ListQuery) -> list[StoredArticle]:
    """Those that are wanted, in the order that is wanted."""
    words = query.find.casefold().split()
    found = [one for one in stored if _is_wanted(one, query) and _holds(one, words)]
    match query.order:
        case "newest":
            found.sort(key=lambda s: s.updated_at, reverse=True)
        case "oldest":
            found.sort(key=lambda s: s.updated_at)
        case "questions":
            found.sort(key=lambda s: (-len(s.article.questions), s.article.title.casefold()))
        case "title":
            found.sort(key=lambda s: (s.article.title.casefold(), s.article.id))
    return found


def _is_wanted(one: StoredArticle, query: ListQuery) -> bool:
    article = one.article
    if query.topic and article.topic != query.topic:
        return False
    if query.lang and article.locale != query.lang:
        return False
    match query.only:
        case "no_questions":
            return not article.questions
        case "withheld":
            return bool(article.withheld)
        case "pending":
            return one.pending
        case _:
            return True


def _holds(one: StoredArticle, words: Sequence[str]) -> bool:
    if not words:
        return True
    article = one.article
    said = "\n".join(
        (article.id, article.title, article.text, article.source, *article.questions)
    ).casefold()
    return all(word in said for word in words)
