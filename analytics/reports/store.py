"""The store of reports: each is made and sent once, however many processes there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson

from core.clock import Clock
from core.storage.client import MongoCollection
from core.storage.errors import KeyTaken, store_errors
from core.web.http.responses import dumps

LEASE = timedelta(minutes=5)  #: after which a process that claimed a report counts as dead


class ReportStore:
    """`_id` is "daily:2026-11-21"; its uniqueness is what sends only once."""

    def __init__(self, collection: MongoCollection, *, clock: Clock) -> None:
        self._collection = collection
        self._clock = clock

    async def claim(self, report_id: str, *, late: bool) -> dict[str, Any] | None:
        """The report's document if it is ours to make and send, None if somebody else does."""
        now = self._clock.now()
        new = {"_id": report_id, "state": "claimed", "at": now, "late": late, "steps": []}
        try:
            with store_errors():
                await self._collection.insert_one(new)
        except KeyTaken:
            return await self._take_over(report_id, now)
        return new

    async def _take_over(self, report_id: str, now: datetime) -> dict[str, Any] | None:
        with store_errors():
            known = await self._collection.find_one({"_id": report_id})
            if known is None or known["state"] == "sent" or known["at"] > now - LEASE:
                return None
            done = await self._collection.update_one(
                {"_id": report_id, "state": "claimed", "at": known["at"]}, {"$set": {"at": now}}
            )
        return _opened(known) if done.modified_count else None

    async def note(self, report_id: str, step: str) -> None:
        """This step begins, or is done: whoever takes over does not repeat it."""
        await self._set(report_id, {"$push": {"steps": step}})

    async def keep(
        self, report_id: str, report: Mapping[str, Any], sources: Sequence[Mapping[str, Any]]
    ) -> None:
        """What it says, and whose questions it holds."""
        # As text: titles and names of models make poor names of fields.
        kept = {
            "json": dumps(report).decode(),
            "conversations": report["conversations"],
            "asked": [dict(source) for source in sources],
        }
        await self._set(report_id, {"$set": kept})

    async def posted(self, report_id: str, *, channel: str, thread: str) -> None:
        """Where Slack shows it."""
        await self._set(report_id, {"$set": {"slack": {"channel": channel, "thread": thread}}})

    async def shown(self, report_id: str) -> None:
        """Slack shows it as it is now."""
        await self._set(report_id, {"$unset": {"stale": ""}})

    async def redrawn(
        self, report_id: str, report: Mapping[str, Any], sources: Sequence[Mapping[str, Any]]
    ) -> None:
        """It says this now; Slack still shows what it said."""
        await self.keep(report_id, report, sources)
        await self._set(report_id, {"$set": {"stale": True}})

    async def stale(self) -> list[dict[str, Any]]:
        """The reports that Slack does not show as they are."""
        with store_errors():
            found = await self._collection.find({"stale": True}).to_list()
        return [d for d in map(_opened, found) if d is not None]

    async def kept(self) -> list[dict[str, Any]]:
        """Every report that says something; "report" in it is what it says."""
        with store_errors():
            found = await self._collection.find({}).to_list()
        return [d for d in map(_opened, found) if d is not None and "report" in d]

    async def finish(self, report_id: str) -> None:
        """It has been sent wherever it should go."""
        await self._set(report_id, {"$set": {"state": "sent", "sent_at": self._clock.now()}})

    async def get(self, report_id: str) -> dict[str, Any] | None:
        """The document; "report" in it is what it says."""
        with store_errors():
            return _opened(await self._collection.find_one({"_id": report_id}))

    async def list(self) -> list[dict[str, Any]]:
        """Every report without its numbers, newest day first."""
        fields = {"state": 1, "late": 1, "at": 1, "sent_at": 1, "conversations": 1}
        with store_errors():
            found = await self._collection.find({}, fields).to_list()
        return sorted(found, key=lambda d: d["_id"].partition(":")[2], reverse=True)

    async def _set(self, report_id: str, change: Mapping[str, Any]) -> None:
        with store_errors():
            await self._collection.update_one({"_id": report_id}, change)


def _opened(document: dict[str, Any] | None) -> dict[str, Any] | None:
    if document is not None and document.get("json"):
        document["report"] = orjson.loads(document["json"])
    return document
