"""The store of articles: the truth that the vectors are made from."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

from pymongo import ReplaceOne, UpdateOne

from core.errors import NotFound
from core.rag.domain.model import Article
from core.storage.client import MongoCollection, unhurried
from core.storage.errors import store_errors

Document = Mapping[str, Any]

MARKS = "knowledge"  #: what is remembered of the knowledge as a whole
VERSIONS = "article_versions"  #: what articles said before they were replaced or removed
BEGUN = "begun"
MODEL = "model"


AT_ONCE = 100  #: documents of one request, which has a time limit whatever it asks

Write = ReplaceOne[dict[str, Any]] | UpdateOne
T = TypeVar("T")


def batched(items: Sequence[T]) -> Iterator[list[T]]:
    """The items in parts that one request may hold."""
    return (list(items[at : at + AT_ONCE]) for at in range(0, len(items), AT_ONCE))


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredArticle:
    """An article with what the store knows about it."""

    article: Article
    file: str  #: the file it was read from, "" when it was entered by hand
    digest: str  #: of its content; another digest means that it has to be embedded again
    pending: bool  #: its vectors are not, or not all, in the index
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Newer:
    """An article that was taken in after a moment."""

    article_id: str
    title: str
    at: datetime


class MongoArticles:
    """The articles of one deployment in one collection, and whether there ever were any."""

    def __init__(self, collection: MongoCollection) -> None:
        self._collection = collection
        self._marks = collection.database[MARKS]
        self._versions = collection.database[VERSIONS]
        self._begun = False

    async def _write(self, writes: Sequence[Write]) -> None:
        for part in batched(writes):
            with store_errors():
                await self._collection.bulk_write(part, ordered=False)

    async def begin(self, *, at: datetime) -> None:
        """Remember for ever that the company has knowledge of its own."""
        if not self._begun:
            mark = {"$setOnInsert": {"at": at}}
            with store_errors():
                await self._marks.update_one({"_id": BEGUN}, mark, upsert=True)
            self._begun = True

    async def begun(self) -> bool:
        """Whether the company has, or once had, knowledge of its own."""
        if not self._begun:
            with store_errors():
                self._begun = await self._marks.find_one({"_id": BEGUN}) is not None
        return self._begun

    async def model(self) -> str:
        """The embedding model whose index was whole last, "" before there was one."""
        with store_errors():
            mark = await self._marks.find_one({"_id": MODEL})
        return str(mark["name"]) if mark is not None else ""

    async def remember_model(self, name: str) -> None:
        """This model's index is whole now."""
        with store_errors():
            await self._marks.update_one({"_id": MODEL}, {"$set": {"name": name}}, upsert=True)

    async def put(self, articles: Sequence[Article], *, file: str, at: datetime) -> None:
        """Write them, each waiting to be embedded."""
        if articles:
            # First the mark: from the first article of their own on no customer gets the guide.
            await self.begin(at=at)
            await self._keep_versions({a.id: digest_of(a) for a in articles}, at=at)
        writes = [
            ReplaceOne({"_id": a.id}, to_document(a, file=file, at=at), upsert=True)
            for a in articles
        ]
        await self._write(writes)

    async def indexed(self, digests: Mapping[str, str]) -> None:
        """Note that the vectors of these articles, by id and digest, are in the index.

        An article that has changed in between keeps waiting.
        """
        writes = [
            UpdateOne({"_id": i, "digest": digest}, {"$set": {"pending": False}})
            for i, digest in digests.items()
        ]
        await self._write(writes)

    async def unindexed(self) -> None:
        """Note that no article has vectors."""
        with store_errors():
            await self._collection.update_many({"pending": False}, {"$set": {"pending": True}})

    async def pending(self) -> list[StoredArticle]:
        """The articles that wait to be embedded."""
        with store_errors():
            found = await self._collection.find({"pending": True}).to_list()
        return [from_document(document) for document in found]

    async def from_file(self, file: str) -> list[StoredArticle]:
        """The articles that were read from this file."""
        with store_errors():
            found = await self._collection.find({"file": file}).to_list()
        return [from_document(document) for document in found]

    async def get(self, article_id: str) -> StoredArticle:
        """Raises NotFound."""
        with store_errors():
            document = await self._collection.find_one({"_id": article_id})
        if document is None:
            raise NotFound(f"There is no article {article_id}.")
        return from_document(document)

    async def find(self, article_ids: Sequence[str]) -> dict[str, StoredArticle]:
        """Those of these articles that there are."""
        found: list[Document] = []
        for part in batched(list(article_ids)):
            with store_errors():
                found += await self._collection.find({"_id": {"$in": part}}).to_list()
        return {document["_id"]: from_document(document) for document in found}

    async def all(self) -> list[StoredArticle]:
        """Every article, by id."""
        with store_errors(), unhurried():
            found = await self._collection.find({}).to_list()
        return [from_document(d) for d in sorted(found, key=lambda d: str(d["_id"]))]

    async def refile(self, old: str, new: str) -> None:
        """Note that what lay in one file lies in another now."""
        with store_errors():
            await self._collection.update_many(
                {"file": old, "source": old}, {"$set": {"source": new}}
            )
            await self._collection.update_many({"file": old}, {"$set": {"file": new}})

    async def placed(self, places: Mapping[str, str]) -> None:
        """Note the places of articles, by id, of before these were kept."""
        writes = [UpdateOne({"_id": i}, {"$set": {"place": place}}) for i, place in places.items()]
        await self._write(writes)

    async def await_indexing(self, article_ids: Sequence[str]) -> None:
        """Note that these have to be embedded again."""
        for part in batched(list(article_ids)):
            with store_errors():
                await self._collection.update_many(
                    {"_id": {"$in": part}}, {"$set": {"pending": True}}
                )

    async def outlines(self) -> Sequence[Document]:
        """Every article without its text and questions."""
        with store_errors(), unhurried():
            return await self._collection.find({}, {"text": 0, "questions": 0}).to_list()

    async def outlines_of(self, article_ids: Collection[str]) -> Sequence[Document]:
        """Those of these articles that there are, without their text and questions."""
        query = {"_id": {"$in": list(article_ids)}}
        with store_errors():
            return await self._collection.find(query, {"text": 0, "questions": 0}).to_list()

    async def digests(self) -> dict[str, str]:
        """The digest of every article, by id."""
        with store_errors(), unhurried():
            found = await self._collection.find({}, {"digest": 1}).to_list()
        return {document["_id"]: document["digest"] for document in found}

    async def count(self) -> int:
        """How many articles there are."""
        with store_errors():
            return await self._collection.count_documents({})

    async def version(self, article_id: str, digest: str) -> StoredArticle:
        """What an article once said. Raises NotFound."""
        with store_errors():
            found = await self._versions.find_one({"_id": f"{article_id}/{digest}"})
        if found is None:
            raise NotFound(f"Nothing is kept of what {article_id} said then.")
        return from_document({**found["was"], "_id": article_id})

    async def forget_versions(self, article_ids: Collection[str]) -> None:
        """Keep nothing of what these said before."""
        with store_errors():
            await self._versions.delete_many({"article": {"$in": list(article_ids)}})

    async def _keep_versions(self, coming: Mapping[str, str], *, at: datetime) -> None:
        """Keep what these say now, by id, where it differs from the digest of what comes."""
        for part in batched(list(coming)):
            with store_errors():
                found = await self._collection.find({"_id": {"$in": part}}).to_list()
            writes = [
                ReplaceOne(
                    {"_id": f"{d['_id']}/{d['digest']}"},
                    {
                        "article": d["_id"],
                        "digest": d["digest"],
                        "at": at,
                        "was": {k: v for k, v in d.items() if k != "_id"},
                    },
                    upsert=True,
                )
                for d in found
                if d["digest"] != coming[d["_id"]]
            ]
            if writes:
                with store_errors():
                    await self._versions.bulk_write(writes, ordered=False)

    async def remove(self, article_ids: Sequence[str], *, at: datetime | None = None) -> int:
        """Forget them; how many there were. What they said is kept from `at` on for a while."""
        if at is not None:
            await self._keep_versions(dict.fromkeys(article_ids, ""), at=at)
        deleted = 0
        for part in batched(list(article_ids)):
            with store_errors():
                result = await self._collection.delete_many({"_id": {"$in": part}})
            deleted += result.deleted_count
        return deleted


def digest_of(article: Article) -> str:
    """The same for the same content, whatever file it stands in, and for the same customers."""
    parts = (
        article.title, article.text, article.topic, article.locale, article.url,
        *article.questions,
    )  # fmt: skip
    if article.withheld or article.valid_from or article.valid_until:
        parts += (article.withheld, str(article.valid_from), str(article.valid_until))
    return hashlib.blake2b("\x1f".join(parts).encode(), digest_size=12).hexdigest()


def content_of(article: Article) -> str:
    """The same for the same content, whatever was learned of it since."""
    return digest_of(replace(article, questions=()))


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
        "place": article.place,
        "withheld": article.withheld,
        "valid_from": article.valid_from,
        "valid_until": article.valid_until,
        "file": file,
        "digest": digest_of(article),
        "content": content_of(article),
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
            # Articles of before this was kept have none of it.
            place=document.get("place", ""),
            withheld=document.get("withheld", ""),
            valid_from=document.get("valid_from"),
            valid_until=document.get("valid_until"),
        ),
        file=document["file"],
        digest=document["digest"],
        pending=document["pending"],
        updated_at=document["updated_at"],
    )
