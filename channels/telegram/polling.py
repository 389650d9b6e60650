"""Takes a bot's updates by long polling: one owner a token, confirmed only when stored."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from channels.telegram.errors import PollConflict
from core.clock import Clock
from core.errors import ChannelNotReady, DeliveryDeferred, StoreUnavailable
from core.runtime.backoff import Backoff
from core.sdk.plugin import Lease

CONFLICTS = 4  #: a poll of our own that was just cut off may conflict once or twice
FAILURES = 3  #: then the host is told, and tries with a growing pause
STORE_BACKOFF = Backoff(0.5, 10.0)  #: while the store is away
QUIET_SECONDS = 86_400.0  #: after so long Telegram may begin its numbers anew, anywhere

Update = dict[str, Any]


class Pulls(Protocol):
    """The port to Telegram's updates."""

    async def updates(self, offset: int | None) -> list[Update]:
        """The next updates; an offset confirms all before it."""
        ...


class Poller:
    """The loop that takes updates; ends only by an error or by being cancelled."""

    def __init__(
        self,
        *,
        api: Pulls,
        take: Callable[[Update], Awaitable[None]],
        clock: Clock,
        lease: Lease,
        key: str,
        logger: logging.Logger,
    ) -> None:
        self._api = api
        self._take = take
        self._clock = clock
        self._lease = lease
        self._key = key
        self._logger = logger

    async def run(self) -> None:
        """Poll whenever the lease is ours.

        Raises ChannelNotReady (with the reason an admin can act on) and ChannelAuthFailed.
        """
        while True:
            async with self._lease.hold(self._key) as ours:
                if ours:
                    await self._poll()
            await self._clock.sleep(2.0)

    async def _poll(self) -> None:
        offset: int | None = None
        heard_at = self._clock.monotonic()
        conflicts = failures = 0
        while True:
            try:
                updates = await self._api.updates(offset)
            except PollConflict as error:
                conflicts += 1
                if conflicts >= CONFLICTS:
                    raise ChannelNotReady(
                        "Another program takes this bot's messages (Telegram: "
                        f"{error.detail}). Stop it, or give this desk a bot of its own."
                    ) from error
                await self._clock.sleep(2.0)
                continue
            except DeliveryDeferred as error:
                await self._clock.sleep(error.retry_after or 1.0)
                continue
            except ChannelNotReady:
                failures += 1
                if failures >= FAILURES:
                    raise
                await self._clock.sleep(float(failures))
                continue
            conflicts = failures = 0
            if updates:
                heard_at = self._clock.monotonic()
                await self._store(updates)
                # The last one, not the largest: nobody promises an order for ever.
                offset = int(updates[-1].get("update_id", 0)) + 1
            elif self._clock.monotonic() - heard_at > QUIET_SECONDS:
                offset = None
            else:
                # A server that answers at once with nothing must not be asked in a tight circle.
                await self._clock.sleep(0.05)

    async def _store(self, updates: Sequence[Update]) -> None:
        failures = 0
        waiting = list(updates)
        while waiting:
            results = await asyncio.gather(
                *(self._in_order(chat) for chat in _by_chat(waiting)), return_exceptions=True
            )
            for result in results:
                if isinstance(result, BaseException):
                    raise result
            waiting = [update for left in results if isinstance(left, list) for update in left]
            if waiting:
                self._logger.warning("The store is down; %d updates wait.", len(waiting))
                failures += 1
                await self._clock.sleep(STORE_BACKOFF.after(failures))

    async def _in_order(self, updates: Sequence[Update]) -> list[Update]:
        """Take in one chat's updates; gives what could not be stored yet."""
        for index, update in enumerate(updates):
            try:
                await self._take(update)
            except StoreUnavailable:
                return list(updates[index:])
            except Exception:
                # One update that we cannot take must not hold up all that come after it.
                self._logger.exception("An update could not be taken in and is left out.")
        return []


def _by_chat(updates: Sequence[Update]) -> list[list[Update]]:
    chats: dict[object, list[Update]] = {}
    for update in updates:
        body = next((value for value in update.values() if isinstance(value, dict)), {})
        message = body.get("message") if isinstance(body.get("message"), dict) else body
        chat = message.get("chat") if isinstance(message, dict) else None
        chats.setdefault(chat.get("id") if isinstance(chat, dict) else None, []).append(update)
    return list(chats.values())
