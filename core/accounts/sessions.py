"""Lets staff in by API token or by browser session, and ends what is over."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from core.accounts.rules import User
from core.accounts.secrets import TOKEN_PREFIX, new_token, same, token_hash
from core.accounts.store import AccountStore, Session
from core.clock import Clock

OnEnded = Callable[[str, str], None]
"""Takes the id of a user and of a session."""

RENEW_SHARE = 120  #: activity is written down at most this many times per idle period


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A browser session that is valid now."""

    id: str  #: of the session's record; the cookie itself is not kept
    user: User
    csrf: str  #: what a write from this session must carry


class StaffAccess:
    """Knows who may come in; asks the store each time, so a lost role is lost at once."""

    def __init__(
        self, store: AccountStore, *, secret_key: str, idle_seconds: float, clock: Clock
    ) -> None:
        self._store = store
        self._key = hmac.digest(secret_key.encode(), b"csrf token", "sha256")
        self._idle = timedelta(seconds=idle_seconds)
        self._clock = clock
        self._on_ended: list[OnEnded] = []

    def on_ended(self, callback: OnEnded) -> None:
        """Call this with the user's and the session's id ("" for all of his) when they end."""
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
        user = account.user
        if known.scope is not None and not known.scope.includes(user.role):
            user = replace(user, role=known.scope)
        return user

    async def by_session(self, cookie: str, *, is_activity: bool) -> SignedIn | None:
        """The session behind the cookie, None when it is over; activity renews its time."""
        session = await self._store.session(token_hash(cookie))
        if session is None:
            return None
        now = self._clock.now()
        if now - session.last_at >= self._idle:
            await self.close(session.id)
            return None
        account = await self._store.account(session.user_id)
        if account is None:
            return None
        if is_activity and now - session.last_at >= self._idle / RENEW_SHARE:
            await self._store.renew_session(session.id, at=now)
            await self._store.change(account.user.id, {"seen_at": now})
        return SignedIn(id=session.id, user=account.user, csrf=self._csrf(session.id))

    def is_csrf_token(self, session: SignedIn, token: str) -> bool:
        """Whether this is the session's own token."""
        return same(session.csrf, token)

    async def open(self, user: User, *, address: str, browser: str) -> str:
        """A new session; gives the cookie, which is not stored."""
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
            )
        )
        await self._store.change(user.id, {"seen_at": now})
        return cookie

    async def close(self, session_id: str) -> None:
        """End one session."""
        await self._store.remove_sessions(session_id=session_id)
        self.ended(session_id=session_id)

    async def close_all(self, user: User) -> None:
        """Sign the user out everywhere."""
        await self._store.remove_sessions(user_id=user.id)
        self.ended(user_id=user.id)

    async def sweep(self) -> None:
        """Forget what has ended; for a timer, nothing depends on it."""
        now = self._clock.now()
        await self._store.sweep(
            sessions_before=now - self._idle, links_before=now - timedelta(days=1)
        )

    def _csrf(self, session_id: str) -> str:
        digest = hmac.digest(self._key, session_id.encode(), "sha256")
        return base64.urlsafe_b64encode(digest).decode()
