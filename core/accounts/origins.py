"""Checks that a session, link or token still holds: every giver must still have the right."""

from __future__ import annotations

from datetime import datetime

from core.accounts.roles import Origin, Role
from core.accounts.store import AccountStore
from core.clock import Clock


class Origins:
    """Looks up the givers each time: a lost right ends the sessions and tokens given by it."""

    def __init__(self, store: AccountStore, *, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def hold(self, origin: Origin, role: Role) -> bool:
        """Whether these hands may still let in somebody of this role."""
        for user_id in origin.users:
            account = await self._store.account(user_id)
            if account is None or not account.user.role.includes(role):
                return False
        for token_id in origin.tokens:
            token = await self._store.token(token_id)
            if token is None or (token.expires_at and token.expires_at <= self._clock.now()):
                return False
        return True

    async def until(self, origin: Origin) -> datetime | None:
        """When the first of its tokens ends; None where none does."""
        ends: list[datetime] = []
        for token_id in origin.tokens:
            token = await self._store.token(token_id)
            if token is not None and token.expires_at is not None:
                ends.append(token.expires_at)
        return min(ends, default=None)

    async def names(self, origin: Origin) -> list[str]:
        """E-mail addresses of the people and names of the tokens; who is gone is left out."""
        accounts = [await self._store.account(user_id) for user_id in origin.users]
        tokens = [await self._store.token(token_id) for token_id in origin.tokens]
        return [
            *(account.user.email for account in accounts if account is not None),
            *(f"API token {t.name or t.id[:8]}" for t in tokens if t is not None),
        ]
