"""Promotes and demotes topics; each step is stored with its reason and author."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from approvals.autonomy.topics import HISTORY, Change, Level, Topic, TopicChanged, TopicStore
from approvals.learning.evidence import Bound
from core.accounts.audit.log import Audit
from core.clock import Clock

log = logging.getLogger(__name__)

TRIES = 10  #: at a topic that others change at the same moment


class Promotion:
    """The topics that have ever been promoted; all others are at the cold start."""

    def __init__(
        self, store: TopicStore, *, audit: Audit, clock: Clock, changed: Callable[[], None]
    ) -> None:
        """`changed` is called after each change of ours."""
        self._store = store
        self._changed = changed
        self._audit = audit
        self._clock = clock
        self._topics: dict[str, Topic] = {}

    async def start(self) -> None:
        """Read where they stand."""
        for topic in await self._store.topics():
            # What we have changed while it was read is newer.
            if topic.rev >= self.topic(topic.name).rev:
                self._topics[topic.name] = topic

    @property
    def moved(self) -> Collection[str]:
        """The names of those that ever moved."""
        return self._topics.keys()

    def topic(self, name: str) -> Topic:
        """Where it stands."""
        return self._topics.get(name) or Topic(name=name)

    async def promote(self, name: str, earned: Bound, *, by: str) -> Topic:
        """Let the topic go by what it has earned."""
        why = f"{earned.wrong:g} wrong of {earned.sent:g}, at most {earned.bound:.1%}"
        topic = await self.move(
            name, Level.EARNED, by=by, why=why, threshold=earned.threshold, keeps_evidence=True
        )
        log.info("%r goes out alone from %.3f on: %s", name, earned.threshold, why)
        return topic

    async def decline(self, name: str, *, by: str, weight: float) -> None:
        """Remember that a proposal resting on so much evidence was not wanted."""
        await self._change(name, lambda topic: replace(topic, declined=weight))
        await self._audit.record(who=by, what="autonomy.decline", subject=name)

    async def move(
        self,
        name: str,
        level: Level,
        *,
        by: str,
        why: str,
        threshold: float = 1.0,
        keeps_evidence: bool = False,
    ) -> Topic:
        """Put it on this level; `by` is "" for the system."""
        now = self._clock.now()
        change = Change(at=now, by=by, level=level, threshold=threshold, why=why)
        before, after = await self._change(
            name,
            lambda topic: replace(
                topic,
                level=level,
                threshold=threshold,
                # What was lost has to be earned anew.
                since=topic.since if keeps_evidence else now,
                declined=0.0,
                history=(*topic.history, change)[-HISTORY:],
            ),
        )
        await self._audit.record(
            who=by or "system",
            what="autonomy.change",
            subject=name,
            before=_plain(before),
            after={**_plain(after), "why": why},
        )
        return after

    async def _change(self, name: str, change: Callable[[Topic], Topic]) -> tuple[Topic, Topic]:
        """The topic before and after; another process may change it at the same moment."""
        for _ in range(TRIES):
            before = self.topic(name)
            try:
                after = await self._store.save(change(before))
            except TopicChanged:
                self._topics[name] = await self._store.topic(name)
                continue
            self._topics[name] = after
            self._changed()
            return before, after
        raise TopicChanged


def _plain(topic: Topic) -> Mapping[str, object]:
    return {"level": topic.level.value, "threshold": topic.threshold}
