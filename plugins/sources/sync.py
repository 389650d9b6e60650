"""One sync: what a source gives now against what it gave last, and into the knowledge what may.

It may be killed at any moment. What was read of a document is kept as soon as it is read, and
asked for by its ETag the next time; what stands in the knowledge is written into its row after it
stands there, so it is at most taken in a second time, which changes nothing.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

from core.clock import Clock
from core.errors import ContactCenterError, StoreUnavailable
from core.rag.domain.errors import VectorsUnavailable
from core.rag.knowledge.identity import file_of
from core.rag.knowledge_base.service import Knowledge
from core.rag.reading.wire import from_json
from core.runtime.tasks import end
from core.sdk.source import Source, SourceIncomplete
from plugins.host.states import sentence, shown
from plugins.isolation.loop_thread import OwnLoopThread
from plugins.sources.intake import Intake, known_of
from plugins.sources.judgement import judge, moves_in
from plugins.sources.model import ChangeKind, ConfiguredSource, Counts, Row
from plugins.sources.opening import SourceOpener
from plugins.sources.pulling import pulled
from plugins.sources.store import SourceRows, SourceStore

log = logging.getLogger(__name__)

BEAT_SECONDS = 5.0
AT_ONCE = 100  #: documents that are taken into the knowledge in one go; customers ask in between
MOST_COMPARED = 50  #: changes that are held against what is known; more of them are a new site


class NotOurs(Exception):
    """Another process runs this sync now."""


class Syncs:
    """Syncs sources, one at a time each."""

    def __init__(
        self,
        store: SourceStore,
        rows: SourceRows,
        opener: SourceOpener,
        *,
        knowledge: Callable[[], Awaitable[Knowledge]],
        folder: Path,
        clock: Clock,
    ) -> None:
        """`folder` is where each source's own data and what is being read lie."""
        self._store = store
        self._rows = rows
        self._opener = opener
        self._knowledge = knowledge
        self._folder = folder
        self._clock = clock

    async def sync(
        self, source: ConfiguredSource, *, progress: Callable[[int], None] | None = None
    ) -> bool:
        """Sync it now; False when somebody does. What goes wrong stands in its state."""
        run = self._clock.new_id()
        if not await self._store.claim(source.id, run, at=self._clock.now()):
            return False
        counts, error = Counts(), ""
        try:
            counts, error = await self._run(source, run, progress)
        except NotOurs:
            return False
        except (ContactCenterError, OSError) as failed:
            error = shown(sentence(failed))
        except Exception as failed:
            log.exception("syncing %s failed", source.id)
            error = shown(sentence(failed))
        await self._ended(source, run, counts, error)
        return True

    async def _ended(self, source: ConfiguredSource, run: str, counts: Counts, error: str) -> None:
        now = self._clock.now()
        newest = await self._store.get(source.id)
        failures = newest.state.failures + 1 if error else 0
        if error:
            log.warning("source %s: %s", source.id, error)
        rows = await self._rows.of(source.id)
        state: dict[str, object] = {
            "ended_at": now,
            "next_at": newest.next_after(now, failures=failures),
            "counts": asdict(counts),
            "error": error,
            "failures": failures,
            "documents": sum(bool(row.applied) for row in rows),
        }
        if not error:
            state["whole_at"] = now
        await self._store.ended(source.id, run, state)

    async def _run(
        self,
        source: ConfiguredSource,
        run: str,
        progress: Callable[[int], None] | None,
    ) -> tuple[Counts, str]:
        rows = {row.address: row for row in await self._rows.of(source.id)}
        reading = self._folder / source.id / "reading"
        await asyncio.to_thread(_emptied, reading)
        error = ""
        async with (
            self._opener.opened(source) as (made, lane),
            Intake(source, self._rows, rows, run=run, folder=reading, clock=self._clock) as intake,
        ):
            beating = asyncio.create_task(self._beat(source.id, run, intake, progress))
            pulling = asyncio.create_task(self._pull(made, lane, intake, rows))
            try:
                await asyncio.wait({beating, pulling}, return_when=asyncio.FIRST_COMPLETED)
                if beating.done() and not pulling.done():
                    await beating
                    raise NotOurs
                await pulling
                await self._rows.gone(source.id, run=run)
            except SourceIncomplete as incomplete:
                # What came counts; of what did not come nothing is known.
                error = shown(incomplete.detail)
            finally:
                await end(beating, pulling)
        applied = await self._settle(source, run, first=not any(r.applied for r in rows.values()))
        counts = replace(
            applied, read=intake.read, unchanged=intake.unchanged, unread=intake.unread
        )
        return counts, error

    async def _pull(
        self, made: Source, lane: OwnLoopThread, intake: Intake, rows: Mapping[str, Row]
    ) -> None:
        async for item in pulled(made, lane, known_of(rows)):
            await intake.take(item)

    async def _beat(
        self, source_id: str, run: str, intake: Intake, progress: Callable[[int], None] | None
    ) -> None:
        """Say that we are at it; returns when the sync is somebody else's by now."""
        while True:
            with suppress(StoreUnavailable):
                at = self._clock.now()
                if not await self._store.beat(source_id, run, done=intake.done, at=at):
                    return
            if progress is not None:
                progress(intake.done)
            await asyncio.sleep(BEAT_SECONDS)

    async def _settle(self, source: ConfiguredSource, run: str, *, first: bool) -> Counts:
        """Take in what goes in by itself, and have the rest wait."""
        rows = await self._rows.of(source.id)
        contradictions: Mapping[str, Sequence[str]] = {}
        settled = source.state.whole_at is not None
        verdict = judge(rows, share=source.share, settled=settled)
        if not first and len(verdict.goes) <= MOST_COMPARED:
            contradictions = await self._contradictions(source, verdict.goes)
            verdict = judge(
                rows, share=source.share, settled=settled, contradictions=contradictions
            )
        await self._rows.wait(source.id, verdict.waits)
        kinds = [row.change for row in verdict.goes]
        await self.apply(source, verdict.goes, by=f"source {source.id}", run=run)
        return Counts(
            added=kinds.count(ChangeKind.ADDED),
            changed=kinds.count(ChangeKind.CHANGED),
            removed=kinds.count(ChangeKind.REMOVED),
            waiting=len(verdict.waits),
        )

    async def _contradictions(
        self, source: ConfiguredSource, rows: Sequence[Row]
    ) -> Mapping[str, Sequence[str]]:
        knowledge = await self._knowledge()
        # What changes or goes with them is no witness against them.
        besides = {file_of(source.id, row.address) for row in rows}
        readings = await self._rows.readings(source.id, [r.address for r in rows if r.found])
        found: dict[str, list[str]] = {}
        for address, written in readings.items():
            for article in from_json(written).articles:
                said = await knowledge.contradicting(article, besides=besides)
                if said:
                    found.setdefault(address, []).extend(said)
        return found

    async def apply(
        self, source: ConfiguredSource, rows: Sequence[Row], *, by: str, run: str = ""
    ) -> None:
        """Have the knowledge say what these rows say. Raises VectorsUnavailable afterwards: then
        it is written and waits to be embedded."""
        if not rows:
            return
        knowledge = await self._knowledge()
        # What is gone comes last: by then what has only moved has its articles.
        order = sorted(rows, key=lambda row: (row.found == "", row.address))
        moved = moves_in(rows)
        away: VectorsUnavailable | None = None
        for at in range(0, len(order), AT_ONCE):
            some = order[at : at + AT_ONCE]
            if run and not await self._store.beat(source.id, run, done=at, at=self._clock.now()):
                raise NotOurs
            written = await self._rows.readings(source.id, [r.address for r in some if r.found])
            try:
                await knowledge.take_from_source(
                    {file_of(source.id, a): from_json(one) for a, one in written.items()},
                    gone={file_of(source.id, r.address) for r in some if not r.found},
                    moved={
                        file_of(source.id, new): file_of(source.id, old)
                        for new, old in moved.items()
                        if new in written
                    },
                    subject=f"source {source.id}",
                    by=by,
                )
            except VectorsUnavailable as error:
                away = error
            await self._rows.applied([r for r in some if not r.found or r.address in written])
        if away is not None:
            log.warning("source %s: %s", source.id, away.detail)


def _emptied(folder: Path) -> None:
    """The folder, without what a killed process left in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
