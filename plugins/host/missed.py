"""Fetches what customers wrote while a channel was down, once each, in order."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

from core.clock import Clock
from plugins.registry.store import PluginStore

MARGIN = timedelta(minutes=10)  #: between our clock and the vendor's, and for what is on its way
LONGEST = timedelta(days=7)  #: what is older is nobody's question any more


class Fetches(Protocol):
    """The port to a channel whose vendor can be asked."""

    async def fetch_missed(self, since: datetime) -> None:
        """See `core.sdk.channel.FetchesMissed`."""
        ...


class Missed:
    """The time up to which all messages of a channel are known to be stored; kept in the store."""

    def __init__(self, plugin_id: str, *, store: PluginStore, clock: Clock) -> None:
        self._id = plugin_id
        self._store = store
        self._clock = clock

    async def fetch(self, channel: Fetches) -> None:
        """Take in what came since the last time this succeeded.

        Raises as the channel does, and StoreUnavailable; then the next call begins as early.
        """
        now = self._clock.now()
        until = await self._store.heard_until(self._id) or now
        await channel.fetch_missed(max(until - MARGIN, now - LONGEST))
        await self._store.put_heard_until(self._id, now)
