"""Members and leases in MongoDB: where the processes of one installation meet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pymongo
from pymongo import UpdateOne
from pymongo.errors import BulkWriteError, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from core.cluster.model import FREE, Lease, Member, Role, Unreachable
from core.errors import SetupError, StoreUnavailable
from core.storage.client import Database, Document
from core.storage.stored_format import admit, agree
from core.storage.writes import DUPLICATE_KEY

MEMBERS = "members"
LEASES = "leases"
SECONDS = 2.0  #: for one call; a beat that takes longer is worth nothing


class MongoClusterStore:
    """`core.cluster.model.ClusterStore` over two collections, all of it by majority.

    What a stale primary says is harmless: everything that is decided by it is a compare-and-set,
    and no majority confirms that to a primary which has been replaced.
    """

    def __init__(self, db: Database) -> None:
        by_majority: dict[str, Any] = {
            "read_concern": ReadConcern("majority"),
            "write_concern": WriteConcern(w="majority", j=True),
            "read_preference": pymongo.ReadPreference.PRIMARY,
        }
        self._db = db
        self._members = db[MEMBERS].with_options(**by_majority)
        self._leases = db[LEASES].with_options(**by_majority)

    async def join(self, member: Member) -> None:
        """See `core.cluster.model.ClusterStore.join`."""
        with _in_time():
            await self._members.insert_one(member_to_document(member))
            try:
                # After it has joined: whoever agrees on more from now on sees it.
                await admit(self._db)
            except SetupError:
                await self._members.delete_one({"_id": member.id})
                raise

    async def agree(self, schema: int) -> None:
        """See `core.cluster.model.ClusterStore.agree`."""
        with _in_time():
            await agree(self._db, schema)

    async def beat(self, member_id: str) -> bool:
        """See `core.cluster.model.ClusterStore.beat`."""
        with _in_time():
            done = await self._members.update_one(
                {"_id": member_id, "alive": True}, {"$inc": {"beat": 1}}
            )
        return done.matched_count == 1

    async def members(self) -> Sequence[Member]:
        """See `core.cluster.model.ClusterStore.members`."""
        with _in_time():
            found = await self._members.find({}).to_list()
        return [member_from_document(document) for document in found]

    async def bury(self, member_id: str, *, beat: int) -> bool:
        """See `core.cluster.model.ClusterStore.bury`."""
        with _in_time():
            await self._members.update_one(
                {"_id": member_id, "beat": beat, "alive": True}, {"$set": {"alive": False}}
            )
            found = await self._members.find_one({"_id": member_id})
        return found is None or not found["alive"]

    async def remove(self, member_id: str) -> None:
        """See `core.cluster.model.ClusterStore.remove`."""
        with _in_time():
            await self._members.delete_one({"_id": member_id})

    async def leases(self) -> Mapping[str, Lease]:
        """See `core.cluster.model.ClusterStore.leases`."""
        with _in_time():
            found = await self._leases.find({}).to_list()
        return {one["_id"]: Lease(owner=one["owner"], fence=one["fence"]) for one in found}

    async def take(self, seen: Mapping[str, Lease], member_id: str) -> None:
        """See `core.cluster.model.ClusterStore.take`."""
        await self._change({key: (one, member_id, one.fence + 1) for key, one in seen.items()})

    async def release(self, held: Mapping[str, Lease]) -> None:
        """See `core.cluster.model.ClusterStore.release`."""
        await self._change({key: (one, "", one.fence) for key, one in held.items()})

    async def _change(self, changes: Mapping[str, tuple[Lease, str, int]]) -> None:
        writes = [
            UpdateOne(
                {"_id": key, "owner": seen.owner, "fence": seen.fence},
                {"$set": {"owner": owner, "fence": fence}},
                # One that nobody ever took has no document; that somebody was faster collides.
                upsert=seen == FREE,
            )
            for key, (seen, owner, fence) in changes.items()
        ]
        if not writes:
            return
        with _in_time():
            try:
                await self._leases.bulk_write(writes, ordered=False)
            except BulkWriteError as error:
                if error.details.get("writeConcernErrors"):
                    raise
                if any(one["code"] != DUPLICATE_KEY for one in error.details["writeErrors"]):
                    raise


def member_to_document(member: Member) -> Document:
    """The member as it is stored."""
    return {
        "_id": member.id,
        "role": member.role.value,
        "host": member.host,
        "pid": member.pid,
        "version": member.version,
        "schema": member.schema,
        "oldest": member.oldest,
        "secret": member.secret,
        "url": member.url,
        "started_at": member.started_at,
        "beat": member.beat,
        "alive": member.alive,
    }


def member_from_document(document: Document) -> Member:
    """The inverse of `member_to_document`."""
    fields = {name: value for name, value in document.items() if name in Member.__slots__}
    return Member(**{**fields, "id": document["_id"], "role": Role(document["role"])})


@contextmanager
def _in_time() -> Iterator[None]:
    try:
        with pymongo.timeout(SECONDS):
            yield
    except (PyMongoError, StoreUnavailable) as error:
        raise Unreachable(str(error)) from error
