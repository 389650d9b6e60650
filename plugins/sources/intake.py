"""Turns what a source gives into rows: read in the bounded process, told apart by digests."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from core.clock import Clock
from core.rag.domain.errors import UnreadableDocument
from core.rag.domain.model import Article
from core.rag.domain.reading_outcome import Reading, article_id
from core.rag.knowledge.identity import file_of
from core.rag.reading.bounded import BoundedReader
from core.rag.reading.readers import READERS
from core.rag.reading.wire import to_json
from core.sdk.source import Document, Item, Known, Unchanged
from plugins.sources.kinds import charset_of, file_name, suffix_of
from plugins.sources.model import ConfiguredSource, Row
from plugins.sources.store import SourceRows

_HTTP = re.compile(r"https?://", re.IGNORECASE)


class Intake:
    """Takes in the items of one sync; an asynchronous context.

    `folder` holds the document that is being read, and nothing afterwards.
    """

    def __init__(
        self,
        source: ConfiguredSource,
        rows: SourceRows,
        known: Mapping[str, Row],
        *,
        run: str,
        folder: Path,
        clock: Clock,
    ) -> None:
        self._source = source
        self._rows = rows
        self._known = known
        self._run = run
        self._folder = folder
        self._clock = clock
        self._reader = BoundedReader()
        self.read = self.unchanged = self.unread = 0

    async def __aenter__(self) -> Intake:
        await self._reader.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._reader.__aexit__(kind, error, trace)

    @property
    def done(self) -> int:
        """How many documents there were."""
        return self.read + self.unchanged + self.unread

    async def take(self, item: Item) -> None:
        """Keep what the source says of one document. Raises StoreUnavailable."""
        row = self._known.get(item.address) or Row(source=self._source.id, address=item.address)
        if isinstance(item, Document):
            await self._document(item, row)
        elif isinstance(item, Unchanged):
            self.unchanged += 1
            memo = row.memo if item.memo is None else item.memo
            await self._rows.seen(replace(row, memo=memo), run=self._run)
        else:
            self.unread += 1
            await self._rows.put(replace(row, run=self._run, why=item.why[:300]))

    async def _document(self, item: Document, row: Row) -> None:
        raw = hashlib.sha256(item.content).hexdigest()
        row = replace(
            row, etag=item.etag[:1000], modified=item.modified[:200], memo=item.memo,
            run=self._run, read_at=self._clock.now(),
        )  # fmt: skip
        if raw == row.raw:
            self.unchanged += 1
            await self._rows.put(row)
            return
        try:
            reading = await self._reading(item)
        except UnreadableDocument as error:
            # It is there, and what it said before stands.
            self.unread += 1
            await self._rows.put(replace(row, raw=raw, why=error.why[:300]))
            return
        self.read += 1
        written = to_json(reading)
        row = replace(
            row, raw=raw, why="", found=_digest(written), wordings=_wordings(reading)
        )  # fmt: skip
        await self._rows.put(row, reading=written)

    async def _reading(self, item: Document) -> Reading:
        suffix = suffix_of(item.media_type, item.name or item.address)
        if suffix not in READERS:
            raise UnreadableDocument(item.address, f"this kind of file is not read: {suffix}")
        path = self._folder / file_name(item.name or item.address, suffix)
        await asyncio.to_thread(path.write_bytes, item.content)
        try:
            reading = await self._reader.read(
                path,
                topic=self._source.topic,
                lang=item.language or self._source.lang,
                address=item.url or item.address,
                charset=charset_of(item.media_type),
            )
        finally:
            await asyncio.to_thread(path.unlink, missing_ok=True)
        return replace(
            reading, articles=[self._named(article, item, path) for article in reading.articles]
        )

    def _named(self, article: Article, item: Document, path: Path) -> Article:
        """The article as one of this source: its id comes from where it stands, its link leads
        to where customers read it."""
        file = file_of(self._source.id, item.address)
        url = article.url or (item.url if _HTTP.match(item.url) else "")
        key = f"{file}\x1f{article.place}"
        return replace(
            article, id=article_id(path.stem, key), source=item.url or item.address, url=url
        )


def known_of(rows: Mapping[str, Row]) -> Mapping[str, Known]:
    """What a source is told of the last time."""
    return {
        address: Known(
            etag=row.etag,
            modified=row.modified,
            memo=row.memo,
            digest=row.raw,
            read_at=row.read_at,
        )
        for address, row in rows.items()
        if row.raw
    }


def _digest(written: Mapping[str, Any]) -> str:
    said = json.dumps(written["articles"], sort_keys=True, ensure_ascii=False)
    return hashlib.blake2b(said.encode(), digest_size=12).hexdigest()


def _wordings(reading: Reading) -> str:
    said = " ".join(word for a in reading.articles for word in a.text.split())
    return hashlib.blake2b(said.casefold().encode(), digest_size=12).hexdigest() if said else ""
