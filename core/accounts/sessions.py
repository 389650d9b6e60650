"""Authenticates staff by API token or browser session, and ends expired sessions."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from core.accounts.origins import Origins
from core.accounts.records import Session
from core.accounts.roles import OWN, Origin, User
from core.accounts.secrets import TOKEN_PREFIX, new_token, same, token_hash
from core.accounts.store import AccountStore
from core.clock import Clock

OnEnded = Callable[[str, str], None]
"""Takes the id of a user and of a session."""

RENEW_SHARE = 120  #: activity is written down at most this many times per idle period
LONGEST = 43_200.0  #: seconds after which a session ends however busy it is


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A browser session that is valid now."""

    id: str  #: of the session's record; the cookie itself is not kept
    user: User
    csrf: str  #: what a write from this session must carry
    since: datetime | None = None  #: when they signed in; None where nobody knows
    seconds_left: float = LONGEST  #: before it ends, whatever they do


class StaffAccess:
    """Authenticates staff; asks the store each time, so a lost role is lost at once."""

    def __init__(
        self,
        store: AccountStore,
        *,
        secret_key: str,
        idle_seconds: float,
        clock: Clock,
        previous_key: str = "",
        longest_seconds: float = LONGEST,
    ) -> None:
        self._store = store
        self._origins = Origins(store, clock=clock)
        keys = filter(None, (secret_key, previous_key))
        self._keys = [hmac.digest(key.encode(), b"csrf token", "sha256") for key in keys]
        self._idle = timedelta(seconds=idle_seconds)
        self._longest = timedelta(seconds=longest_seconds)
        self._clock = clock
        self._on_ended: list[OnEnded] = []

    def on_ended(self, callback: OnEnded) -> None:
        """Call this with the user's and the session's id ("" for all of theirs) when they end."""
        self._on_ended.append(callback)

    def ended(self, *, user_id: str = "", session_id: str = "") -> None:
        """What the user may has changed, or a session is over: whatever is open has to end."""
        for callback in self._on_ended:
            callback(user_id, session_id)

    async def by_token(self, token: str) -> User | None:
        """Whose API token this is; None for an unknown, expired or withdrawn one."""
        if not token.startswith(TOKEN_PREFIX):
            return None
        known = await self._store.token(token_hash(token))
        if known is None or (known.expires_at and known.expires_at <= self._clock.now()):
            return None
        account = await self._store.account(known.user_id)
        if account is None:
            return None
        role = account.user.role
        if known.scope is not None and not known.scope.includes(role):
            role = known.scope
        if not await self._origins.hold(known.origin, role):
            return None
        # Whatever is made by this token has the token in its origin, and ends with it.
        return replace(account.user, role=role, origin=known.origin.through(tokens=(known.id,)))

    async def by_session(self, cookie: str, *, is_activity: bool) -> SignedIn | None:
        """The session behind the cookie, None when it is over; activity renews its time."""
        session = await self._store.session(token_hash(cookie))
        if session is None:
            return None
        now = self._clock.now()
        left = self._longest - (now - session.created_at)
        if now - session.last_at >= self._idle or left <= timedelta(0):
            await self.close(session.id)
            return None
        account = await self._store.account(session.user_id)
        if account is None:
            return None
        user = replace(account.user, origin=session.origin, stamp=session.stamp)
        if account.stamp != session.stamp or not await self._origins.hold(user.origin, user.role):
            await self.close(session.id)
            return None
        if is_activity and now - session.last_at >= self._idle / RENEW_SHARE:
            await self._store.renew_session(session.id, at=now)
            await self._store.change(user.id, {"seen_at": now})
        return SignedIn(
            id=session.id,
            user=user,
            csrf=_csrf(self._keys[0], session.id),
            since=session.created_at,
            seconds_left=left.total_seconds(),
        )

    def is_csrf_token(self, session: SignedIn, token: str) -> bool:
        """Whether this is the session's own token."""
        return any(same(_csrf(key, session.id), token) for key in self._keys)

    async def open(
        self,
        user: User,
        *,
        address: str,
        browser: str,
        origin: Origin = OWN,
        stamp: int | None = None,
    ) -> str:
        """A new session; gives the cookie, which is not stored.

        `stamp` is the account's at the moment when the user proved who they are; None: now.
        """
        if stamp is None:
            account = await self._store.account(user.id)
            stamp = account.stamp if account else 0
        cookie = new_token()
        now = self._clock.now()
        await self._store.insert_session(
            Session(
                id=token_hash(cookie),
                user_id=user.id,
                created_at=now,
                last_at=now,
                address=address,
                browser=browser[:200],
                stamp=stamp,
                origin=origin,
            )
        )
        await self._store.change(user.id, {"seen_at": now})
        return cookie

    async def close(self, session_id: str) -> None:
        """End one session."""
        await self._store.remove_sessions(session_id=session_id)
        self.ended(session_id=session_id)

    async def close_all(self, user: User) -> None:
        """Sign the user out everywhere; their sign-in links end, too."""
        await self._store.change(user.id, {}, anew=True)
        await self._store.remove_sessions(user_id=user.id)
        await self._store.remove_links(user.id)
        self.ended(user_id=user.id)

    async def sweep(self) -> None:
        """Forget what has ended; for a timer, nothing depends on it."""
        now = self._clock.now()
        await self._store.sweep(
            idle_since=now - self._idle,
            opened_before=now - self._longest,
            links_before=now - timedelta(days=1),
            states_before=now - timedelta(hours=1),
        )


def _csrf(key: bytes, session_id: str) -> str:
    digest = hmac.digest(key, session_id.encode(), "sha256")
    return base64.urlsafe_b64encode(digest).decode()
