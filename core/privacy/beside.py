"""Personal data beside the store: process memory, log files, channels' state files."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from core.domain.messages import Address
from core.engine.ports import Person
from core.privacy.contacts import written_in
from core.privacy.whole_words import WholeWords
from core.sdk.channel import Channel, Forgets
from core.sdk.state_file import StateFile

LEAST = 6  #: shorter ids would be found in half the log
QUOTED = 12  #: the same for what was written: "yes" is nobody's


@runtime_checkable
class ForgetsAll(Protocol):
    """A part that can forget everybody, because everything of it stands elsewhere."""

    async def forget_all(self) -> None:
        """Forget everybody."""
        ...


class StatesInMemory:
    """The conversations, and their texts on the way out, that this process remembers.

    What is forgotten is read from the store again, where the person is not any more.
    """

    name = "states"

    def __init__(self, *, one: Callable[[str], None], everybody: Callable[[], None]) -> None:
        """`one` forgets the conversation of this id."""
        self._one = one
        self._everybody = everybody

    async def export(self, person: Person) -> Sequence[Mapping[str, Any]]:  # noqa: ARG002
        """Nothing that does not stand elsewhere."""
        return ()

    async def erase(self, person: Person) -> Mapping[str, int]:
        """See `core.engine.ports.PersonalData`."""
        for conversation_id in person.conversation_ids:
            self._one(conversation_id)
        return {}

    async def forget_all(self) -> None:
        """See `ForgetsAll`."""
        self._everybody()


class Memories:
    """The caches of a running process: answers and vectors of questions.

    Everybody's is forgotten: it costs nothing but time to find again, and so it is not counted.
    """

    name = "memories"

    def __init__(self, forget: Callable[[], Awaitable[int]]) -> None:
        self._forget = forget

    async def export(self, person: Person) -> Sequence[Mapping[str, Any]]:  # noqa: ARG002
        """Nothing that does not stand elsewhere."""
        return ()

    async def erase(self, person: Person) -> Mapping[str, int]:  # noqa: ARG002
        """See `core.engine.ports.PersonalData`."""
        await self._forget()
        return {}

    async def forget_all(self) -> None:
        """See `ForgetsAll`."""
        await self._forget()


class ChannelNotes:
    """Channels' state files, found by the chats' addresses."""

    name = "notes"

    def __init__(self, folder: Path, at_hand: Callable[[str], Channel | None]) -> None:
        """`at_hand` gives the channel with this id that has notes in memory, up or not."""
        self._folder = folder
        self._at_hand = at_hand

    async def export(self, person: Person) -> Sequence[Mapping[str, Any]]:
        """See `core.engine.ports.PersonalData`."""
        given = []
        for address, notebook in self._notebooks(person):
            await notebook.open()
            given += [
                {"channel": address.channel, "name": name, "value": value}
                for name, value in notebook.about(address)
            ]
        return given

    async def erase(self, person: Person) -> Mapping[str, int]:
        """See `core.engine.ports.PersonalData`; a running channel has them in memory, too."""
        done = 0
        for address in person.addresses:
            channel: object = self._at_hand(address.channel)
            if isinstance(channel, Forgets):
                done += await channel.forget(address)
        for address, notebook in self._notebooks(person):
            await notebook.open()
            done += await notebook.forget(address)
        return {self.name: done}

    def _notebooks(self, person: Person) -> Iterator[tuple[Address, StateFile]]:
        for address in person.addresses:
            for file in sorted((self._folder / address.channel).glob("*.jsonl")):
                yield address, StateFile(file)


class LogLines:
    """Our own log files; lines that name the person or repeat their words are taken out.

    A line is nobody's, so what is compared here is text: whole words only.
    """

    name = "log_lines"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def export(self, person: Person) -> Sequence[Mapping[str, Any]]:
        """See `core.engine.ports.PersonalData`."""
        return await asyncio.to_thread(self._lines, person, remove=False)

    async def erase(self, person: Person) -> Mapping[str, int]:
        """See `core.engine.ports.PersonalData`."""
        return {self.name: len(await asyncio.to_thread(self._lines, person, remove=True))}

    def _lines(self, person: Person, *, remove: bool) -> list[dict[str, str]]:
        texts = set(_replies(person))
        found: list[dict[str, str]] = []
        if not texts or not self._folder.is_dir():
            return found
        said = WholeWords(texts)
        for file in sorted(self._folder.iterdir()):
            if not file.is_file():
                continue
            with file.open("r+b") as log_file:
                lines = log_file.readlines()
                theirs = {
                    i
                    for i, line in enumerate(lines)
                    if said.stand_in(line.decode("utf-8", "replace"))
                }
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


def _replies(person: Person) -> Iterator[str]:
    ids = [*(a.chat for a in person.addresses), *person.sender_ids]
    for text in person.texts:
        ids += written_in(text)
        yield from (x for x in map(str.strip, text.splitlines()) if len(x) >= QUOTED)
    yield from (x for x in ids if len(x) >= LEAST)
