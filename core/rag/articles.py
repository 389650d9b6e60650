"""Articles as documents of the store: the truth that the vectors are made from."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from pymongo import ReplaceOne, UpdateOne
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import PyMongoError

from core.errors import NotFound, StoreUnavailable
from core.rag.passages import Article

T = TypeVar("T")
Document = Mapping[str, Any]

COLLECTION = "articles"  #: its indexes stand in core/storage/indexes.py


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredArticle:
    """An article with what the store knows about it."""

    article: Article
    file: str  #: the file it was read from, "" when it was entered by hand
    digest: str  #: of its content; another digest means that it has to be embedded again
    pending: bool  #: its vectors are not, or not all, in the index
    updated_at: datetime


class MongoArticles:
    """The articles of one deployment in one collection."""

    def __init__(self, collection: AsyncCollection[dict[str, Any]]) -> None:
        self._collection = collection

    async def put(self, articles: Sequence[Article], *, file: str, at: datetime) -> None:
        """Write them, each waiting to be embedded."""
        writes = [
            ReplaceOne({"_id": a.id}, to_document(a, file=file, at=at), upsert=True)
            for a in articles
        ]
        if writes:
            await _asked(self._collection.bulk_write(writes, ordered=False))

    async def indexed(self, digests: Mapping[str, str]) -> None:
        """Note that the vectors of these articles, by id and digest, are in the index.

        An article that has changed in between keeps waiting.
        """
        writes = [
            UpdateOne({"_id": i, "digest": digest}, {"$set": {"pending": False}})
            for i, digest in digests.items()
        ]
        if writes:
            await _asked(self._collection.bulk_write(writes, ordered=False))

    async def unindexed(self) -> None:
        """Note that no article has vectors."""
        await _asked(self._collection.update_many({"pending": False}, {"$set": {"pending": True}}))

    async def pending(self) -> list[StoredArticle]:
        """The articles that wait to be embedded."""
        found = await _asked(self._collection.find({"pending": True}).to_list())
        return [from_document(document) for document in found]

    async def from_file(self, file: str) -> list[StoredArticle]:
        """The articles that were read from this file."""
        found = await _asked(self._collection.find({"file": file}).to_list())
        return [from_document(document) for document in found]

    async def get(self, article_id: str) -> StoredArticle:
        """Raises NotFound."""
        document = await _asked(self._collection.find_one({"_id": article_id}))
        if document is None:
            raise NotFound(f"There is no article {article_id}.")
        return from_document(document)

    async def find(self, article_ids: Sequence[str]) -> dict[str, StoredArticle]:
        """Those of these articles that there are."""
        found = await _asked(self._collection.find({"_id": {"$in": list(article_ids)}}).to_list())
        return {document["_id"]: from_document(document) for document in found}

    async def all(self) -> list[StoredArticle]:
        """Every article, by id."""
        found = await _asked(self._collection.find({}).to_list())
        return [from_document(d) for d in sorted(found, key=lambda d: str(d["_id"]))]

    async def count(self) -> int:
        """How many articles there are."""
        return await _asked(self._collection.count_documents({}))

    async def remove(self, article_ids: Sequence[str]) -> int:
        """Forget them; how many there were."""
        if not article_ids:
            return 0
        result = await _asked(self._collection.delete_many({"_id": {"$in": list(article_ids)}}))
        return result.deleted_count


def digest_of(article: Article) -> str:
    """The same for the same content, whatever file it stands in."""
    parts = (
        article.title, article.text, article.topic, article.locale, article.url,
        *article.questions,
    )  # fmt: skip
    return hashlib.blake2b("\x1f".join(parts).encode(), digest_size=12).hexdigest()


def to_document(article: Article, *, file: str, at: datetime) -> dict[str, Any]:
    """As it is stored, waiting to be embedded."""
    return {
        "_id": article.id,
        "title": article.title,
        "text": article.text,
        "topic": article.topic,
        "locale": article.locale,
        "url": article.url,
        "source": article.source,
        "questions": list(article.questions),
        "file": file,
        "digest": digest_of(article),
        "pending": True,
        "updated_at": at,
    }


def from_document(document: Document) -> StoredArticle:
    """The inverse of `to_document`."""
    return StoredArticle(
        article=Article(
            id=document["_id"],
            title=document["title"],
            text=document["text"],
            topic=document["topic"],
            locale=document["locale"],
            url=document["url"],
            source=document["source"],
            questions=tuple(document["questions"]),
        ),
        file=document["file"],
        digest=document["digest"],
        pending=document["pending"],
        updated_at=document["updated_at"],
    )


async def _asked(call: Awaitable[T]) -> T:
    try:
        return await call
    except PyMongoError as error:
        raise StoreUnavailable from error
