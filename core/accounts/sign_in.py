"""Signing in: by one-time link or by password, with attempts counted and recorded."""

from __future__ import annotations

from typing import NoReturn

from core.accounts.audit import NOBODY_KNOWN, Audit
from core.accounts.rules import User
from core.accounts.secrets import Passwords, token_hash
from core.accounts.service import clean_email
from core.accounts.sessions import StaffAccess
from core.accounts.store import AccountStore
from core.clock import Clock
from core.errors import BadInput, ContactCenterError
from core.limits import RateLimit, network_of


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
    guesses from elsewhere never locks the colleague himself out.
    """

    def __init__(
        self,
        store: AccountStore,
        *,
        access: StaffAccess,
        audit: Audit,
        passwords: Passwords,
        clock: Clock,
    ) -> None:
        self._store = store
        self._access = access
        self._audit = audit
        self._passwords = passwords
        self._clock = clock
        self._per_address = RateLimit(rate=0.5, burst=30, clock=clock)
        self._per_account = RateLimit(rate=1 / 30, burst=6, clock=clock)

    async def with_link(self, token: str, *, address: str, browser: str) -> str:
        """The cookie of a new session. Raises SignInRefused for a link used before."""
        self.count(address)
        user_id = await self._store.use_link(token_hash(token), at=self._clock.now())
        account = await self._store.account(user_id) if user_id else None
        if account is None:
            await self._refuse("link", who="", address=address)
        return await self._open(account.user, "link", address=address, browser=browser)

    async def with_password(self, email: str, password: str, *, address: str, browser: str) -> str:
        """The cookie of a new session. Raises SignInRefused, TooManyAttempts.

        An unknown address and a wrong password get the same answer in the same time.
        """
        self.count(address)
        try:
            email = clean_email(email)
        except BadInput:
            email = ""
        wait = self._per_account.take(f"{network_of(address)}\x1f{email}")
        if wait:
            raise TooManyAttempts(retry_after=wait)
        account = await self._store.account_by_email(email) if email else None
        stored = account.password if account else ""
        if not await self._passwords.verify(stored, password) or account is None:
            await self._refuse("password", who=email, address=address)
        return await self._open(account.user, "password", address=address, browser=browser)

    def count_mail(self, email: str, *, address: str) -> None:
        """One more wish for a link. Raises TooManyAttempts."""
        self.count(address)
        place = network_of(address)
        wait = self._per_account.take(f"mail\x1f{place}\x1f{email.strip().lower()[:254]}")
        if wait:
            raise TooManyAttempts(retry_after=wait)

    async def as_user(self, user: User, how: str, *, address: str, browser: str) -> str:
        """The cookie of a new session for somebody another authority has identified."""
        return await self._open(user, how, address=address, browser=browser)

    async def sign_out(self, user: User, session_id: str, *, address: str) -> None:
        """End this session."""
        await self._access.close(session_id)
        await self._audit.record("sign_out", who=user.email, address=address)

    async def sign_out_everywhere(self, user: User, *, address: str) -> None:
        """End all of the user's sessions."""
        await self._access.close_all(user)
        await self._audit.record("sign_out.everywhere", who=user.email, address=address)

    async def _open(self, user: User, how: str, *, address: str, browser: str) -> str:
        cookie = await self._access.open(user, address=address, browser=browser)
        await self._audit.record(f"sign_in.{how}", who=user.email, address=address)
        return cookie

    async def _refuse(self, how: str, *, who: str, address: str) -> NoReturn:
        await self._audit.record(
            "sign_in.refused", who=who or NOBODY_KNOWN, address=address, after={"by": how}
        )
        raise SignInRefused

    async def refused(self, how: str, *, address: str) -> None:
        """Somebody was sent back by another authority, or by us with its word in his hand."""
        await self._audit.record(
            "sign_in.refused", who=NOBODY_KNOWN, address=address, after={"by": how}
        )

    def count(self, address: str) -> None:
        """One more attempt from this address. Raises TooManyAttempts."""
        wait = self._per_address.take(network_of(address))
        if wait:
            raise TooManyAttempts(retry_after=wait)
