"""Staff, their tokens, links and sessions as documents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError, PyMongoError

from core.accounts.rules import Role, User
from core.errors import StoreUnavailable

Document = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A user as stored: what others may see of him, and what proves that it is him."""

    user: User
    password: str  #: argon2id hash, "" when he has none
    created_at: datetime
    seen_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiToken:
    """A token as it is listed; the token itself is known to its owner only."""

    id: str
    user_id: str
    name: str
    scope: Role | None  #: acts with at most this role
    created_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A browser that is signed in."""

    id: str  #: hash of the cookie
    user_id: str
    created_at: datetime
    last_at: datetime  #: last activity
    address: str
    browser: str


class AccountStore:
    """The collections `users`, `api_tokens`, `sign_in_links` and `sessions`."""

    def __init__(self, db: AsyncDatabase[Document]) -> None:
        self._users = db["users"]
        self._tokens = db["api_tokens"]
        self._links = db["sign_in_links"]
        self._sessions = db["sessions"]

    async def accounts(self) -> list[Account]:
        """Everybody, by e-mail."""
        with _store():
            found = await self._users.find({}).to_list()
        return sorted((_account(d) for d in found), key=lambda a: a.user.email)

    async def account(self, user_id: str) -> Account | None:
        """By id."""
        with _store():
            return _maybe(await self._users.find_one({"_id": user_id}))

    async def account_by_email(self, email: str) -> Account | None:
        """By e-mail address, in lower case."""
        with _store():
            return _maybe(await self._users.find_one({"email": email}))

    async def account_by_slack_id(self, slack_id: str) -> Account | None:
        """By Slack user id."""
        with _store():
            return _maybe(await self._users.find_one({"slack_id": slack_id}))

    async def insert(self, user: User, *, at: datetime) -> bool:
        """Add the user; False when the address is taken."""
        document = {
            "_id": user.id,
            "email": user.email,
            "role": user.role.value,
            "name": user.name,
            "slack_id": user.slack_id,
            "password": "",
            "created_at": at,
            "seen_at": None,
        }
        try:
            with _store():
                await self._users.insert_one(document)
        except DuplicateKeyError:
            return False
        return True

    async def change(
        self, user_id: str, fields: Mapping[str, Any], *, role: Role | None = None
    ) -> bool:
        """Set fields; with `role`, only while it is still that. False when nobody fits."""
        condition: Document = {"_id": user_id}
        if role is not None:
            condition["role"] = role.value
        with _store():
            result = await self._users.update_one(condition, {"$set": dict(fields)})
        return result.matched_count == 1

    async def remove(self, user_id: str) -> bool:
        """Remove the user and everything that lets him in; False when he was gone."""
        with _store():
            gone = await self._users.delete_one({"_id": user_id})
            await self._tokens.delete_many({"user_id": user_id})
            await self._links.delete_many({"user_id": user_id})
            await self._sessions.delete_many({"user_id": user_id})
        return gone.deleted_count == 1

    async def insert_token(self, token: ApiToken) -> None:
        """Keep an API token's hash (its id)."""
        with _store():
            await self._tokens.insert_one(
                {
                    "_id": token.id,
                    "user_id": token.user_id,
                    "name": token.name,
                    "scope": token.scope.value if token.scope else None,
                    "created_at": token.created_at,
                    "expires_at": token.expires_at,
                }
            )

    async def token(self, token_id: str) -> ApiToken | None:
        """By hash."""
        with _store():
            found = await self._tokens.find_one({"_id": token_id})
        return _token(found) if found else None

    async def tokens(self, user_id: str) -> list[ApiToken]:
        """A user's tokens, newest first."""
        with _store():
            found = await self._tokens.find({"user_id": user_id}).to_list()
        return sorted((_token(d) for d in found), key=lambda t: t.created_at, reverse=True)

    async def remove_token(self, token_id: str, *, user_id: str) -> bool:
        """Withdraw a token; False when that user has no such token."""
        with _store():
            gone = await self._tokens.delete_one({"_id": token_id, "user_id": user_id})
        return gone.deleted_count == 1

    async def insert_link(self, link_id: str, *, user_id: str, expires_at: datetime) -> None:
        """Keep a sign-in link's hash."""
        with _store():
            await self._links.insert_one(
                {"_id": link_id, "user_id": user_id, "expires_at": expires_at, "used_at": None}
            )

    async def use_link(self, link_id: str, *, at: datetime) -> str:
        """Whose link this is, "" when it is unknown, too old or used; only one caller gets it."""
        with _store():
            taken = await self._links.update_one(
                {"_id": link_id, "used_at": None, "expires_at": {"$gt": at}},
                {"$set": {"used_at": at}},
            )
            if taken.matched_count != 1:
                return ""
            found = await self._links.find_one({"_id": link_id})
        return str(found["user_id"]) if found else ""

    async def insert_session(self, session: Session) -> None:
        """Keep a session."""
        with _store():
            await self._sessions.insert_one(
                {
                    "_id": session.id,
                    "user_id": session.user_id,
                    "created_at": session.created_at,
                    "last_at": session.last_at,
                    "address": session.address,
                    "browser": session.browser,
                }
            )

    async def session(self, session_id: str) -> Session | None:
        """By the cookie's hash."""
        with _store():
            found = await self._sessions.find_one({"_id": session_id})
        return _session(found) if found else None

    async def sessions(self, user_id: str) -> list[Session]:
        """A user's sessions, the latest activity first."""
        with _store():
            found = await self._sessions.find({"user_id": user_id}).to_list()
        return sorted((_session(d) for d in found), key=lambda s: s.last_at, reverse=True)

    async def renew_session(self, session_id: str, *, at: datetime) -> None:
        """There was activity."""
        with _store():
            await self._sessions.update_one({"_id": session_id}, {"$set": {"last_at": at}})

    async def remove_sessions(
        self, *, session_id: str = "", user_id: str = "", but: str = ""
    ) -> None:
        """End one session, or all of a user's `but` this one."""
        with _store():
            if session_id:
                await self._sessions.delete_one({"_id": session_id})
            if user_id:
                await self._sessions.delete_many({"user_id": user_id, "_id": {"$ne": but}})

    async def sweep(self, *, sessions_before: datetime, links_before: datetime) -> None:
        """Forget sessions and links that ended before these times."""
        with _store():
            await self._sessions.delete_many({"last_at": {"$lt": sessions_before}})
            await self._links.delete_many({"expires_at": {"$lt": links_before}})


@contextmanager
def _store() -> Iterator[None]:
    try:
        yield
    except DuplicateKeyError:
        raise
    except PyMongoError as error:
        raise StoreUnavailable from error


def _maybe(document: Document | None) -> Account | None:
    return _account(document) if document else None


def _account(document: Document) -> Account:
    return Account(
        user=User(
            id=document["_id"],
            email=document["email"],
            role=Role(document["role"]),
            name=document.get("name", ""),
            slack_id=document.get("slack_id", ""),
        ),
        password=document.get("password", ""),
        created_at=document["created_at"],
        seen_at=document.get("seen_at"),
    )


def _token(document: Document) -> ApiToken:
    return ApiToken(
        id=document["_id"],
        user_id=document["user_id"],
        name=document["name"],
        scope=Role(document["scope"]) if document["scope"] else None,
        created_at=document["created_at"],
        expires_at=document["expires_at"],
    )


def _session(document: Document) -> Session:
    return Session(
        id=document["_id"],
        user_id=document["user_id"],
        created_at=document["created_at"],
        last_at=document["last_at"],
        address=document["address"],
        browser=document["browser"],
    )
