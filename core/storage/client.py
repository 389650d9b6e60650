"""Connections to MongoDB, the embedded one or the operator's own."""

from __future__ import annotations

from typing import Any

from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import ConfigurationError, InvalidURI, OperationFailure, PyMongoError

from core.errors import SetupError

DATABASE = "contact_center"  #: unless the URI names another one
SELECT_SECONDS = 5.0

Document = dict[str, Any]
Database = AsyncDatabase[Document]


def connect(uri: str) -> AsyncMongoClient[Document]:
    """A client that speaks UTC and waits `SELECT_SECONDS` for a server that is away.

    Raises SetupError when the URI cannot be understood.
    """
    try:
        return AsyncMongoClient(
            uri,
            tz_aware=True,
            uuidRepresentation="standard",
            serverSelectionTimeoutMS=int(SELECT_SECONDS * 1000),
            connectTimeoutMS=int(SELECT_SECONDS * 1000),
            appname="contact-center-os",
        )
    except (InvalidURI, ConfigurationError, ValueError, TypeError) as error:
        raise SetupError(f"MONGODB_URI cannot be used: {_first_line(error)}") from error


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
