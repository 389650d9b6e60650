"""Where every topic stands, and its steps up and down: each is stored, told why and by whom."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import replace

from approvals.trust.evidence import Bound
from approvals.trust.topics import HISTORY, Change, Level, Topic, TopicStore
from core.accounts.audit import Audit
from core.clock import Clock

log = logging.getLogger(__name__)


class Ladder:
    """The topics that ever moved; all others are at the cold start."""

    def __init__(self, store: TopicStore, *, audit: Audit, clock: Clock) -> None:
        self._store = store
        self._audit = audit
        self._clock = clock
        self._topics: dict[str, Topic] = {}

    async def start(self) -> None:
        """Read where they stand."""
        self._topics = {topic.name: topic for topic in await self._store.topics()}

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
        await self._save(replace(self.topic(name), declined=weight))
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
        before = self.topic(name)
        now = self._clock.now()
        change = Change(at=now, by=by, level=level, threshold=threshold, why=why)
        after = replace(
            before,
            level=level,
            threshold=threshold,
            # What was lost has to be earned anew.
            since=before.since if keeps_evidence else now,
            declined=0.0,
            history=(*before.history, change)[-HISTORY:],
        )
        await self._save(after)
        await self._audit.record(
            who=by or "system",
            what="autonomy.change",
            subject=name,
            before=_plain(before),
            after={**_plain(after), "why": why},
        )
        return after

    async def _save(self, topic: Topic) -> None:
        await self._store.save(topic)
        self._topics[topic.name] = topic


def _plain(topic: Topic) -> Mapping[str, object]:
    return {"level": topic.level.value, "threshold": topic.threshold}
