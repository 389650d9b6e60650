"""What the core itself keeps about customers beside the log: documents, learned words, our logs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from core.errors import StoreUnavailable
from core.ports import Person

if TYPE_CHECKING:
    from core.rag.knowledge import Knowledge

LEAST = 6  #: shorter words would match half the log
QUOTED = 12  #: the same for what was written: "yes" is nobody's
BLACK = "[erased]"

TRUTH = ("log", "conversations", "articles")  #: erased by rules of their own
OURS = (
    "api_tokens", "audit", "audit_head", "cards", "desk_viewers", "erasures", "plugins",
    "sessions", "sign_in_links", "unsettled", "users",
)  # fmt: skip
"""Collections in which nothing of a customer's stands."""


class Documents:
    """A collection whose documents name their conversation."""

    def __init__(
        self, name: str, collection: AsyncCollection[dict[str, Any]], *, field: str = "c"
    ) -> None:
        self.name = name
        self._collection = collection
        self._field = field

    async def export(self, person: Person) -> Sequence[Mapping[str, Any]]:
        """See `core.ports.PersonalData`."""
        try:
            return await self._collection.find(self._of(person)).to_list()
        except PyMongoError as error:
            raise StoreUnavailable from error

    async def erase(self, person: Person) -> Mapping[str, int]:
        """See `core.ports.PersonalData`."""
        try:
            gone = await self._collection.delete_many(self._of(person))
        except PyMongoError as error:
            raise StoreUnavailable from error
        return {self.name: gone.deleted_count}

    def _of(self, person: Person) -> dict[str, Any]:
        return {self._field: {"$in": list(person.conversation_ids)}}


class LearnedQuestions:
    """Questions of his that articles are known to answer, and the vectors made of them.

    Vectors are made again from nothing, because the index keeps deleted bytes in its segments.
    """

    name = "known_questions"

    def __init__(self, knowledge: Callable[[], Awaitable[Knowledge]]) -> None:
        self._knowledge = knowledge

    async def export(self, person: Person) -> Sequence[Mapping[str, Any]]:
        """See `core.ports.PersonalData`."""
        return [{"article": i, "question": q} for i, q in await self._found(person)]

    async def erase(self, person: Person) -> Mapping[str, int]:
        """See `core.ports.PersonalData`."""
        knowledge, needles = await self._knowledge(), _needles(person)
        learned = [
            stored.article.id
            for stored in await knowledge.list()
            # What was read from a file is the company's own word, whoever it mentions.
            if not stored.file
            and _quotes(f"{stored.article.title}\n{stored.article.text}", needles)
        ]
        for article_id in learned:
            await knowledge.remove(article_id)
        found = await self._found(person)
        for article_id, question in found:
            await knowledge.forget_known_question(article_id, question)
        if found or learned:
            await knowledge.rebuild()
        return {self.name: len(found), "learned_articles": len(learned)}

    async def _found(self, person: Person) -> list[tuple[str, str]]:
        written = {_plain(text) for text in person.texts}
        names = [name.casefold() for name in person.names if len(name) >= LEAST]
        return [
            (stored.article.id, question)
            for stored in await (await self._knowledge()).list()
            for question in stored.article.questions
            if _plain(question) in written or any(n in question.casefold() for n in names)
        ]


