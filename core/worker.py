"""Looks after conversations: one worker at a time each, from what is due to nothing due."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from datetime import datetime
from typing import assert_never

from core.channel import HandlesHttp
from core.clock import Clock
from core.conversations import Conversation
from core.drafts import Draft
from core.errors import StoreUnavailable
from core.outbox import Outbox
from core.pipeline import Pipeline
from core.policy import burst_ends_at
from core.ports import ChannelDirectory, Lease
from core.repository import Conversations
from core.showing import Showing
from core.steps import Answer, Deliver, Idle, Release, WaitUntil, next_step, released, wants_answer
from core.turns import Turns

log = logging.getLogger(__name__)

LONGEST_PAUSE = 30.0  #: after repeated failures of ours


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
        lease: Lease,
        clock: Clock,
    ) -> None:
        self._conversations = conversations
        self._pipeline = pipeline
        self._outbox = outbox
        self._channels = channels
        self._lease = lease
        self._clock = clock
        self._running: dict[str, asyncio.Event] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._typing_at: dict[str, datetime] = {}
        self._parked: dict[str, set[str]] = {}
        self._turns: defaultdict[tuple[str, str], Turns] = defaultdict(Turns)
        self._stopping = False

    def wake(self, conversation_id: str) -> None:
        """Look at this conversation soon; cheap, and repeating it does nothing."""
        if self._stopping:
            return
        again = self._running.get(conversation_id)
        if again is not None:
            again.set()
            return
        self._running[conversation_id] = asyncio.Event()
        task = asyncio.create_task(self._run(conversation_id), name=f"work {conversation_id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def customer_types(self, conversation_id: str) -> None:
        """The customer is seen typing: his burst is not over yet."""
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
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _run(self, conversation_id: str) -> None:
        again = self._running[conversation_id]
        pause = 0.2
        try:
            while True:
                again.clear()
                try:
                    async with self._lease.hold(conversation_id) as ours:
                        if ours:
                            await self._work(conversation_id, again)
                    if not again.is_set() or self._stopping:
                        return
                    pause = 0.2
                except StoreUnavailable:
                    log.warning("the store is away; %s waits %.1f s", conversation_id, pause)
                except Exception:
                    # The outermost loop: whatever it was, the customer must not be forgotten.
                    log.exception("working on %s failed; again in %.1f s", conversation_id, pause)
                    self._conversations.forget(conversation_id)
                if again.is_set() and not self._stopping:
                    continue
                await self._pause(again, pause)
                pause = min(pause * 2, LONGEST_PAUSE)
                if self._stopping:
                    return
        finally:
            del self._running[conversation_id]
            self._typing_at.pop(conversation_id, None)

    async def _work(self, conversation_id: str, again: asyncio.Event) -> None:
        while not self._stopping:
            again.clear()
            c = await self._conversations.peek(conversation_id)
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
                await self._draft(c, again)

    def _turn(self, channel_id: str, step: str) -> AbstractAsyncContextManager[None]:
        # Only a vendor who calls us waits to be acknowledged; elsewhere all at once is fastest.
        called = isinstance(self._channels.get(channel_id), HandlesHttp)
        return self._turns[channel_id, step].one() if called else nullcontext()

    async def _draft(self, c: Conversation, again: asyncio.Event) -> None:
        """Draft, and drop the draft when the customer or a person was faster."""
        showing = Showing(
            c,
            self._channels.get(c.channel),
            signal=self._conversations.signal,
            clock=self._clock,
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
            if newest.unanswered != c.unanswered or not wants_answer(newest):
                drafting.cancel()
                await asyncio.gather(drafting, return_exceptions=True)
                return None
        return await drafting

    async def _pause(self, again: asyncio.Event, seconds: float) -> None:
        try:
            async with asyncio.timeout(max(seconds, 0.0)):
                await again.wait()
        except TimeoutError:
            return
