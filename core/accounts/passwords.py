"""Changes one's own password: with the old one, or soon after signing in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from core.accounts.attempts import Attempts
from core.accounts.audit.log import Audit
from core.accounts.origins import Origins
from core.accounts.records import origin_fields
from core.accounts.roles import User
from core.accounts.secrets import Passwords
from core.accounts.sessions import SignedIn
from core.accounts.store import AccountStore
from core.clock import Clock
from core.errors import Forbidden, NotFound

FRESH = timedelta(minutes=10)  #: after signing in, a new password needs no old one


class ProofNeeded(Forbidden):
    """Enter your present password, or sign in anew and set the new one within ten minutes."""


class OwnPasswords:
    """Sets passwords; a new one ends all other sessions and all links.

    `changed` is called with the owner when that is done.
    """

    def __init__(
        self,
        store: AccountStore,
        *,
        audit: Audit,
        clock: Clock,
        passwords: Passwords,
        attempts: Attempts,
        changed: Callable[[User], None],
    ) -> None:
        self._store = store
        self._origins = Origins(store, clock=clock)
        self._audit = audit
        self._clock = clock
        self._passwords = passwords
        self._changed = changed
        self._proofs = attempts.limit("proof", rate=1 / 30, burst=6)

    async def change(
        self,
        signed_in: SignedIn,
        password: str,
        *,
        old: str = "",
        end_tokens: bool = False,
        address: str = "",
    ) -> None:
        """Raises ProofNeeded, BadInput for one of the wrong length, NotFound as `set` does."""
        user = signed_in.user
        if not self.is_fresh(signed_in):
            account = await self._store.account(user.id)
            if account is None or not old or await self._proofs.take(user.id):
                raise ProofNeeded
            if not await self._passwords.verify(account.password, old):
                raise ProofNeeded
        await self.set(
            user, password, session_id=signed_in.id, end_tokens=end_tokens, address=address
        )

    def is_fresh(self, signed_in: SignedIn) -> bool:
        """Whether the sign-in is proof enough for a new password."""
        # What came of an API token proves nobody: it would make of itself what outlives it.
        if signed_in.since is None or signed_in.user.origin.tokens:
            return False
        return self._clock.now() - signed_in.since < FRESH

    async def set(
        self,
        user: User,
        password: str,
        *,
        session_id: str = "",
        end_tokens: bool = False,
        address: str = "",
    ) -> None:
        """Without asking for a proof; the session of this id goes on.

        Raises BadInput for one of the wrong length, NotFound when the user was removed, signed out
        or given a higher role meanwhile.
        """
        account = await self._store.account(user.id)
        if account is None:
            raise NotFound("There is no such user.")
        stamp = account.stamp if user.stamp is None else user.stamp
        hashed = await self._passwords.hash(password)
        fields = {"password": hashed, **origin_fields(user.origin, "password_")}
        # Hashing takes its time: a role given meanwhile must not meet this password.
        if not await self._store.change(user.id, fields, stamp=stamp, anew=True):
            raise NotFound("This account was changed meanwhile; sign in anew.")
        if session_id:
            await self._store.keep_session(session_id, stamp=stamp + 1)
        await self._store.remove_sessions(user_id=user.id, but=session_id)
        await self._store.remove_links(user.id)
        if end_tokens:
            await self._store.remove_tokens(user.id)
        self._changed(user)
        by = await self._origins.names(user.origin)
        after: dict[str, object] = {"through": by} if by else {}
        if end_tokens:
            after["ended"] = "API tokens too"
        await self._audit.record(
            "password.set", who=user.email, address=address, subject=user.email, after=after
        )