class Elsewhere:
    """Whatever else quotes the person: in every other collection his words are blacked out.

    Reports, lists of questions and the like are made from conversations; new ones need not be
    named here to be covered.
    """

    name = "quotations"

    def __init__(self, db: AsyncDatabase[dict[str, Any]], *, but: frozenset[str]) -> None:
        self._db = db
        self._but = but

    async def export(self, person: Person) -> Sequence[Mapping[str, Any]]:
        """See `core.ports.PersonalData`."""
        found = []
        async for name, document in self._found(person):
            found.append({"collection": name, **document})
        return found

    async def erase(self, person: Person) -> Mapping[str, int]:
        """See `core.ports.PersonalData`."""
        needles, count = _needles(person), 0
        async for name, document in self._found(person):
            black = _blackened(document, needles)
            try:
                await self._db[name].replace_one({"_id": document["_id"]}, black)
            except PyMongoError as error:
                raise StoreUnavailable from error
            count += 1
        return {self.name: count}

    async def _found(self, person: Person) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        needles = _needles(person)
        if not needles:
            return
        try:
            for name in await self._db.list_collection_names():
                if name in self._but:
                    continue
                for document in await self._db[name].find({}).to_list():
                    if _blackened(document, needles) != document:
                        yield name, document
        except PyMongoError as error:
            raise StoreUnavailable from error


class Memories:
    """What a running process remembers: answers, and vectors of questions."""

    name = "memories"

    def __init__(self, forget: Callable[[], Awaitable[int]]) -> None:
        self._forget = forget

    async def export(self, person: Person) -> Sequence[Mapping[str, Any]]:  # noqa: ARG002
        """Nothing that does not stand elsewhere."""
        return ()

    async def erase(self, person: Person) -> Mapping[str, int]:  # noqa: ARG002
        """Forget everybody's: what is remembered costs nothing but time to find again."""
        return {self.name: await self._forget()}


class LogFiles:
    """Our own log files; lines that name the person or repeat his words are taken out."""

    name = "log_lines"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def export(self, person: Person) -> Sequence[Mapping[str, Any]]:
        """See `core.ports.PersonalData`."""
        return await asyncio.to_thread(self._lines, person, remove=False)

    async def erase(self, person: Person) -> Mapping[str, int]:
        """See `core.ports.PersonalData`."""
        return {self.name: len(await asyncio.to_thread(self._lines, person, remove=True))}

    def _lines(self, person: Person, *, remove: bool) -> list[dict[str, str]]:
        said = [
            *person.names,
            *person.mentions,
            *(line for text in person.texts for line in text.splitlines()),
        ]
        needles = [word.strip().encode() for word in said if len(word.strip()) >= LEAST]
        found: list[dict[str, str]] = []
        if not needles or not self._folder.is_dir():
            return found
        for file in sorted(self._folder.iterdir()):
            if not file.is_file():
                continue
            with file.open("r+b") as log_file:
                lines = log_file.readlines()
                theirs = {i for i, line in enumerate(lines) if any(n in line for n in needles)}
                found += [
                    {"file": file.name, "line": lines[i].decode("utf-8", "replace").rstrip()}
                    for i in sorted(theirs)
                ]
                if remove and theirs:
                    # In place, because another process has this file open for appending.
                    log_file.seek(0)
                    log_file.writelines(x for i, x in enumerate(lines) if i not in theirs)
                    log_file.truncate()
        return found


def _needles(person: Person) -> list[str]:
    """His words and names, the longest first: a shorter one may be a part of it."""
    said = {name for name in person.names if len(name) >= LEAST}
    for text in person.texts:
        said.update(x.strip() for x in (text, *text.splitlines()) if len(x.strip()) >= QUOTED)
    # Inside a JSON text they stand escaped.
    said |= {json.dumps(word)[1:-1] for word in said}
    said |= {json.dumps(word, ensure_ascii=False)[1:-1] for word in said}
    return sorted(said, key=len, reverse=True)


def _quotes(text: str, needles: Sequence[str]) -> bool:
    return any(needle in text for needle in needles)


def _blackened(value: Any, needles: Sequence[str]) -> Any:
    if isinstance(value, str):
        for needle in needles:
            value = value.replace(needle, BLACK)
        return value
    if isinstance(value, Mapping):
        return {
            key: item if key == "_id" else _blackened(item, needles) for key, item in value.items()
        }
    if isinstance(value, list):
        return [_blackened(item, needles) for item in value]
    return value


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()
