"""What the core itself keeps about customers beside the log: documents, learned words, our logs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import PyMongoError

from core.errors import StoreUnavailable
from core.ports import Person

if TYPE_CHECKING:
    from core.rag.knowledge import Knowledge

LEAST = 6  #: shorter words would match half the log


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
        found = await self._found(person)
        if found:
            knowledge = await self._knowledge()
            for article_id, question in found:
                await knowledge.forget_known_question(article_id, question)
            await knowledge.rebuild()
        return {self.name: len(found)}

    async def _found(self, person: Person) -> list[tuple[str, str]]:
        written = {_plain(text) for text in person.texts}
        names = [name.casefold() for name in person.names if len(name) >= LEAST]
        return [
            (stored.article.id, question)
            for stored in await (await self._knowledge()).list()
            for question in stored.article.questions
            if _plain(question) in written or any(n in question.casefold() for n in names)
        ]


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
        said = [*person.names, *(line for text in person.texts for line in text.splitlines())]
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


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()
