"""API tokens: issued by their owners, listed and withdrawn by owners and admins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from core.accounts.audit.log import Audit
from core.accounts.origins import Origins
from core.accounts.records import ApiToken
from core.accounts.roles import Action, Role, User
from core.accounts.secrets import TOKEN_PREFIX, new_token, token_hash
from core.accounts.store import AccountStore
from core.clock import Clock
from core.errors import Forbidden, NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedToken:
    """A token with its owner."""

    token: ApiToken
    owner: User
    through: Sequence[str] = ()  #: others in whose hands the way to it was


class Tokens:
    """Issues, lists and withdraws tokens; a token itself can manage none and outrank none.

    `changed` is called with the owner once a token of theirs has ended.
    """

    def __init__(
        self,
        store: AccountStore,
        *,
        audit: Audit,
        clock: Clock,
        changed: Callable[[User], None],
    ) -> None:
        self._store = store
        self._origins = Origins(store, clock=clock)
        self._audit = audit
        self._clock = clock
        self._changed = changed

    async def issue(
        self,
        user: User,
        *,
        actor: User,
        name: str,
        scope: Role | None,
        expires_at: datetime | None,
        address: str,
    ) -> str:
        """A new token, shown this once. It never acts with more than `scope` and today's role."""
        account = await self._store.account(user.id)
        if account is None:
            raise NotFound("There is no such user.")
        roles = [r for r in (scope, account.user.role, actor.role) if r is not None]
        until = await self._origins.until(actor.origin)
        token = new_token(TOKEN_PREFIX)
        known = ApiToken(
            id=token_hash(token),
            user_id=user.id,
            name=name[:100],
            scope=next(role for role in Role if role in roles),
            created_at=self._clock.now(),
            expires_at=min((end for end in (expires_at, until) if end), default=None),
            origin=actor.origin,
        )
        await self._store.insert_token(known)
        after = {"name": known.name, "scope": known.scope.value if known.scope else ""}
        by = await self._origins.names(actor.origin)
        await self._audit.record(
            "token.add",
            who=actor.email,
            address=address,
            subject=user.email,
            after={**after, "through": by} if by else after,
        )
        return token

    async def of(self, user: User) -> Sequence[ApiToken]:
        """The user's own, newest first."""
        return await self._store.tokens(user.id)

    async def all(self, actor: User) -> Sequence[ListedToken]:
        """Everybody's, by owner, each one's newest first."""
        actor.require(Action.TOKENS_READ)
        owners = {account.user.id: account.user for account in await self._store.accounts()}
        listed = [
            ListedToken(
                token=token,
                owner=owners[token.user_id],
                through=await self._origins.names(token.origin),
            )
            for token in await self._store.tokens()
            if token.user_id in owners
        ]
        return sorted(listed, key=lambda one: one.owner.email)

    async def withdraw(self, actor: User, token_id: str, *, own: bool, address: str) -> None:
        """It does not work from now on, nor does what was made by it.

        `own`: one's own tokens only. Raises NotFound; Forbidden for whoever acts by a token.
        """
        if not own:
            actor.require(Action.TOKENS_CHANGE)
        token = await self._store.token(token_id)
        if token is None or (own and token.user_id != actor.id):
            raise NotFound
        if actor.origin.tokens:
            raise Forbidden("An API token manages no tokens; do it in the console.")
        if not await self._store.remove_token(token_id):
            raise NotFound
        owner = await self._store.account(token.user_id)
        if owner is not None:
            self._changed(owner.user)
        await self._audit.record(
            "token.remove",
            who=actor.email,
            address=address,
            subject=owner.user.email if owner else "",
            before={"name": token.name},
        )
