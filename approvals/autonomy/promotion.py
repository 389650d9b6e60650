"""Promotes and demotes topics; each step is stored with its reason and author."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from datetime import datetime

from approvals.autonomy.topics import Change, Level, Topic, TopicChanged, TopicStore
from approvals.learning.evidence import Bound
from core.accounts.audit.log import Audit
from core.clock import Clock
from core.errors import BadInput

log = logging.getLogger(__name__)

TRIES = 10  #: at a topic that others change at the same moment
NOT_NOW = "not now"  #: why, of a proposal that was declined
UNDONE = "undone"  #: why, of a change that takes the one before it back


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
        now = self._clock.now()

        def declined(topic: Topic) -> Topic:
            change = Change(
                at=now, by=by, level=topic.level, threshold=topic.threshold, why=NOT_NOW
            )
            return topic.changed(change, declined=weight)

        await self._change(name, declined)
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
            lambda topic: topic.changed(
                change,
                level=level,
                threshold=threshold,
                # What was lost has to be earned anew.
                since=topic.since if keeps_evidence else now,
                declined=0.0,
            ),
        )
        await self._record(before, after, by=by, why=why)
        return after

    def last_change(self) -> tuple[str, Change] | None:
        """The newest change of any topic that can be undone, and the topic's name."""
        newest = [
            (topic.name, topic.history[-1])
            for topic in self._topics.values()
            if topic.history and topic.history[-1].before is not None
        ]
        return max(newest, key=lambda named: named[1].at, default=None)

    async def undo(self, name: str, at: datetime, *, by: str) -> Topic:
        """Put the topic back to where it stood before its newest change, which was made at `at`.

        What was known before counts again. An undoing is a change, and can be undone. Raises
        BadInput where the newest change is another one meanwhile.
        """
        now = self._clock.now()

        def back(topic: Topic) -> Topic:
            last = topic.history[-1] if topic.history else None
            if last is None or last.before is None or last.at != at:
                raise BadInput("Something else has changed here meanwhile; look again.")
            was = last.before
            change = Change(at=now, by=by, level=was.level, threshold=was.threshold, why=UNDONE)
            return topic.changed(
                change,
                level=was.level,
                threshold=was.threshold,
                since=was.since,
                declined=was.declined,
            )

        before, after = await self._change(name, back)
        await self._record(before, after, by=by, why=UNDONE)
        return after

    async def _record(self, before: Topic, after: Topic, *, by: str, why: str) -> None:
        await self._audit.record(
            who=by or "system",
            what="autonomy.change",
            subject=after.name,
            before=_plain(before),
            after={**_plain(after), "why": why},
        )

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
