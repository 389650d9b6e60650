"""The worker: runs each conversation, one task at a time, until nothing is due in it."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from datetime import datetime
from typing import assert_never

from core.clock import Clock
from core.domain.conversation import Conversation
from core.domain.drafts import Draft
from core.domain.next_step import (
    Answer,
    Deliver,
    Idle,
    Release,
    WaitUntil,
    next_step,
    released,
    wants_answer,
)
from core.domain.policy import burst_ends_at
from core.engine.outbound.outbox import Outbox
from core.engine.ports import ChannelDirectory, Ownership, SoleOwner
from core.engine.processing.fair_turns import FairTurns
from core.engine.processing.live_preview import LivePreview
from core.engine.processing.pipeline import Pipeline
from core.engine.repository import Conversations
from core.errors import StoreUnavailable
from core.runtime import tasks
from core.runtime.backoff import Backoff
from core.runtime.tasks import BackgroundTasks
from core.runtime.telemetry import tracing
from core.sdk.channel import HandlesHttp
from core.sdk.plugin import Lease

log = logging.getLogger(__name__)

BACKOFF = Backoff(0.2, 30.0)  #: after failures of ours


class LocalLease:
    """The lease of a single process: the worker itself never runs a conversation twice."""

    @asynccontextmanager
    async def hold(self, conversation_id: str) -> AsyncIterator[bool]:  # noqa: ARG002
        """Always ours."""
        yield True


class Worker:
    """Runs each conversation that is woken until nothing is due in it."""

    def __init__(
        self,
        *,
        conversations: Conversations,
        pipeline: Pipeline,
        outbox: Outbox,
        channels: ChannelDirectory,
        clock: Clock,
        lease: Lease | None = None,
        ownership: Ownership | None = None,
    ) -> None:
        self._ownership = ownership or SoleOwner()
        self._conversations = conversations
        self._pipeline = pipeline
        self._outbox = outbox
        self._channels = channels
        self._lease = lease or LocalLease()
        self._clock = clock
        self._running: dict[str, asyncio.Event] = {}
        self._tasks = BackgroundTasks()
        self._task_of: dict[str, asyncio.Task[None]] = {}
        self._typing_at: dict[str, datetime] = {}
        self._parked: dict[str, set[str]] = {}
        self._turns: defaultdict[tuple[str, str], FairTurns] = defaultdict(FairTurns)
        self._stopping = True  # until it starts: at rest nothing is sent and nothing drafted

    def start(self) -> None:
        """Work on whatever is woken from now on."""
        self._stopping = False

    @property
    def under_way(self) -> Collection[str]:
        """The conversations that are being looked after now; stays true."""
        return self._running.keys()

    def wake(self, conversation_id: str) -> None:
        """Look at this conversation soon; cheap, and repeating it does nothing."""
        if self._stopping or not self._ownership.accepts(conversation_id):
            return
        again = self._running.get(conversation_id)
        if again is not None:
            again.set()
            return
        self._running[conversation_id] = asyncio.Event()
        self._task_of[conversation_id] = self._tasks.start(
            self._run(conversation_id), name=f"work {conversation_id}"
        )

    async def look_at(self, conversation_id: str, *, within: float) -> None:
        """`wake`, and return when nothing is due in it or after so many seconds."""
        self.wake(conversation_id)
        task = self._task_of.get(conversation_id)
        if task is not None:
            await asyncio.wait({task}, timeout=within)

    def customer_types(self, conversation_id: str) -> None:
        """The customer is seen typing: the burst is not over yet."""
        if conversation_id in self._running:
            self._typing_at[conversation_id] = self._clock.now()

    async def channel_is_up(self, channel_id: str) -> None:
        """Deliver what has been waiting for this channel."""
        for conversation_id in self._parked.pop(channel_id, set()):
            self.wake(conversation_id)

    async def stop(self, *, grace: float = 5.0) -> None:
        """Let what runs finish, at most `grace` seconds; the rest is found at the next start."""
        self._stopping = True
        for again in self._running.values():
            again.set()
        await self._tasks.end(grace=grace)

    def break_off(self, is_ours: Callable[[str], bool]) -> None:
        """Stop at once whatever is under way in conversations that are not ours any more."""
        for conversation_id, task in self._task_of.items():
            if not is_ours(conversation_id):
                task.cancel()

    async def let_go(self, is_ours: Callable[[str], bool], *, grace: float) -> None:
        """Begin nothing new in conversations that are given away; return when nothing is left.

        What is being drafted or sent may end by itself within `grace` seconds.
        """
        leaving = {one: task for one, task in self._task_of.items() if not is_ours(one)}
        for conversation_id in leaving:
            self._running[conversation_id].set()
        if leaving:
            await asyncio.wait(leaving.values(), timeout=grace)
        await tasks.end(*leaving.values())

    async def _run(self, conversation_id: str) -> None:
        again = self._running[conversation_id]
        failures = 0
        try:
            while True:
                again.clear()
                pause = BACKOFF.after(failures + 1)
                try:
                    async with self._lease.hold(conversation_id) as ours:
                        if ours:
                            await self._work(conversation_id, again)
                    if not again.is_set() or self._stopping:
                        return
                    failures = 0
                except StoreUnavailable:
                    log.warning("the store is away; %s waits %.1f s", conversation_id, pause)
                except Exception:
                    # The outermost loop: whatever it was, the customer must not be forgotten.
                    log.exception("working on %s failed; again in %.1f s", conversation_id, pause)
                    self._conversations.forget(conversation_id)
                if again.is_set() and not self._stopping:
                    continue
                await self._pause(again, pause)
                failures += 1
                if self._stopping:
                    return
        finally:
            del self._running[conversation_id]
            del self._task_of[conversation_id]
            self._typing_at.pop(conversation_id, None)

    async def _work(self, conversation_id: str, again: asyncio.Event) -> None:
        while not self._stopping and self._ownership.accepts(conversation_id):
            again.clear()
            c = await self._conversations.peek(conversation_id)
            if c.unknown:
                log.warning("a newer release has written in %s: we leave it alone", c.id)
                return
            now = self._clock.now()
            settled_at = burst_ends_at(c, typing_at=self._typing_at.get(conversation_id))
            match next_step(c, now=now, settled_at=settled_at):
                case Idle():
                    return
                case WaitUntil(at=at):
                    await self._pause(again, (at - now).total_seconds())
                case Deliver(outgoing=outgoing):
                    if self._channels.get(c.channel) is None:
                        self._parked.setdefault(c.channel, set()).add(conversation_id)
                        if not wants_answer(c):
                            return
                        await self._answer(c, again)
                    else:
                        async with self._turn(c.channel, "deliver"):
                            await self._outbox.deliver(c, outgoing)
                case Answer():
                    await self._answer(c, again)
                case Release():
                    await self._conversations.update(
                        conversation_id, lambda c: released(c, self._clock.now())
                    )
                case step:
                    assert_never(step)

    async def _answer(self, c: Conversation, again: asyncio.Event) -> None:
        async with self._turn(c.channel, "answer"):
            # What happened while we waited for our turn is looked at first.
            if not again.is_set():
                first = c.due[0].seq if c.due else c.seq
                with self._pipeline.under_way(c), tracing.about(c.id, first):
                    await self._draft(c, again)

    def _turn(self, channel_id: str, step: str) -> AbstractAsyncContextManager[None]:
        # Only a vendor who calls us waits to be acknowledged; elsewhere all at once is fastest.
        called = isinstance(self._channels.get(channel_id), HandlesHttp)
        return self._turns[channel_id, step].one() if called else nullcontext()

    async def _draft(self, c: Conversation, again: asyncio.Event) -> None:
        """Draft, and drop the draft when the customer or a person was faster."""
        showing = LivePreview(
            c,
            self._channels.get(c.channel),
            signal=self._conversations.signal,
            clock=self._clock,
            disclosure=self._pipeline.disclosure(c),
        )
        drafting = asyncio.create_task(self._pipeline.draft(c, on_delta=showing.on_delta))
        try:
            draft = await self._unless_stale(c, drafting, again)
        finally:
            drafting.cancel()
            await showing.stop()
        if draft is not None:
            await self._pipeline.conclude(c, draft)

    async def _unless_stale(
        self, c: Conversation, drafting: asyncio.Task[Draft], again: asyncio.Event
    ) -> Draft | None:
        drafting.add_done_callback(lambda _: again.set())
        while not drafting.done():
            await again.wait()
            if drafting.done() or self._stopping:
                break
            again.clear()
            newest = await self._conversations.peek(c.id)
            if not wants_answer(newest) or _asked(newest) != _asked(c):
                await tasks.end(drafting)
                return None
        return await drafting

    async def _pause(self, again: asyncio.Event, seconds: float) -> None:
        try:
            async with asyncio.timeout(max(seconds, 0.0)):
                await again.wait()
        except TimeoutError:
            return


def _asked(c: Conversation) -> tuple[object, ...]:
    """What a draft is for; with another one it is out of date."""
    return c.due, c.person_requested
