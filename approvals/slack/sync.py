"""Synchronizes cards in Slack with the log: posts, updates, and tells their threads.

Everything is done by one idempotent step, `bring up a conversation`; what Slack or the store
refuses now is done by a later step, so nothing has to be remembered about failures.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from weakref import WeakValueDictionary

from approvals.queue.arrival import is_trouble
from approvals.queue.fold import is_about_approvals
from approvals.queue.store import ApprovalStore
from approvals.slack.posts import Desk
from approvals.slack.sync_step import Escalated, Step
from approvals.slack.sync_store import CardStore
from approvals.slack.thread_files import Content
from core.clock import Clock
from core.domain import events as ev
from core.engine.repository import Conversations
from core.errors import DeliveryDeferred, StoreUnavailable
from core.runtime.tasks import BackgroundTasks
from core.sdk.rate_limit import Pacer
from core.slack.errors import SlackError, SlackLater, SlackRateLimited, SlackUnknown

log = logging.getLogger(__name__)

AT_ONCE = 8  #: conversations brought up at the same time
SWEEP_SECONDS = 15.0
AWAY_SECONDS = 2.0  #: before another try when Slack does not say how long
DOUBT_SECONDS = 1.0  #: before we look whether a message came through after all
REFUSED_SECONDS = 15.0
STORE_SECONDS = 1.0

HeldNow = Callable[[], Awaitable[Collection[str]]]
"""The conversations that people hold."""


class CardSync:
    """The cards of one desk; `look` is cheap and may be called for anything that happens."""

    def __init__(
        self,
        *,
        conversations: Conversations,
        approvals: ApprovalStore,
        cards: CardStore,
        held_now: HeldNow,
        escalated: Escalated,
        clock: Clock,
        content: Content | None = None,
    ) -> None:
        self._conversations = conversations
        self._approvals = approvals
        self._cards = cards
        self._held_now = held_now
        self._at_work = False  #: one process at a time keeps the cards
        self._pacer = Pacer(clock)
        self._step = Step(
            conversations=conversations,
            cards=cards,
            escalated=escalated,
            clock=clock,
            pacer=self._pacer,
            content=content,
        )
        self._desk: Desk | None = None
        self._dirty: dict[str, None] = {}
        self._busy: set[str] = set()
        self._open: set[str] = set()  #: conversations with cards that may still change
        self._seen: dict[str, int] = {}  #: up to which event a conversation has been brought up
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._wake = asyncio.Event()
        self._tasks = BackgroundTasks()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self.trouble = ""  #: Slack's code when it refuses us, "away" when it is silent

    def attach(self, desk: Desk) -> None:
        """From now on the cards are there; everything is looked at again."""
        self._desk = replace(desk, slack=desk.slack.watched(self._answered))
        self._seen.clear()
        self._wake.set()

    def detach(self) -> None:
        """There is no desk in Slack any more."""
        self._desk, self.trouble = None, ""

    def _answered(self) -> None:
        self.trouble = ""

    def concerns(self, commit: ev.Commit) -> bool:
        """Whether a card may look different after this commit."""
        if any(
            is_about_approvals(e) or isinstance(e, ev.HandedBack) or is_trouble(e)
            for e in commit.events
        ):
            return True
        return commit.conversation_id in self._open

    def look(self, conversation_id: str) -> None:
        """Bring this conversation's cards up to date soon, if it is we who keep them."""
        if not self._at_work:
            return  # whoever begins looks at everything
        self._dirty[conversation_id] = None
        self._wake.set()

    def lock(self, conversation_id: str) -> asyncio.Lock:
        """Held while a conversation's cards are being changed."""
        lock = self._locks.get(conversation_id)
        if lock is None:
            lock = self._locks[conversation_id] = asyncio.Lock()
        return lock

    async def run(self) -> None:
        """Work until cancelled."""
        self._seen.clear()
        self._at_work = True
        try:
            await self._until_swept()
            while True:
                self._wake.clear()
                for conversation_id in list(self._dirty):
                    if len(self._busy) >= AT_ONCE:
                        break
                    if conversation_id not in self._busy:
                        del self._dirty[conversation_id]
                        self._begin(conversation_id)
                try:
                    async with asyncio.timeout(SWEEP_SECONDS):
                        await self._wake.wait()
                except TimeoutError:
                    await self._try_sweep()
        finally:
            self._at_work = False
            for timer in self._timers.values():
                timer.cancel()
            self._timers.clear()
            self._dirty.clear()
            await self._tasks.end()

    async def sweep(self) -> None:
        """Look at everything that may have been missed. Raises StoreUnavailable."""
        wanted = {record.conversation_id for record in await self._cards.open()}
        self._open |= wanted
        wanted |= set(await self._held_now())
        cursor = ""
        while True:
            page = await self._approvals.pending(cursor=cursor, limit=500)
            wanted |= {a.conversation_id for a in page.items}
            cursor = page.next
            if not cursor:
                break
        for conversation_id in sorted(wanted):
            state = await self._conversations.peek(conversation_id)
            if self._seen.get(conversation_id) != state.seq:
                self.look(conversation_id)

    async def _until_swept(self) -> None:
        while not await self._try_sweep():  # noqa: ASYNC110
            # The store calls nobody when it is back.
            await asyncio.sleep(STORE_SECONDS)

    async def _try_sweep(self) -> bool:
        try:
            await self.sweep()
        except StoreUnavailable:
            log.warning("the store is away; the cards in Slack are looked at again in a moment")
            return False
        return True

    def _begin(self, conversation_id: str) -> None:
        self._busy.add(conversation_id)
        attempt = self._attempt(conversation_id)
        task = self._tasks.start(attempt, name=f"card {conversation_id}")

        def done(_ended: asyncio.Task[None]) -> None:
            self._busy.discard(conversation_id)
            self._wake.set()

        task.add_done_callback(done)

    async def _attempt(self, conversation_id: str) -> None:
        """One attempt; whatever prevents it, there will be another."""
        desk = self._desk
        if desk is None:
            return
        pause = 0.0
        try:
            async with self.lock(conversation_id):
                await self._bring_up(desk, conversation_id)
        except DeliveryDeferred as error:
            pause = error.retry_after or DOUBT_SECONDS
        except SlackLater as error:
            pause = error.after or AWAY_SECONDS
            self._pacer.close(f"post:{desk.channel}", pause)
            if not isinstance(error, SlackRateLimited):
                self.trouble = "away"
        except SlackUnknown:
            pause, self.trouble = DOUBT_SECONDS, "away"
        except SlackError as error:
            if self.trouble != error.code:
                log.warning("Slack refuses the desk's card: %s", error.code)
            pause, self.trouble = REFUSED_SECONDS, error.code
        except StoreUnavailable:
            pause = STORE_SECONDS
        except Exception:
            log.exception("the card of %s could not be brought up to date", conversation_id)
            pause = REFUSED_SECONDS
        if pause:
            self._again(conversation_id, pause)

    def _again(self, conversation_id: str, seconds: float) -> None:
        timer = self._timers.pop(conversation_id, None)
        if timer is not None:
            timer.cancel()

        def look() -> None:
            self._timers.pop(conversation_id, None)
            self.look(conversation_id)

        loop = asyncio.get_running_loop()
        self._timers[conversation_id] = loop.call_later(min(seconds, 60.0), look)

    async def _bring_up(self, desk: Desk, conversation_id: str) -> None:
        self._open.add(conversation_id)
        brought = await self._step.bring_up(desk, conversation_id)
        if not brought.open:
            self._open.discard(conversation_id)
        self._seen[conversation_id] = brought.seq
