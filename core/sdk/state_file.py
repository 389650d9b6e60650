"""A channel's small persistent state: names and values in a file of its own."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from core.domain.messages import Address
from core.runtime.lru import LruDict

MOST = 20_000  #: facts; those not used for longest are forgotten first


class StateFile:
    """Names and values in one file, a line each; read once, added to, and forgotten by chat."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._facts: LruDict[str, str] = LruDict(MOST)
        self._turn = asyncio.Lock()

    async def open(self) -> None:
        """Read what was written down; a line cut short by a crash is left out."""
        self._facts = await asyncio.to_thread(self._read)

    def get(self, name: str) -> str:
        """What stands there, "" when nothing does."""
        return self._facts.get(name, "")

    async def put(self, name: str, value: str) -> None:
        """Write it down, unless it stands there already."""
        if self._facts.get(name) == value:
            return
        async with self._turn:
            self._facts[name] = value
            await asyncio.to_thread(self._append, json.dumps([name, value]) + "\n")

    def facts(self) -> list[tuple[str, str]]:
        """Everything that stands there, what was used last at the end."""
        return list(self._facts.items())

    def about(self, address: Address) -> list[tuple[str, str]]:
        """What stands here of this chat: facts that are called as it is, or give its id."""
        return [fact for fact in self._facts.items() if _is_about(fact, address)]

    async def forget(self, address: Address) -> int:
        """Know nothing of this chat any more, neither here nor in the file; how many facts."""
        async with self._turn:
            gone = [name for name, _ in self.about(address)]
            for name in gone:
                del self._facts[name]
            await asyncio.to_thread(self._write_without, address)
        return len(gone)

    def _write_without(self, address: Address) -> None:
        if not self._file.exists():
            return
        lines = self._file.read_bytes().splitlines(keepends=True)
        facts = [(line, _fact(line)) for line in lines]
        kept = [line for line, fact in facts if fact is None or not _is_about(fact, address)]
        if len(kept) < len(lines):
            draft = self._file.with_suffix(".new")
            draft.write_bytes(b"".join(kept))
            draft.replace(self._file)

    def _append(self, line: str) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("a", encoding="utf-8") as file:
            file.write(line)

    def _read(self) -> LruDict[str, str]:
        facts: LruDict[str, str] = LruDict(MOST)
        if not self._file.exists():
            return facts
        for line in self._file.read_bytes().splitlines()[-MOST:]:
            if (fact := _fact(line)) is not None:
                facts[fact[0]] = fact[1]
        return facts


def _fact(line: bytes) -> tuple[str, str] | None:
    try:
        name, value = json.loads(line.decode("utf-8", "replace"))
    except (ValueError, TypeError):
        return None
    return str(name), str(value)


def _is_about(fact: tuple[str, str], address: Address) -> bool:
    """Channels call a chat by its id here, or by its thread where it is one of several."""
    name, value = fact
    if address.thread:
        return name in (address.thread, f"{address.chat}:{address.thread}")
    if not address.chat:
        return False
    # As a value a bare number may count something; an id is only what cannot be a count.
    return name == address.chat or (value == address.chat and not value.isdecimal())
