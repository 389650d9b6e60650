"""Reads a file of past conversations into groups of questions; goes on where it was broken off."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from core.accounts.audit.log import Audit
from core.clock import Clock
from core.errors import BadInput, StoreUnavailable
from core.rag.vectors.encoder import Embedder, Vector
from core.rag.vectors.lexical import normalize
from core.runtime.lru import LruDict
from imports.formats.conversations import BadRow, Item
from imports.formats.formats import FORMATS, recognized
from imports.groups.exchanges import Exchange, exchanges_of
from imports.groups.grouping import Groups
from imports.groups.likeness import sketch_of
from imports.groups.model import MOST_BAD, FileState, ImportedFile, Kept
from imports.groups.offers import offer
from imports.groups.store import PastStore

log = logging.getLogger(__name__)

BATCH = 100  #: conversations that are read before what they said is written down
REMEMBERED = 20_000  #: questions whose vectors are not computed again
GENERAL = 10  #: groups in which one answer stands, from which on it fits everything

TURN_SECONDS = 2.0  #: between two looks whether another process has done reading
SILENT = timedelta(seconds=120)  #: a process that reads and says nothing for so long was killed

Progress = Callable[[int, int], None]
"""Takes how many conversations of how many were read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """The outcome of importing a file."""

    file: ImportedFile
    groups: int  #: that wait for a person now
    repeated: bool = False  #: it had been read before, and nothing was done


