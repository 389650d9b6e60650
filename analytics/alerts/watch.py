"""Watches the figures once a minute, and tells what is above its limit and what is over."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Protocol

import numpy as np

from analytics.alerts.model import Limits, Telling, Watched, look, newest
from analytics.alerts.store import Alerts, AlertStore, Waiting
from analytics.facts.model import Kind
from analytics.facts.periods import Period
from analytics.queries.service import Analytics, QueueLength
from core.accounts.audit.log import Audit
from core.accounts.roles import Action, User
from core.clock import Clock
from core.errors import BadInput, ContactCenterError

log = logging.getLogger(__name__)

EVERY = timedelta(minutes=1)
BOUNCES_WITHIN = timedelta(hours=1)
RATINGS_WITHIN = timedelta(hours=24)
POOR = 2  #: a rating up to this is a bad one
STALE = timedelta(hours=1)  #: after which nobody is told any more what could not be told
GREATEST = 100_000.0  #: limit that makes sense

LongestWait = Callable[[], Awaitable[float]]
"""For how many seconds the draft that waits longest has waited; 0 where none waits."""


class Carrier(Protocol):
    """A way to the supervisors."""

    @property
    def name(self) -> str:
        """ "slack" or "mail"."""
        ...

    async def where(self) -> str:
        """The address, "" while there is none."""
        ...

    async def tell(self, telling: Telling, *, again: bool) -> None:
        """Carry it; `again` after an attempt that may have worked. Raises ContactCenterError."""
        ...


class Watch:
    """Looks, remembers and tells; one process of many does it."""

    def __init__(
        self,
        store: AlertStore,
        *,
        analytics: Analytics,
        queue_length: QueueLength,
        longest_wait: LongestWait,
        carriers: Sequence[Carrier],
        audit: Audit,
        clock: Clock,
    ) -> None:
        self._store = store
        self._analytics = analytics
        self._queue_length = queue_length
        self._longest_wait = longest_wait
        self._carriers = carriers
        self._audit = audit
        self._clock = clock

    async def tick(self) -> None:
        """One look. Raises StoreUnavailable, and the next look makes up for it."""
        known = await self._store.load()
        if not known.limits.limits and not known.over and not known.waits:
            return
        now = self._clock.now()
        over, told = look(known.limits.limits, known.over, await self.values(), now)
        if told or over != known.over:
            fresh = [Waiting(telling=one, to=await self._to(known.limits)) for one in told]
            known = Alerts(
                limits=known.limits,
                over=over,
                told=newest([*told, *known.told]),
                waits=[*known.waits, *fresh],
            )
            # Before the first word: whoever comes after us must not tell it again.
            await self._store.note(known.over, known.told, known.waits)
        if known.waits:
            fresh_ids = {one.id for one in told}
            left = [
                await self._carried(w, again=w.telling.id not in fresh_ids) for w in known.waits
            ]
            await self._store.note(known.over, known.told, [w for w in left if w is not None])

    async def values(self) -> dict[Watched, float]:
        """The figures as they are now."""
        now, zone = self._clock.now(), self._analytics.zone
        hour = Period(start=now - BOUNCES_WITHIN, end=now, zone=zone)
        day = Period(start=now - RATINGS_WITHIN, end=now, zone=zone)
        ratings = (await self._analytics.counting(day)).of(Kind.RATED)["value"]
        return {
            Watched.QUEUE: await self._queue_length(),
            Watched.WAIT: await self._longest_wait() / 60,
            Watched.BOUNCES: (await self._analytics.counting(hour)).count(Kind.UNDELIVERED),
            Watched.RATINGS: int(np.count_nonzero(ratings <= POOR)),
        }

    async def standing(self, user: User) -> Alerts:
        """The limits, what lasts and what was told."""
        user.require(Action.ALERTS_CHANGE)
        return await self._store.load()

    async def places(self) -> dict[str, str]:
        """Where each carrier would tell it now, "" for nowhere."""
        return {carrier.name: await carrier.where() for carrier in self._carriers}

    async def change(self, user: User, limits: Limits) -> None:
        """These limits hold from now on. Raises BadInput."""
        user.require(Action.ALERTS_CHANGE)
        if any(not 0 <= limit <= GREATEST for limit in limits.limits.values()):
            raise BadInput(f"A limit is a number from 0 to {GREATEST:,.0f}.")
        before = (await self._store.load()).limits
        await self._store.set_limits(limits)
        await self._audit.record(
            who=user.email,
            what="alerts.change",
            subject="alerts",
            before=_plain(before),
            after=_plain(limits),
        )

    async def _to(self, limits: Limits) -> tuple[str, ...]:
        wanted = {"slack": limits.slack, "mail": limits.mail}
        return tuple([c.name for c in self._carriers if wanted[c.name] and await c.where()])

    async def _carried(self, waiting: Waiting, *, again: bool) -> Waiting | None:
        """What is left to do of it."""
        telling = waiting.telling
        left = []
        for carrier in self._carriers:
            if carrier.name not in waiting.to:
                continue
            try:
                if await carrier.where():
                    await carrier.tell(telling, again=again)
            except ContactCenterError as error:
                log.warning("an alert was not told by %s: %s", carrier.name, error.detail)
                left.append(carrier.name)
        if not left or self._clock.now() - telling.at > STALE:
            return None
        return Waiting(telling=telling, to=tuple(left))


def _plain(limits: Limits) -> dict[str, object]:
    return {
        **{name.value: limit for name, limit in limits.limits.items()},
        "slack": limits.slack,
        "mail": limits.mail,
    }
