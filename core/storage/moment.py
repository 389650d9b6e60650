"""Reads a database as it was at one moment, while others go on writing to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import OperationFailure

from core.errors import SetupError
from core.storage.client import Database, unhurried
from core.storage.errors import store_errors

RAW: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)
BATCH = 200  #: documents read at once; more, and whoever writes waits for us
#: The server's codes for: no snapshots here, not outside a transaction, no transactions at all.
_UNSUPPORTED = (20, 72, 246, 263)


class Moment:
    """A snapshot read of a database: every query is answered as of one moment."""

    def __init__(self, db: Database, session: AsyncClientSession) -> None:
        self._db = db
        self._session = session

    def documents(self, name: str) -> AsyncIterator[RawBSONDocument]:
        """Every document of a collection, as its bytes."""
        return self._raw(name).find({}, session=self._session, batch_size=BATCH)

    async def keys(self, name: str) -> AsyncIterator[object]:
        """The `_id` of every document."""
        found = self._db[name].find({}, {"_id": 1}, session=self._session, batch_size=BATCH * 10)
        async for document in found:
            yield document["_id"]

    def chosen(self, name: str, keys: list[object]) -> AsyncIterator[RawBSONDocument]:
        """The documents with these keys that there are."""
        return self._raw(name).find({"_id": {"$in": keys}}, session=self._session)

    def _raw(self, name: str) -> AsyncCollection[RawBSONDocument]:
        return self._db[name].with_options(RAW)


@asynccontextmanager
async def moment(db: Database) -> AsyncIterator[Moment]:
    """This moment, for as long as the server keeps it: some minutes.

    Raises SetupError where the server cannot do it, StoreUnavailable when it does not answer or
    has forgotten the moment.
    """
    with store_errors(), unhurried():
        if await _keeps_moments(db):
            async with db.client.start_session(snapshot=True) as session:
                yield Moment(db, session)
            return
        # The embedded server reads snapshots in transactions only.
        async with db.client.start_session() as session:
            await session.start_transaction()
            if not await _answers(db, session):
                raise SetupError(
                    "This MongoDB is a single server, which cannot be read as of one moment; make"
                    " it a replica set of one (rs.initiate), or back it up by its own means."
                )
            try:
                yield Moment(db, session)
            finally:
                if session.in_transaction:
                    await session.abort_transaction()


async def _keeps_moments(db: Database) -> bool:
    """Whether a session of this server may read as of one moment.

    Tried, not asked: the embedded server as a member of a set takes such a session, names a time,
    and reads what is new all the same.
    """
    mark = {"_id": "moment"}
    try:
        async with db.client.start_session(snapshot=True) as session:
            before = await db["meta"].find_one(mark, session=session)
            await db["meta"].update_one(mark, {"$inc": {"version": 1}}, upsert=True)
            return before == await db["meta"].find_one(mark, session=session)
    except OperationFailure as error:
        if error.code in _UNSUPPORTED:
            return False
        raise


async def _answers(db: Database, session: AsyncClientSession) -> bool:
    try:
        await db["meta"].find_one({}, session=session)
    except OperationFailure as error:
        if error.code in _UNSUPPORTED:
            return False
        raise
    return True
