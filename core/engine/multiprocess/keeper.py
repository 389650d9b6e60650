"""The keeper: takes over the conversations of a process that is gone, and hands over our own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter

from core.clock import Clock
from core.cluster.membership import Keys
from core.cluster.node import Node
from core.cluster.partitions import lease_of
from core.engine.processing.worker import Worker
from core.engine.projection.projector import Projector
from core.engine.repository import Conversations
from core.engine.store.snapshots import MongoSnapshots
from core.errors import StoreUnavailable
from core.runtime.tasks import BackgroundTasks

log = logging.getLogger(__name__)

SWEEP_SECONDS = 1.0  #: between two looks at the marks: what no hint told is found so late
SHARE = 0.1  #: of the time is spent with looking at most
HANDING_SECONDS = 10.0  #: for what is being drafted or sent when another member is to have it
FRUITLESS_SECONDS = 60.0  #: a mark whose commit does not come within it stands for nothing


@dataclass(slots=True, kw_only=True)
class _Tried:
    """A mark that we followed, whose commit was not there."""

    mark: int
    first: float
    again: float


class Keeper:
    """Takes up conversations whose lease this process holds; gives them back with it.

    A mark in the store says up to where a conversation is unfinished, whoever wrote the commit.
    What is marked beyond what we have in hand is taken in hand, once a second and at once when a
    partition becomes ours; so a wake-up that gets lost costs a second, never an answer.
    """

    def __init__(
        self,
        node: Node,
        *,
        conversations: Conversations,
        snapshots: MongoSnapshots,
        projector: Projector,
        worker: Worker,
        clock: Clock,
        registry: CollectorRegistry | None = None,
    ) -> None:
        self._found = Counter(
            "contact_center_found_by_marks",
            "Conversations taken in hand by a look into the store, because no hint had told.",
            registry=registry,
        )
        self._node = node
        self._conversations = conversations
        self._snapshots = snapshots
        self._projector = projector
        self._worker = worker
        self._clock = clock
        self._look = asyncio.Event()
        self._tried: dict[str, _Tried] = {}
        self._handing = BackgroundTasks()
        node.membership.on_change(gained=self._gained, lost=self._lost, given=self._given)

    async def run(self) -> None:
        """Look at the marks until cancelled."""
        try:
            while True:
                self._look.clear()
                began = self._clock.monotonic()
                try:
                    await self.sweep()
                except StoreUnavailable:
                    log.warning("the store is away; what waits is looked for in a moment")
                except Exception:
                    log.exception("looking for what waits failed")
                took = self._clock.monotonic() - began
                try:
                    async with asyncio.timeout(max(SWEEP_SECONDS, took / SHARE)):
                        await self._look.wait()
                except TimeoutError:
                    pass
        finally:
            await self._handing.end()

    async def sweep(self) -> None:
        """Take in hand what is marked and we do not know of. Raises StoreUnavailable."""
        marks = {
            one: mark
            for one, mark in (await self._snapshots.marks()).items()
            if self._node.accepts(one)
        }
        for conversation_id in await self._missed(marks):
            self._found.inc()
            self.take_up(conversation_id, marks[conversation_id])

    def take_up(self, conversation_id: str, number: int) -> None:
        """Somebody has appended up to this number of a conversation that may be ours."""
        self._conversations.at_least(conversation_id, number)
        if self._node.accepts(conversation_id):
            self._projector.follow(conversation_id)
            self._worker.wake(conversation_id)

    async def _missed(self, marks: Mapping[str, int]) -> list[str]:
        now = self._clock.monotonic()
        self._tried = {
            one: tried for one, tried in self._tried.items() if marks.get(one) == tried.mark
        }
        missed = []
        for one, mark in marks.items():
            if self._projector.taken(one) >= mark:
                self._tried.pop(one, None)
                continue
            tried = self._tried.setdefault(one, _Tried(mark=mark, first=now, again=now))
            if now < tried.again:
                continue
            if now - tried.first > FRUITLESS_SECONDS:
                await self._give_up(one, mark)
                continue
            tried.again = now + SWEEP_SECONDS + (now - tried.first)
            missed.append(one)
        return missed

    async def _give_up(self, conversation_id: str, mark: int) -> None:
        """Take a mark away whose commit failed: its writer has long been told so."""
        if not await self._conversations.history(conversation_id, after=mark - 1):
            await self._snapshots.unmark(conversation_id, mark)

    def _gained(self, keys: Keys) -> None:
        del keys
        self._look.set()

    def _lost(self, keys: Keys) -> None:
        del keys
        self._worker.break_off(self._node.owns)
        self._let_go()

    def _given(self, keys: Keys) -> None:
        self._handing.start(self._give(keys), name="handing conversations over")

    async def _give(self, keys: Keys) -> None:
        def stays(conversation_id: str) -> bool:
            return lease_of(conversation_id) not in keys

        try:
            await self._worker.let_go(stays, grace=HANDING_SECONDS)
            await self._projector.hand_over(stays)
        except StoreUnavailable:
            log.warning("the store is away; whoever takes over projects what we did again")
        finally:
            self._node.membership.drained(keys)
            self._let_go()
            self._node.hurry()

    def _let_go(self) -> None:
        self._projector.drop(self._node.owns)
        self._conversations.disown(self._node.owns)
