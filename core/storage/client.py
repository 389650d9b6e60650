"""Connections to MongoDB, the embedded one or the operator's own."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable
from contextlib import AbstractContextManager
from typing import Any, TypeVar

import pymongo
import pymongo.lock
import pymongo.network_layer
import pymongo.pool_shared
from pymongo import AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import ConfigurationError, InvalidURI, OperationFailure, PyMongoError

from core.errors import SetupError

DATABASE = "contact_center"  #: unless the URI names another one
SELECT_SECONDS = 5.0
OPERATION_SECONDS = 10.0  #: for one operation, tries included; a half-open connection hangs longer

Document = dict[str, Any]
Database = AsyncDatabase[Document]
MongoCollection = AsyncCollection[Document]


T = TypeVar("T")


async def wait_for(awaited: Awaitable[T], timeout: float | None) -> T:
    """`asyncio.wait_for` as Python 3.12 has it: in the task that waits, not in one beside it."""
    async with asyncio.timeout(timeout):
        return await awaited


class _Asyncio:
    """The module `asyncio` with our `wait_for`, for a module of the driver."""

    wait_for = staticmethod(wait_for)

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)


if sys.version_info < (3, 12):
    # The driver waits on conditions by `asyncio.wait_for`. In Python 3.11 that is a task of its
    # own, which takes the condition's lock again when it ends; if whoever waits is cancelled in
    # that moment, nobody ever gives the lock back and the whole client stands still for good:
    # so it happened to a store that was written anew while its users were stopped.
    setattr(pymongo.lock, "wait_for", wait_for)  # noqa: B010 - it is not exported
    # It also forgets that somebody was cancelled, where what they wait for is done in the same turn
    # of the loop: a stream that had to end went on, a time limit did not hold. So it is with every
    # word that the driver writes to the server while an operation has a time limit.
    for module in (pymongo.network_layer, pymongo.pool_shared):
        setattr(module, "asyncio", _Asyncio())  # noqa: B010 - as above


def connect(uri: str) -> AsyncMongoClient[Document]:
    """A client that speaks UTC and waits `SELECT_SECONDS` for a server that is away.

    What it writes is acknowledged once a majority has it in the journal, and what it reads can no
    longer be rolled back: nobody acts on a message that may vanish with a primary. That is said
    here and not left to a server, whose own default is less where a set has an arbiter. The
    embedded server syncs every commit by itself, so its address says `journal=false`.
    An operation has `OPERATION_SECONDS`, unless it is `unhurried`.

    Raises SetupError when the URI cannot be understood.
    """
    options: dict[str, Any] = {"journal": True} if "journal=" not in uri else {}
    if "appname=" not in uri.lower():
        options["appname"] = "contact-center-os"
    try:
        return AsyncMongoClient(
            uri,
            tz_aware=True,
            uuidRepresentation="standard",
            serverSelectionTimeoutMS=int(SELECT_SECONDS * 1000),
            connectTimeoutMS=int(SELECT_SECONDS * 1000),
            timeoutMS=int(OPERATION_SECONDS * 1000),
            w="majority",
            readConcernLevel="majority",
            readPreference="primary",
            retryWrites=True,
            retryReads=True,
            **options,
        )
    except (InvalidURI, ConfigurationError, ValueError, TypeError) as error:
        raise SetupError(f"MONGODB_URI cannot be used: {_first_line(error)}") from error


def unhurried() -> AbstractContextManager[None]:
    """Operations inside take as long as they take: indexes, whole collections."""
    return pymongo.timeout(0)


def refuse_weaker(uri: str) -> None:
    """Raise SetupError for an operator's URI that asks for less than `connect` promises.

    What cannot be honoured is better refused than ignored.
    """
    from pymongo.uri_parser import parse_uri

    try:
        options = parse_uri(uri, validate=False)["options"]
    except Exception:  # `connect` says what is wrong with it
        return
    if options.get("directConnection"):
        options.pop("journal", None)  # one server alone, which may sync every commit by itself
    promised = {
        "w": ("majority",),
        "journal": (True, "true"),
        "retryWrites": (True, "true"),
        "retryReads": (True, "true"),
        "readConcernLevel": ("majority",),
        "readPreference": ("primary",),
    }
    for name, values in promised.items():
        if name in options and options[name] not in values:
            raise SetupError(
                f"MONGODB_URI: {name}={options[name]} would let what was acknowledged be lost or "
                "not be found; leave it out."
            )


async def open_database(uri: str) -> Database:
    """The database the URI names, once it has answered.

    Raises SetupError when the server is not there or does not let us in.
    """
    client = connect(uri)
    try:
        await client.admin.command("ping")
        return client.get_default_database(default=DATABASE)
    except OperationFailure as error:
        await client.close()
        raise SetupError(f"MONGODB_URI: the server refuses us: {_first_line(error)}") from error
    except (PyMongoError, ValueError) as error:
        await client.close()
        where = ", ".join(f"{host}:{port}" for host, port in sorted(_hosts(uri)))
        raise SetupError(
            f"MONGODB_URI: no MongoDB answers at {where or 'that address'} "
            f"within {SELECT_SECONDS:.0f} s."
        ) from error


def _hosts(uri: str) -> set[tuple[str, int | None]]:
    from pymongo.uri_parser import parse_uri

    try:
        return set(parse_uri(uri, validate=False)["nodelist"])
    except Exception:  # an SRV name that does not resolve, most likely
        return set()


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0].split(", full error:", 1)[0]
