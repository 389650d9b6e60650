"""The store of staff accounts, tokens, links and sessions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from core.accounts.records import (
    Account,
    ApiToken,
    Document,
    Link,
    Session,
    account_of,
    link_document,
    link_of,
    origin_fields,
    session_document,
    session_of,
    token_document,
    token_of,
)
from core.accounts.roles import OWN, Role, User
from core.storage.client import Database
from core.storage.errors import KeyTaken, store_errors

NO_PASSWORD: Mapping[str, Any] = {"password": "", **origin_fields(OWN, "password_")}
NO_SLACK: Mapping[str, Any] = {"slack_id": "", **origin_fields(OWN, "slack_")}


class AccountStore:
    """The collections `users`, `api_tokens`, `sign_in_links`, `used_states` and `sessions`."""

    def __init__(self, db: Database) -> None:
        self._users = db["users"]
        self._tokens = db["api_tokens"]
        self._links = db["sign_in_links"]
        self._sessions = db["sessions"]
        self._used_states = db["used_states"]

    async def accounts(self) -> list[Account]:
        """Everybody, by e-mail."""
        with store_errors():
            found = await self._users.find({}).to_list()
        return sorted((account_of(d) for d in found), key=lambda a: a.user.email)

    async def account(self, user_id: str) -> Account | None:
        """By id."""
        with store_errors():
            return _maybe(await self._users.find_one({"_id": user_id}))

    async def account_by_email(self, email: str) -> Account | None:
        """By e-mail address, in lower case."""
        with store_errors():
            return _maybe(await self._users.find_one({"email": email}))

    async def account_by_slack_id(self, slack_id: str) -> Account | None:
        """By Slack user id."""
        with store_errors():
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
            with store_errors():
                await self._users.insert_one(document)
        except KeyTaken:
            return False
        return True

    async def change(
        self,
        user_id: str,
        fields: Mapping[str, Any],
        *,
        role: Role | None = None,
        stamp: int | None = None,
        anew: bool = False,
    ) -> bool:
        """Set fields; with `role` and `stamp`, only while they are that. False when nobody fits.

        `anew` gives a new stamp in the same write: sessions and links made before are void.
        """
        condition: Document = {"_id": user_id}
        if role is not None:
            condition["role"] = role.value
        if stamp is not None:
            # Accounts of older versions have none.
            condition["stamp"] = stamp or {"$in": [0, None]}
        change: Document = {"$set": dict(fields)} if fields else {}
        if anew:
            change["$inc"] = {"stamp": 1}
        with store_errors():
            result = await self._users.update_one(condition, change)
        return result.matched_count == 1

    async def bind_provider(
        self, user_id: str, *, issuer: str, subject: str, instead_of: str
    ) -> bool:
        """Know the user by this identity; False when another was bound meanwhile."""
        # Accounts of older versions have none.
        before = instead_of or {"$in": ["", None]}
        with store_errors():
            result = await self._users.update_one(
                {"_id": user_id, "issuer": before},
                {"$set": {"issuer": issuer, "subject": subject}},
            )
        return result.matched_count == 1

    async def remove(self, user_id: str) -> bool:
        """Remove the user, everything that lets them in, and what they let others in by.

        False when they were gone.
        """
        with store_errors():
            gone = await self._users.delete_one({"_id": user_id})
            for one in (self._tokens, self._links, self._sessions):
                await one.delete_many({"user_id": user_id})
                await one.delete_many({"by_users": user_id})
        return gone.deleted_count == 1

    async def forget_origin(self, user_id: str, roles: Sequence[Role]) -> None:
        """Passwords and Slack identities that people with these roles have through this user."""
        of_these = {"role": {"$in": [role.value for role in roles]}}
        with store_errors():
            await self._users.update_many(
                {"password_by_users": user_id, **of_these}, {"$set": dict(NO_PASSWORD)}
            )
            await self._users.update_many(
                {"slack_by_users": user_id, **of_these}, {"$set": dict(NO_SLACK)}
            )

    async def insert_token(self, token: ApiToken) -> None:
        """Keep an API token's hash (its id)."""
        with store_errors():
            await self._tokens.insert_one(token_document(token))

    async def token(self, token_id: str) -> ApiToken | None:
        """By hash."""
        with store_errors():
            found = await self._tokens.find_one({"_id": token_id})
        return token_of(found) if found else None

    async def tokens(self, user_id: str = "") -> list[ApiToken]:
        """A user's tokens, or everybody's; newest first."""
        with store_errors():
            found = await self._tokens.find({"user_id": user_id} if user_id else {}).to_list()
        return sorted((token_of(d) for d in found), key=lambda t: t.created_at, reverse=True)

    async def remove_token(self, token_id: str) -> bool:
        """Withdraw a token and whatever was made by it; False when there is none."""
        with store_errors():
            gone = await self._tokens.delete_one({"_id": token_id})
            for one in (self._tokens, self._links, self._sessions):
                await one.delete_many({"by_tokens": token_id})
        return gone.deleted_count == 1

    async def remove_tokens(self, user_id: str) -> None:
        """Withdraw all of a user's tokens and whatever was made by them."""
        for token in await self.tokens(user_id):
            await self.remove_token(token.id)

    async def cap_tokens(self, user_id: str, role: Role) -> None:
        """The user's tokens act with at most this role, whatever they become."""
        more = [other.value for other in Role if not role.includes(other)]
        with store_errors():
            await self._tokens.update_many(
                {"user_id": user_id, "scope": {"$in": [None, *more]}},
                {"$set": {"scope": role.value}},
            )

    async def insert_link(self, link: Link) -> None:
        """Keep a sign-in link's hash (its id)."""
        with store_errors():
            await self._links.insert_one(link_document(link))

    async def use_link(self, link_id: str, *, at: datetime) -> Link | None:
        """The link, None when it is unknown, too old or used; only one caller gets it."""
        with store_errors():
            taken = await self._links.update_one(
                {"_id": link_id, "used_at": None, "expires_at": {"$gt": at}},
                {"$set": {"used_at": at}},
            )
            if taken.matched_count != 1:
                return None
            found = await self._links.find_one({"_id": link_id})
        return link_of(found) if found else None

    async def use_state(self, state_id: str, *, ends_at: datetime) -> bool:
        """Whether this state comes back from a provider for the first time."""
        try:
            with store_errors():
                await self._used_states.insert_one({"_id": state_id, "ends_at": ends_at})
        except KeyTaken:
            return False
        return True

    async def remove_links(self, user_id: str) -> None:
        """Forget all of a user's links."""
        with store_errors():
            await self._links.delete_many({"user_id": user_id})

    async def insert_session(self, session: Session) -> None:
        """Keep a session."""
        with store_errors():
            await self._sessions.insert_one(session_document(session))

    async def session(self, session_id: str) -> Session | None:
        """By the cookie's hash."""
        with store_errors():
            found = await self._sessions.find_one({"_id": session_id})
        return session_of(found) if found else None

    async def sessions(self, user_id: str) -> list[Session]:
        """A user's sessions, the latest activity first."""
        with store_errors():
            found = await self._sessions.find({"user_id": user_id}).to_list()
        return sorted((session_of(d) for d in found), key=lambda s: s.last_at, reverse=True)

    async def renew_session(self, session_id: str, *, at: datetime) -> None:
        """There was activity."""
        with store_errors():
            await self._sessions.update_one({"_id": session_id}, {"$set": {"last_at": at}})

    async def keep_session(self, session_id: str, *, stamp: int) -> None:
        """This session goes on under the account's new stamp."""
        with store_errors():
            await self._sessions.update_one({"_id": session_id}, {"$set": {"stamp": stamp}})

    async def remove_sessions(
        self, *, session_id: str = "", user_id: str = "", but: str = ""
    ) -> None:
        """End one session, or all of a user's `but` this one."""
        with store_errors():
            if session_id:
                await self._sessions.delete_one({"_id": session_id})
            if user_id:
                await self._sessions.delete_many({"user_id": user_id, "_id": {"$ne": but}})

    async def sweep(
        self,
        *,
        idle_since: datetime,
        opened_before: datetime,
        links_before: datetime,
        states_before: datetime,
    ) -> None:
        """Forget sessions without activity or too old, links and states that ended before."""
        with store_errors():
            await self._sessions.delete_many({"last_at": {"$lt": idle_since}})
            await self._sessions.delete_many({"created_at": {"$lt": opened_before}})
            await self._links.delete_many({"expires_at": {"$lt": links_before}})
            await self._used_states.delete_many({"ends_at": {"$lt": states_before}})


def _maybe(document: Document | None) -> Account | None:
    return account_of(document) if document else None
