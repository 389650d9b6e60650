"""Signs staff in by one-time link or password; attempts are counted and audited."""

from __future__ import annotations

from typing import NoReturn

from core.accounts.attempts import Attempts
from core.accounts.audit.log import NOBODY_KNOWN, Audit
from core.accounts.emails import clean_email
from core.accounts.origins import Origins
from core.accounts.roles import OWN, Origin, User
from core.accounts.secrets import Passwords, token_hash
from core.accounts.sessions import StaffAccess
from core.accounts.store import AccountStore
from core.clock import Clock
from core.errors import BadInput, ContactCenterError, Forbidden
from core.runtime.token_bucket import network_of


class SignInRefused(ContactCenterError):
    """This does not sign anybody in."""


class TooManyAttempts(ContactCenterError):
    """Too many attempts."""

    def __init__(self, *, retry_after: float) -> None:
        self.retry_after = retry_after
        super().__init__(f"Too many attempts; try again in {max(1, round(retry_after))} s.")


class SignIn:
    """Turns a proof of identity into a session's cookie.

    Attempts are limited per address, and per account as seen from one address: a stranger who
    guesses from elsewhere never locks the colleague out.
    """

    def __init__(
        self,
        store: AccountStore,
        *,
        access: StaffAccess,
        audit: Audit,
        passwords: Passwords,
        attempts: Attempts,
        clock: Clock,
    ) -> None:
        self._store = store
        self._origins = Origins(store, clock=clock)
        self._access = access
        self._audit = audit
        self._passwords = passwords
        self._clock = clock
        self._per_address = attempts.limit("address", rate=0.5, burst=30)
        self._per_account = attempts.limit("account", rate=1 / 30, burst=6)

    async def with_link(self, token: str, *, address: str, browser: str) -> str:
        """The cookie of a new session. Raises SignInRefused for a link used before."""
        await self.count(address)
        link = await self._store.use_link(token_hash(token), at=self._clock.now())
        account = await self._store.account(link.user_id) if link else None
        if link is None or account is None:
            await self._refuse("link", who="", address=address)
        user, origin = account.user, link.origin
        # What voids a session voids the links of before, and who made it may have lost the right.
        if link.stamp != account.stamp or not await self._origins.hold(origin, user.role):
            await self._refuse("link", who="", address=address)
        how = "link_of_another" if origin.users else "link"
        cookie = await self._access.open(
            user, address=address, browser=browser, origin=origin, stamp=account.stamp
        )
        await self._record(how, user, origin, address=address)
        return cookie

    async def with_password(self, email: str, password: str, *, address: str, browser: str) -> str:
        """The cookie of a new session. Raises SignInRefused, TooManyAttempts.

        An unknown address and a wrong password get the same answer in the same time.
        """
        await self.count(address)
        try:
            email = clean_email(email)
        except BadInput:
            email = ""
        wait = await self._per_account.take(f"{network_of(address)}\x1f{email}")
        if wait:
            raise TooManyAttempts(retry_after=wait)
        account = await self._store.account_by_email(email) if email else None
        stored = account.password if account else ""
        if not await self._passwords.verify(stored, password) or account is None:
            # A stranger may have typed anything: a customer's address, a password.
            known = account.user.email if account else ""
            await self._refuse("password", who=known, address=address)
        user, origin = account.user, account.password_origin
        if not await self._origins.hold(origin, user.role):
            await self._refuse("password", who=user.email, address=address)
        cookie = await self._access.open(
            user, address=address, browser=browser, origin=origin, stamp=account.stamp
        )
        await self._record("password", user, origin, address=address)
        return cookie

    async def count_mail(self, email: str, *, address: str) -> None:
        """One more wish for a link. Raises TooManyAttempts."""
        await self.count(address)
        place = network_of(address)
        wait = await self._per_account.take(f"mail\x1f{place}\x1f{email.strip().lower()[:254]}")
        if wait:
            raise TooManyAttempts(retry_after=wait)

    async def as_user(self, user: User, how: str, *, address: str, browser: str) -> str:
        """The cookie of a new session for somebody another authority has identified."""
        cookie = await self._access.open(user, address=address, browser=browser)
        await self._record(how, user, OWN, address=address)
        return cookie

    async def sign_out(self, user: User, session_id: str, *, address: str) -> None:
        """End this session."""
        await self._access.close(session_id)
        await self._audit.record("sign_out", who=user.email, address=address)

    async def sign_out_everywhere(
        self, user: User, *, address: str, end_tokens: bool = False
    ) -> None:
        """End all of the user's sessions and links; with `end_tokens`, their API tokens as well.

        Raises Forbidden for a token that would end tokens.
        """
        if end_tokens:
            if user.origin.tokens:
                raise Forbidden("An API token manages no tokens; do it in the console.")
            await self._store.remove_tokens(user.id)
        await self._access.close_all(user)
        after = {"ended": "API tokens too"} if end_tokens else {}
        await self._audit.record(
            "sign_out.everywhere", who=user.email, address=address, after=after
        )

    async def _record(self, how: str, user: User, origin: Origin, *, address: str) -> None:
        """Who came in, and by whose hand, where it was not their own."""
        by = await self._origins.names(origin)
        await self._audit.record(
            f"sign_in.{how}", who=user.email, address=address, after={"through": by} if by else {}
        )

    async def _refuse(self, how: str, *, who: str, address: str) -> NoReturn:
        await self._audit.record(
            "sign_in.refused", who=who or NOBODY_KNOWN, address=address, after={"by": how}
        )
        raise SignInRefused

    async def refused(self, how: str, *, address: str) -> None:
        """Somebody was sent back by another authority, or by us with its word in hand."""
        await self._audit.record(
            "sign_in.refused", who=NOBODY_KNOWN, address=address, after={"by": how}
        )

    async def count(self, address: str) -> None:
        """One more attempt from this address. Raises TooManyAttempts."""
        wait = await self._per_address.take(network_of(address))
        if wait:
            raise TooManyAttempts(retry_after=wait)
