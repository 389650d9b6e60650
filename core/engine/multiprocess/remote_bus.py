"""The bus between processes: what others do is shown to our listeners, and ours to theirs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection

from core.clock import Clock
from core.cluster.hints import Body, Hints
from core.engine.bus import LocalBus
from core.engine.multiprocess.keeper import Keeper
from core.engine.ports import Ownership, Signal
from core.engine.repository import Change, Conversations
from core.engine.store.commit_log import MongoCommitLog
from core.errors import StoreUnavailable

log = logging.getLogger(__name__)

GATHER_SECONDS = 0.01  #: news that comes within it is read together
POLL_SECONDS = 5.0  #: between two looks into the log while hints come; they may get lost one by one
POLL_SECONDS_WITHOUT = 1.0  #: and while none come
BLIND_POLLS = 5  #: of them, after which whoever listens to everything reads it all again
WHOLE_SECONDS = 0.5  #: between two times that a growing answer is told as a whole
READ_AT_ONCE = 16


class RemoteBus:
    """Tells other processes what happens here, and the listeners here what happens there.

    A commit never travels: a hint names it, and whoever has somebody who listens reads the log.
    Growing answers and typing travel, because they are kept nowhere.
    """

    def __init__(
        self,
        hints: Hints,
        *,
        bus: LocalBus,
        conversations: Conversations,
        commit_log: MongoCommitLog,
        ownership: Ownership,
        keeper: Keeper,
        typed: Callable[[str], None],
        clock: Clock,
        follows: Collection[str] = (),
    ) -> None:
        """`typed` is called when a customer types in a conversation that is ours.

        What happens in those that it `follows` is read though nobody listens there.
        """
        self._follows = follows
        self._hints = hints
        self._bus = bus
        self._conversations = conversations
        self._commit_log = commit_log
        self._ownership = ownership
        self._keeper = keeper
        self._typed = typed
        self._clock = clock
        self._news: dict[str, int] = {}  #: conversations, with the first number that is new
        self._is_new = asyncio.Event()
        self._blind_polls = 0
        self._grown: dict[str, str] = {}  #: our growing answers, as far as others were told
        self._whole_at: dict[str, float] = {}
        conversations.on_commit(self._committed)
        conversations.on_signal(self._signalled)
        hints.on("commit", self._commit_elsewhere)
        hints.on("look", self._look_wanted)
        hints.on("typing", self._typing_elsewhere)
        hints.on("delta", self._delta_elsewhere)
        hints.on_back(bus.missed)

    def wake(self, conversation_id: str) -> None:
        """Somebody here wants it to be looked after: if that is not ours to do, tell its owner."""
        if not self._ownership.owns(conversation_id):
            known = self._conversations.known(conversation_id)
            self._hints.say("look", {"c": conversation_id, "n": known})

    async def run(self) -> None:
        """Read what is new for our listeners, until cancelled."""
        polled_at = self._clock.monotonic()
        while True:
            pause = POLL_SECONDS if self._hints.is_up else POLL_SECONDS_WITHOUT
            try:
                async with asyncio.timeout(max(polled_at + pause - self._clock.monotonic(), 0)):
                    await self._is_new.wait()
            except TimeoutError:
                pass
            else:
                await asyncio.sleep(GATHER_SECONDS)
            try:
                if self._clock.monotonic() - polled_at >= pause:
                    polled_at = self._clock.monotonic()
                    await self._poll()
                await self._read_news()
            except StoreUnavailable:
                await asyncio.sleep(POLL_SECONDS_WITHOUT)
            except Exception:
                log.exception("what happens elsewhere could not be shown")
                await asyncio.sleep(POLL_SECONDS_WITHOUT)

    async def _poll(self) -> None:
        heard = list({*self._bus.heard(), *self._follows})
        places = {one: known for one in heard if (known := self._conversations.known(one))}
        self._bus.missed(one for one in heard if one not in places)
        for conversation_id in await self._commit_log.newer(places):
            self._news.setdefault(conversation_id, places[conversation_id] + 1)
        if self._hints.is_up:
            self._blind_polls = 0
            return
        # Whoever follows everything looks for it anew, now and then.
        self._blind_polls += 1
        if self._blind_polls % BLIND_POLLS == 0:
            self._bus.missed(())

    async def _read_news(self) -> None:
        self._is_new.clear()
        while self._news:
            batch = dict(list(self._news.items())[:READ_AT_ONCE])
            await asyncio.gather(*(self._read(one, new) for one, new in batch.items()))
            for conversation_id, new in batch.items():
                if self._news.get(conversation_id) == new:
                    del self._news[conversation_id]

    async def _read(self, conversation_id: str, new: int) -> None:
        """Have the bus tell of what is new; what is remembered of it is brought up beside."""
        if self._conversations.known(conversation_id):
            self._conversations.doubt(conversation_id)
            await self._conversations.peek(conversation_id)
        else:
            for commit in await self._conversations.history(conversation_id, after=new - 1):
                self._bus.publish(commit)

    def _committed(self, change: Change) -> None:
        assert change.commit is not None
        self._grown.pop(change.after.id, None)
        if not change.found:
            commit = change.commit
            body = {"c": commit.conversation_id, "b": commit.base, "n": commit.last}
            self._hints.say("commit", body)

    def _commit_elsewhere(self, body: Body) -> None:
        conversation_id, base, last = str(body["c"]), int(body["b"]), int(body["n"])
        self._keeper.take_up(conversation_id, last)
        if self._bus.is_heard(conversation_id) or conversation_id in self._follows:
            self._news.setdefault(conversation_id, base)
            self._is_new.set()
        else:
            self._bus.grown(conversation_id)  # whoever saw it grow has gone

    def _look_wanted(self, body: Body) -> None:
        self._conversations.doubt(str(body["c"]))
        self._keeper.take_up(str(body["c"]), int(body["n"]))

    def _signalled(self, signal: Signal) -> None:
        one = signal.conversation_id
        if signal.kind == "typing":
            if signal.text == "ai":
                self._grown.pop(one, None)
            self._hints.say("typing", {"c": one, "t": signal.text})
        elif signal.kind == "delta":
            before, now = self._grown.get(one, ""), self._clock.monotonic()
            self._grown[one] = grown = before + signal.text
            if not before or now - self._whole_at.get(one, 0.0) < WHOLE_SECONDS:
                self._hints.say("delta", {"c": one, "o": len(before), "t": signal.text})
                self._whole_at.setdefault(one, now)
            else:
                self._whole_at[one] = now
                self._hints.say("delta", {"c": one, "o": 0, "t": grown})
            if len(self._whole_at) > 2 * len(self._grown) + 100:
                self._whole_at = {c: at for c, at in self._whole_at.items() if c in self._grown}

    def _typing_elsewhere(self, body: Body) -> None:
        one, who = str(body["c"]), str(body["t"])
        if who == "customer" and self._ownership.owns(one):
            self._typed(one)
        self._bus.publish(Signal(conversation_id=one, kind="typing", text=who))

    def _delta_elsewhere(self, body: Body) -> None:
        one, offset, text = str(body["c"]), int(body["o"]), str(body["t"])
        if not self._bus.is_heard(one):
            return
        shown = self._bus.growing(one)
        if offset > len(shown):
            return  # a piece before it got lost; the whole comes in a moment
        if not (shown[:offset] + text).startswith(shown):
            self._bus.publish(Signal(conversation_id=one, kind="typing", text="ai"))
            shown = ""
        if rest := (shown[:offset] + text)[len(shown) :]:
            self._bus.publish(Signal(conversation_id=one, kind="delta", text=rest))
