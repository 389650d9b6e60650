"""Accounts, tokens, links and sessions as records, and their documents in the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.accounts.roles import OWN, Origin, Role, User

Document = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A user as stored: the public part, and the secrets that prove who they are."""

    user: User
    password: str  #: argon2id hash, "" when they have none
    created_at: datetime
    seen_at: datetime | None
    stamp: int = 0  #: sessions and links carry it; another one voids all that were made before
    password_origin: Origin = OWN  #: of the session in which the password was set
    slack_origin: Origin = OWN  #: of whoever bound the Slack identity
    issuer: str = ""  #: the OpenID provider that knows them by `subject`; "" before the first time
    subject: str = ""
    leaving: datetime | None = None  #: when somebody began to remove them, or their role of admin


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiToken:
    """A token as it is listed; the token itself is known to its owner only."""

    id: str
    user_id: str
    name: str
    scope: Role | None  #: acts with at most this role; None is of older versions
    created_at: datetime
    expires_at: datetime | None
    origin: Origin = OWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A sign-in link; the link itself is known to whoever was given it."""

    id: str  #: hash of its secret
    user_id: str
    expires_at: datetime
    stamp: int
    origin: Origin = OWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A browser that is signed in."""

    id: str  #: hash of the cookie
    user_id: str
    created_at: datetime
    last_at: datetime  #: last activity
    address: str
    browser: str
    stamp: int = 0
    origin: Origin = OWN


def account_of(document: Mapping[str, Any]) -> Account:
    """The account as stored."""
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
        stamp=document.get("stamp") or 0,
        password_origin=origin_of(document, "password_"),
        slack_origin=origin_of(document, "slack_"),
        issuer=document.get("issuer", ""),
        subject=document.get("subject", ""),
        leaving=document.get("leaving"),
    )


def token_of(document: Mapping[str, Any]) -> ApiToken:
    """The token as stored."""
    return ApiToken(
        id=document["_id"],
        user_id=document["user_id"],
        name=document["name"],
        scope=Role(document["scope"]) if document["scope"] else None,
        created_at=document["created_at"],
        expires_at=document["expires_at"],
        origin=origin_of(document),
    )


def token_document(token: ApiToken) -> Document:
    """As it is stored."""
    return {
        "_id": token.id,
        "user_id": token.user_id,
        "name": token.name,
        "scope": token.scope.value if token.scope else None,
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        **origin_fields(token.origin),
    }


def link_of(document: Mapping[str, Any]) -> Link:
    """The link as stored."""
    return Link(
        id=document["_id"],
        user_id=document["user_id"],
        expires_at=document["expires_at"],
        stamp=document.get("stamp") or 0,
        origin=origin_of(document),
    )


def link_document(link: Link) -> Document:
    """As it is stored."""
    return {
        "_id": link.id,
        "user_id": link.user_id,
        "expires_at": link.expires_at,
        "used_at": None,
        "stamp": link.stamp,
        **origin_fields(link.origin),
    }


def session_of(document: Mapping[str, Any]) -> Session:
    """The session as stored."""
    return Session(
        id=document["_id"],
        user_id=document["user_id"],
        created_at=document["created_at"],
        last_at=document["last_at"],
        address=document["address"],
        browser=document["browser"],
        stamp=document.get("stamp") or 0,
        origin=origin_of(document),
    )


def session_document(session: Session) -> Document:
    """As it is stored."""
    return {
        "_id": session.id,
        "user_id": session.user_id,
        "created_at": session.created_at,
        "last_at": session.last_at,
        "address": session.address,
        "browser": session.browser,
        "stamp": session.stamp,
        **origin_fields(session.origin),
    }


def origin_of(document: Mapping[str, Any], prefix: str = "") -> Origin:
    """What `origin_fields` has written."""
    return Origin(
        users=tuple(document.get(f"{prefix}by_users", ())),
        tokens=tuple(document.get(f"{prefix}by_tokens", ())),
    )


def origin_fields(origin: Origin, prefix: str = "") -> Document:
    """The origin as fields beside others."""
    return {f"{prefix}by_users": list(origin.users), f"{prefix}by_tokens": list(origin.tokens)}