class Importer:
    """Reads one file at a time; of each question only what is not known yet is computed."""

    def __init__(
        self,
        store: PastStore,
        *,
        embedder: Embedder,
        secret_key: str,
        audit: Audit,
        clock: Clock,
        alone: bool = True,
    ) -> None:
        """`alone`: no other process may read into this store."""
        self._store = store
        self._embedder = embedder
        self._key = hashlib.blake2b(secret_key.encode(), person=b"past contacts").digest()
        self._audit = audit
        self._clock = clock
        self._vectors: LruDict[str, Vector] = LruDict(REMEMBERED)
        self._turn = asyncio.Lock()
        self._alone = alone
        self._run = clock.new_id()

    def fingerprint(self, contact: str) -> str:
        """A contact as a number that only this installation can make.

        E-mail addresses are the same in whatever case, phone numbers in whatever punctuation.
        """
        plain = "".join(contact.casefold().split())
        digits = "".join(c for c in plain if c.isdigit())
        if "@" not in plain and len(digits) >= 8:
            plain = digits[-8:]  # with a country's code or without
        return hmac.new(self._key, plain.encode(), hashlib.blake2b).hexdigest()[:32]

    async def read(
        self,
        path: Path,
        *,
        format_name: str = "",
        name: str = "",
        by: str,
        progress: Progress,
        stays: bool = False,
    ) -> Imported:
        """Read the file; the same content again does nothing. Raises BadInput.

        A file that `stays` where it is goes on by itself after a kill. Of many processes one reads
        at a time; the others wait.
        """
        async with self._turn, self._alone_in_all():
            file_id = await asyncio.to_thread(_digest, path)
            file = await self._store.file(file_id)
            if file is not None and file.state is FileState.DONE:
                return Imported(file=file, groups=await self._store.count_waiting(), repeated=True)
            chosen = format_name or await asyncio.to_thread(recognized, path)
            if chosen not in FORMATS:
                raise BadInput(f"{chosen} is no format we know: {', '.join(FORMATS)}.")
            if file is None or file.format != chosen:
                file = ImportedFile(
                    id=file_id,
                    name=name or path.name,
                    format=chosen,
                    by=by,
                    at=self._clock.now(),
                    path=str(path) if stays else "",
                )
            try:
                file = await self._read(path, replace(file, state=FileState.READING), progress)
            except (ValueError, OSError) as error:
                failed = replace(file, state=FileState.FAILED, why=str(error)[:300])
                await self._store.save_file(failed)
                raise BadInput(f"{file.name}: {error}") from error
            await self._settle(self._go_on)
            await self._audit.record(
                "import.read",
                who=by,
                subject=file.name,
                after={"format": file.format, "exchanges": file.new, "bad": file.bad},
                key=f"import.read {file.id}",
            )
            file = replace(file, state=FileState.DONE, path="")
            await self._store.save_file(file)
        return Imported(file=file, groups=await self._store.count_waiting())

    async def broken_off(self) -> list[ImportedFile]:
        """Files that lie on this machine and were not read to their end."""
        reading = [file for file in await self._store.reading() if file.path]
        return [f for f in reading if await asyncio.to_thread(Path(f.path).is_file)]

    @asynccontextmanager
    async def _alone_in_all(self) -> AsyncIterator[None]:
        """Wait until no other process reads."""
        if self._alone:
            yield
            return
        while not await self._beat():
            await self._clock.sleep(TURN_SECONDS)
        try:
            yield
        finally:
            await self._store.give_turn(self._run)

    async def _beat(self) -> bool:
        """Say that we read; whether it is still our turn."""
        now = self._clock.now()
        return self._alone or await self._store.take_turn(
            self._run, at=now, silent_since=now - SILENT
        )

    async def _go_on(self) -> None:
        """Raises StoreUnavailable where another process took us for dead, and reads now."""
        if not await self._beat():
            raise StoreUnavailable("Another process reads this now.")

    async def settle(self) -> None:
        """Find anew what groups offer whose questions have changed."""
        await self._settle(_nobody_waits)

    async def _settle(self, go_on: Callable[[], Awaitable[None]]) -> None:
        due = await self._store.due()
        if not due:
            return
        general = await self._general()
        for number, group in enumerate(due):
            if number % BATCH == 0:
                await go_on()
            kept = await self._store.of_group(group.id)
            if kept:
                found = await asyncio.to_thread(offer, group, kept, general=general)
                await self._store.settle(found)
            elif not group.article_id:
                await self._store.drop_group(group.id)

    async def _general(self) -> frozenset[str]:
        """Keys of answers that were given to many different questions."""
        groups: dict[str, set[str]] = defaultdict(set)
        async for _, group, said, _ in self._store.every():
            groups[said].add(group)
        return frozenset(said for said, found in groups.items() if len(found) >= GENERAL)

    async def _read(self, path: Path, file: ImportedFile, progress: Progress) -> ImportedFile:
        groups: Groups | None = None
        total = await asyncio.to_thread(lambda: sum(1 for _ in FORMATS[file.format](path)))
        file = replace(file, total=total)
        await self._store.save_file(file)
        items = FORMATS[file.format](path)
        before = file.items
        skipped = 0
        again = True  # the batch in which we were broken off may be kept in part
        while batch := await asyncio.to_thread(_taken, items, BATCH):
            if skipped < before:
                # Read before we were broken off, and kept.
                left = batch[before - skipped :]
                skipped += len(batch) - len(left)
                batch = left
                if not batch:
                    continue
            if groups is None:
                groups = await self._groups()
            await self._go_on()
            found = await asyncio.to_thread(self._exchanges, batch, file.format)
            bad = [item for item in batch if isinstance(item, BadRow)]
            new = await self._keep(found, groups, file_id=file.id, again=again)
            again = False
            rows = [f"row {one.place}: {one.why}"[:300] for one in bad]
            file = replace(
                file,
                items=file.items + len(batch),
                exchanges=file.exchanges + len(found),
                new=file.new + new,
                bad=file.bad + len(bad),
                bad_rows=(*file.bad_rows, *rows)[:MOST_BAD],
            )
            await self._store.save_file(file)
            progress(file.items, total)
        return file

    def _exchanges(self, batch: Sequence[Item], origin: str) -> list[Exchange]:
        return [
            exchange
            for item in batch
            if not isinstance(item, BadRow)
            for exchange in exchanges_of(item, origin=origin, fingerprint=self.fingerprint)
        ]

    async def _groups(self) -> Groups:
        groups = Groups(self._embedder.size)
        answers = {said: sketch_of(answer) async for said, answer in self._store.answers()}
        async for exchange_id, group, said, vector in self._store.every():
            if len(vector) == self._embedder.size:
                groups.put(exchange_id, vector, answer=answers[said], group=group)
        return groups

    async def _keep(
        self, found: Sequence[Exchange], groups: Groups, *, file_id: str, again: bool
    ) -> int:
        """Keep what is new, and count it; `again`: with what this file brought before a kill."""
        unique = {one.id: one for one in found}
        known = await self._store.known(unique)
        fresh = [one for i, one in unique.items() if i not in known]
        vectors = await self._vectors_of([one.question for one in fresh])
        kept = [
            Kept(
                exchange=one,
                group=groups.put(one.id, vector, answer=sketch_of(one.answer)),
                vector=vector,
            )
            for one, vector in zip(fresh, vectors, strict=True)
        ]
        await self._store.keep(kept, file_id=file_id)
        return len(kept) + (list(known.values()).count(file_id) if again else 0)

    async def _vectors_of(self, texts: Sequence[str]) -> list[Vector]:
        keys = [normalize(text) for text in texts]
        missing = {k: t for k, t in zip(keys, texts, strict=True) if k not in self._vectors}
        # One by one at the model, so that a customer's question waits for one of them at most.
        made = await self._embedder.questions(list(missing.values()))
        fresh = dict(zip(missing, made, strict=True))
        found = [fresh[key] if key in fresh else self._vectors[key] for key in keys]
        for key, vector in fresh.items():
            self._vectors[key] = vector
        return found


async def _nobody_waits() -> None:
    """What is settled outside of a turn keeps no turn."""


def _digest(path: Path) -> str:
    digest = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def _taken(items: Iterator[Item], most: int) -> list[Item]:
    return [item for _, item in zip(range(most), items, strict=False)]
