"""The collections `sources` (one document a source) and `source_documents` (its rows)."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from core.errors import NotFound
from core.storage.client import Document, MongoCollection, unhurried
from core.storage.errors import KeyTaken, store_errors
from plugins.registry.store import ChangedMeanwhile
from plugins.sources.model import SILENT, ConfiguredSource, Counts, Row, SourceState

_OURS = ("_id", "state", "revision")
AT_ONCE = 100  #: rows of one request


class SourceStore:
    """The sources that are set up; their settings change by compare-and-set on the revision."""

    def __init__(self, collection: MongoCollection) -> None:
        self._collection = collection

    async def all(self) -> list[ConfiguredSource]:
        """Every source, by id. Raises StoreUnavailable."""
        with store_errors():
            found = await self._collection.find({}).to_list()
        return sorted(map(_source, found), key=lambda one: one.id)

    async def get(self, source_id: str) -> ConfiguredSource:
        """One of them. Raises NotFound, StoreUnavailable."""
        with store_errors():
            found = await self._collection.find_one({"_id": source_id})
        if found is None:
            raise NotFound(f"There is no source {source_id!r}.")
        return _source(found)

    async def put(self, source: ConfiguredSource) -> ConfiguredSource:
        """Store its settings as the next revision; the state stays.

        Raises ChangedMeanwhile when it was not the newest, or when a new one's id is taken.
        """
        document = {k: v for k, v in asdict(source).items() if k not in ("id", "state")}
        document |= {"revision": source.revision + 1}
        document |= {"vouched": list(source.vouched), "private_hosts": list(source.private_hosts)}
        try:
            with store_errors():
                if not source.revision:
                    state = asdict(source.state)
                    await self._collection.insert_one(
                        {"_id": source.id, **document, "state": state}
                    )
                else:
                    result = await self._collection.update_one(
                        {"_id": source.id, "revision": source.revision}, {"$set": document}
                    )
                    if not result.matched_count:
                        raise ChangedMeanwhile("Somebody else changed this source meanwhile.")
        except KeyTaken as error:
            raise ChangedMeanwhile(f"There is a source {source.id!r} already.") from error
        return replace(source, revision=source.revision + 1)

    async def put_sealed(
        self, source: ConfiguredSource, sealed: Mapping[str, str], *, hook: str
    ) -> None:
        """The same secrets, sealed otherwise. Raises ChangedMeanwhile."""
        with store_errors():
            result = await self._collection.update_one(
                {"_id": source.id, "revision": source.revision},
                {"$set": {"sealed": dict(sealed), "hook": hook}},
            )
        if not result.matched_count:
            raise ChangedMeanwhile("Somebody else changed this source meanwhile.")

    async def remove(self, source_id: str) -> None:
        """Forget it."""
        with store_errors():
            await self._collection.delete_one({"_id": source_id})

    async def ask(self, source_id: str, *, by: str) -> None:
        """Somebody wants a sync now. Raises NotFound."""
        with store_errors():
            result = await self._collection.update_one(
                {"_id": source_id}, {"$set": {"state.asked": True, "state.asked_by": by}}
            )
        if not result.matched_count:
            raise NotFound(f"There is no source {source_id!r}.")

    async def claim(self, source_id: str, run: str, *, at: datetime) -> bool:
        """Begin a sync, unless one runs; whether it is ours."""
        free = {"$or": [{"state.run": ""}, {"state.beat": {"$lt": at - SILENT}}]}
        with store_errors():
            result = await self._collection.update_one(
                {"_id": source_id, **free},
                {
                    "$set": {
                        "state.run": run,
                        "state.beat": at,
                        "state.done": 0,
                        "state.asked": False,
                        "state.started_at": at,
                    }
                },
            )
        return bool(result.matched_count)

    async def beat(self, source_id: str, run: str, *, done: int, at: datetime) -> bool:
        """The sync still runs; False when it is not ours any more."""
        with store_errors():
            result = await self._collection.update_one(
                {"_id": source_id, "state.run": run},
                {"$set": {"state.beat": at, "state.done": done}},
            )
        return bool(result.matched_count)

    async def ended(self, source_id: str, run: str, state: Mapping[str, Any]) -> None:
        """The sync has ended, and this is to be remembered of it."""
        with store_errors():
            await self._collection.update_one(
                {"_id": source_id, "state.run": run},
                {"$set": {"state.run": "", **{f"state.{k}": v for k, v in state.items()}}},
            )

    async def note(self, source_id: str, state: Mapping[str, Any]) -> None:
        """Remember this of its state, whether a sync runs or not."""
        with store_errors():
            await self._collection.update_one(
                {"_id": source_id}, {"$set": {f"state.{k}": v for k, v in state.items()}}
            )

    async def break_off(self) -> None:
        """No sync runs: whoever ran one has ended. They are begun anew."""
        with store_errors():
            broken = [d["_id"] async for d in self._collection.find({}) if d["state"].get("run")]
            for one in broken:
                await self._collection.update_one(
                    {"_id": one}, {"$set": {"state.run": "", "state.asked": True}}
                )


class SourceRows:
    """The documents of every source; what was read of each stands beside its row's figures."""

    def __init__(self, collection: MongoCollection) -> None:
        self._collection = collection

    async def of(self, source_id: str) -> list[Row]:
        """All rows of a source, by address."""
        with store_errors(), unhurried():
            found = await self._collection.find({"source": source_id}, {"reading": 0}).to_list()
        return sorted(map(_row, found), key=lambda row: row.address)

    async def readings(
        self, source_id: str, addresses: Collection[str]
    ) -> Mapping[str, Mapping[str, Any]]:
        """What was read of these documents last, as `core.rag.reading.wire` writes it."""
        ids = [_id(source_id, address) for address in addresses]
        found: list[Document] = []
        for at in range(0, len(ids), AT_ONCE):
            query = {"_id": {"$in": ids[at : at + AT_ONCE]}}
            with store_errors():
                found += await self._collection.find(query, {"address": 1, "reading": 1}).to_list()
        return {d["address"]: d["reading"] for d in found if d.get("reading")}

    async def put(self, row: Row, *, reading: Mapping[str, Any] | None = None) -> None:
        """Write a row; without `reading` what was read of it stays."""
        document = {**asdict(row), "waits": list(row.waits)}
        if reading is not None:
            document["reading"] = dict(reading)
        with store_errors():
            await self._collection.update_one(
                {"_id": _id(row.source, row.address)}, {"$set": document}, upsert=True
            )

    async def seen(self, row: Row, *, run: str) -> None:
        """This sync has seen it, as it was."""
        changed = {"run": run, "memo": row.memo, "why": row.why}
        with store_errors():
            await self._collection.update_one(
                {"_id": _id(row.source, row.address)}, {"$set": changed}
            )

    async def gone(self, source_id: str, *, run: str) -> None:
        """Whatever this sync has not seen is not there any more."""
        query = {"source": source_id, "run": {"$ne": run}}
        with store_errors(), unhurried():
            await self._collection.delete_many({**query, "applied": ""})
            # Nothing is known of what is gone: where it comes back, it is read again.
            emptied = {"found": "", "raw": "", "etag": "", "modified": "", "memo": ""}
            await self._collection.update_many(query, {"$set": emptied})

    async def applied(self, rows: Sequence[Row]) -> None:
        """The knowledge says what these rows say."""
        for row in rows:
            key = {"_id": _id(row.source, row.address)}
            with store_errors():
                if row.found:
                    now: Document = {"applied": row.found, "waits": [], "refused": None}
                    await self._collection.update_one(key, {"$set": now})
                else:
                    await self._collection.delete_one({**key, "found": ""})

    async def refuse(self, rows: Sequence[Row]) -> None:
        """A person does not want what these rows say, until they say something else."""
        for row in rows:
            with store_errors():
                await self._collection.update_one(
                    {"_id": _id(row.source, row.address)},
                    {"$set": {"refused": row.found, "waits": []}},
                )

    async def wait(self, source_id: str, waits: Mapping[str, Sequence[str]]) -> None:
        """These wait, for these reasons, and no others of this source."""
        with store_errors():
            await self._collection.update_many(
                {"source": source_id, "waits": {"$ne": []}}, {"$set": {"waits": []}}
            )
        for address, reasons in waits.items():
            with store_errors():
                await self._collection.update_one(
                    {"_id": _id(source_id, address)}, {"$set": {"waits": list(reasons)}}
                )

    async def forget(self, source_id: str) -> None:
        """Forget every document of a source."""
        with store_errors(), unhurried():
            await self._collection.delete_many({"source": source_id})


def _id(source_id: str, address: str) -> str:
    return f"{source_id}:{hashlib.blake2b(address.encode(), digest_size=16).hexdigest()}"


def _row(document: Mapping[str, Any]) -> Row:
    fields = {k: v for k, v in document.items() if k not in ("_id", "reading")}
    return Row(**{**fields, "waits": tuple(document.get("waits", ()))})


def _source(document: Mapping[str, Any]) -> ConfiguredSource:
    state = dict(document["state"])
    fields = {k: v for k, v in document.items() if k not in _OURS}
    fields |= {
        "vouched": tuple(document["vouched"]),
        "private_hosts": tuple(document["private_hosts"]),
    }
    return ConfiguredSource(
        id=document["_id"],
        revision=document["revision"],
        state=SourceState(**{**state, "counts": Counts(**state["counts"])}),
        **fields,
    )
