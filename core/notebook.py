"""A few facts that a channel keeps in its own folder, so that they outlive a restart."""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from pathlib import Path

MOST = 20_000  #: facts; the oldest are forgotten first


class Notebook:
    """Names and values in one file, a line each, read once and only ever added to."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._facts: OrderedDict[str, str] = OrderedDict()
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
            while len(self._facts) > MOST:
                self._facts.popitem(last=False)
            await asyncio.to_thread(self._append, json.dumps([name, value]) + "\n")

    def _append(self, line: str) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("a", encoding="utf-8") as file:
            file.write(line)

    def _read(self) -> OrderedDict[str, str]:
        facts: OrderedDict[str, str] = OrderedDict()
        if not self._file.exists():
            return facts
        lines = self._file.read_text(encoding="utf-8", errors="replace").splitlines()
        for line in lines[-MOST:]:
            try:
                name, value = json.loads(line)
            except ValueError:
                continue
            facts[str(name)] = str(value)
        return facts
