"""Records which conversation an article, title or known question came from; ids, never words.

What nobody's conversation is named for is the company's own, whoever it mentions.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pymongo import ReplaceOne

from core.storage.client import MongoCollection
from core.storage.errors import store_errors


class Part(enum.StrEnum):
    """The part of an article that came from a conversation."""

    ARTICLE = "article"  #: all of it: a person's answer in that conversation
    TITLE = "title"
    QUESTION = "question"  #: one of its known questions


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """One part of an article that came from a conversation."""

    article_id: str
    part: Part
    conversation_id: str
    words: str = ""  #: stands for the title or question, "" for the article

    @property
    def id(self) -> str:
        """The same origin is noted once."""
        return "/".join((self.article_id, self.part.value, self.words, self.conversation_id))

    def means(self, text: str) -> bool:
        """Whether this is the title or question meant."""
        return self.words == words_of(text)


def words_of(text: str) -> str:
    """The same for the same words, however they are spaced and capitalised."""
    folded = " ".join(text.split()).casefold()
    return hashlib.blake2b(folded.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


class Origins:
    """The collection `origins`."""

    def __init__(self, collection: MongoCollection) -> None:
        self._collection = collection

    async def note(self, origins: Iterable[Origin]) -> None:
        """Remember these."""
        writes = [ReplaceOne({"_id": o.id}, _document(o), upsert=True) for o in origins]
        if writes:
            with store_errors():
                await self._collection.bulk_write(writes, ordered=False)

    async def of_article(self, article_id: str) -> list[Origin]:
        """Where its parts came from."""
        with store_errors():
            found = await self._collection.find({"article": article_id}).to_list()
        return [_origin(d) for d in found]

    async def of_conversations(self, conversation_ids: Sequence[str]) -> list[Origin]:
        """What came from these conversations, by article."""
        query = {"c": {"$in": list(conversation_ids)}}
        with store_errors():
            found = await self._collection.find(query).to_list()
        return sorted((_origin(d) for d in found), key=lambda o: o.id)

    async def forget(self, origins: Iterable[Origin]) -> None:
        """Remember these no more."""
        ids = [o.id for o in origins]
        if ids:
            with store_errors():
                await self._collection.delete_many({"_id": {"$in": ids}})


def _document(o: Origin) -> dict[str, Any]:
    return {
        "_id": o.id,
        "article": o.article_id,
        "part": o.part.value,
        "words": o.words,
        "c": o.conversation_id,
    }


def _origin(document: dict[str, Any]) -> Origin:
    return Origin(
        article_id=document["article"],
        part=Part(document["part"]),
        words=document["words"],
        conversation_id=document["c"],
    )
