"""Who belongs to the staff and with which role; every change is checked and recorded."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from core.accounts.audit import Audit
from core.accounts.rules import Action, Role, User
from core.accounts.secrets import TOKEN_PREFIX, Passwords, new_token, token_hash
from core.accounts.store import Account, AccountStore, ApiToken, Session
from core.clock import Clock
from core.errors import BadInput, ContactCenterError, Forbidden, NotFound

log = logging.getLogger(__name__)

OPERATOR = User(id="operator", email="operator", role=Role.ADMIN, name="Command line")
"""Whoever sits at the machine itself."""

FIRST_ADMIN = "admin@localhost"
LINK_LIFE = timedelta(minutes=30)
_EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f]{1,64}@[^@\s\x00-\x1f\x7f]{1,190}")


class EmailTaken(ContactCenterError):
    """There is a user with this e-mail address already."""


class LastAdmin(ContactCenterError):
    """Without this admin nobody could let anybody in; make another one first."""


OnRemoved = Callable[[User], Awaitable[None]]


class AccountsService:
    """Adds, changes and removes staff. Every method's `actor` is the one who does it."""

    def __init__(
        self, store: AccountStore, *, audit: Audit, clock: Clock, passwords: Passwords
    ) -> None:
        self._store = store
        self._audit = audit
        self._clock = clock
        self._passwords = passwords
        self._admins = asyncio.Lock()
        self._on_removed: list[OnRemoved] = []
        self._on_changed: list[Callable[[User], None]] = []

    def on_changed(self, callback: Callable[[User], None]) -> None:
        """Call this at once when a user has lost a right: a role, a token, or everything."""
        self._on_changed.append(callback)

    def on_removed(self, callback: OnRemoved) -> None:
        """Call this after a user was removed, so that what he holds is let go."""
        self._on_removed.append(callback)

    async def accounts(self, actor: User) -> list[Account]:
        """Everybody, by e-mail."""
        actor.require(Action.USERS_READ)
        return await self._store.accounts()

    async def find(self, email: str) -> User:
        """By e-mail address. Raises NotFound."""
        try:
            account = await self._store.account_by_email(clean_email(email))
        except BadInput:
            account = None
        if account is None:
            raise NotFound("There is no such user.")
        return account.user

    async def account_of(self, user: User) -> Account:
        """The user's record. Raises NotFound when he has been removed meanwhile."""
        account = await self._store.account(user.id)
        if account is None:
            raise NotFound("There is no such user.")
        return account

    async def find_by_slack_id(self, slack_id: str) -> User | None:
        """Who this Slack member is here, None for a stranger."""
        account = await self._store.account_by_slack_id(slack_id) if slack_id else None
        return account.user if account else None

    async def add(
        self, actor: User, email: str, *, role: Role, name: str = "", address: str = ""
    ) -> User:
        """A new user. Raises EmailTaken, Forbidden above the actor's own role, BadInput."""
        actor.require(Action.USERS_CHANGE)
        _within(actor, role)
        user = User(id=self._clock.new_id(), email=clean_email(email), role=role, name=name[:100])
        if not await self._store.insert(user, at=self._clock.now()):
            raise EmailTaken
        await self._audit.record(
            "user.add",
            who=actor.email,
            address=address,
            subject=user.email,
            after={"role": role.value},
        )
        return user

    async def set_role(self, actor: User, email: str, role: Role, *, address: str = "") -> User:
        """Another role, at once. Raises LastAdmin, Forbidden above the actor's own role."""
        return await self.change(actor, email, role=role, address=address)

    async def change(
        self,
        actor: User,
        email: str,
        *,
        role: Role | None = None,
        name: str | None = None,
        slack_id: str | None = None,
        address: str = "",
    ) -> User:
        """Another role, name or Slack identity, all or nothing; what is None stays.

        Raises LastAdmin, Forbidden above the actor's own role, BadInput for a Slack identity that
        somebody else has.
        """
        actor.require(Action.USERS_CHANGE)
        if role is not None:
            _within(actor, role)
        async with self._admins:
            user = await self.find(email)
            _within(actor, user.role)
            profile: dict[str, str] = {}
            if name is not None:
                profile["name"] = name[:100]
            if slack_id is not None:
                known = await self.find_by_slack_id(slack_id)
                if known is not None and known.id != user.id:
                    raise BadInput(f"{known.email} has this Slack identity.")
                profile["slack_id"] = slack_id[:64]
            moved = {"role": role.value} if role is not None and role is not user.role else {}
            if moved and user.role is Role.ADMIN:
                await self._keep_an_admin(user)
            if not moved and not profile:
                return user
            if not await self._store.change(user.id, {**profile, **moved}, role=user.role):
                raise NotFound("Somebody else has just changed this user; look again.")
        if moved:
            self._changed(user)
            await self._audit.record(
                "user.role",
                who=actor.email,
                address=address,
                subject=user.email,
                before={"role": user.role.value},
                after=moved,
            )
        if profile:
            await self._audit.record(
                "user.profile", who=actor.email, address=address, subject=user.email, after=profile
            )
        return await self.find(email)

    async def remove(self, actor: User, email: str, *, address: str = "") -> None:
        """Remove the user, his tokens and sessions. Raises LastAdmin, NotFound, Forbidden."""
        actor.require(Action.USERS_CHANGE)
        async with self._admins:
            user = await self.find(email)
            _within(actor, user.role)
            if user.role is Role.ADMIN:
                await self._keep_an_admin(user)
            await self._store.remove(user.id)
        self._changed(user)
        await self._audit.record(
            "user.remove",
            who=actor.email,
            address=address,
            subject=user.email,
            before={"role": user.role.value},
        )
        for callback in self._on_removed:
            try:
                await callback(user)
            except ContactCenterError as error:
                log.error("what %s held could not be let go: %s", user.email, error.detail)

    async def first_admin(self) -> User:
        """The oldest admin; makes one when there is none."""
        admins = await self._oldest_admins()
        if admins:
            return admins[0]
        try:
            return await self.add(OPERATOR, FIRST_ADMIN, role=Role.ADMIN)
        except EmailTaken:
            return await self.set_role(OPERATOR, FIRST_ADMIN, Role.ADMIN)

    async def issue_link(self, user: User, *, actor: User, address: str = "") -> str:
        """The secret part of a sign-in link, good once and for half an hour."""
        if actor.id != user.id:
            actor.require(Action.USERS_CHANGE)
        _within(actor, user.role)
        token = new_token()
        expires_at = self._clock.now() + LINK_LIFE
        await self._store.insert_link(token_hash(token), user_id=user.id, expires_at=expires_at)
        await self._audit.record(
            "sign_in.link_issued", who=actor.email, address=address, subject=user.email
        )
        return token

    async def issue_token(
        self,
        user: User,
        *,
        actor: User,
        name: str = "",
        scope: Role | None = None,
        expires_at: datetime | None = None,
        address: str = "",
    ) -> str:
        """An API token, shown this once; it may do what the user may, and no more than `scope`."""
        if actor.id != user.id and actor is not OPERATOR:
            raise Forbidden("Everybody makes his own tokens.")
        token = new_token(TOKEN_PREFIX)
        known = ApiToken(
            id=token_hash(token),
            user_id=user.id,
            name=name[:100],
            scope=scope,
            created_at=self._clock.now(),
            expires_at=expires_at,
        )
        await self._store.insert_token(known)
        await self._audit.record(
            "token.add",
            who=actor.email,
            address=address,
            subject=user.email,
            after={"name": known.name, "scope": scope.value if scope else ""},
        )
        return token

    async def tokens(self, user: User) -> Sequence[ApiToken]:
        """The user's own tokens."""
        return await self._store.tokens(user.id)

    async def withdraw_token(self, user: User, token_id: str, *, address: str = "") -> None:
        """The token does not work from now on. Raises NotFound."""
        if not await self._store.remove_token(token_id, user_id=user.id):
            raise NotFound
        self._changed(user)
        await self._audit.record(
            "token.remove", who=user.email, address=address, subject=user.email
        )

    async def sessions(self, actor: User, email: str) -> Sequence[Session]:
        """Where a user is signed in."""
        user = await self.find(email)
        if actor.id != user.id:
            actor.require(Action.USERS_READ)
        return await self._store.sessions(user.id)

    async def end_sessions(self, actor: User, email: str, *, address: str = "") -> None:
        """Sign a user out everywhere. Raises NotFound, Forbidden above the actor's own role."""
        actor.require(Action.USERS_CHANGE)
        user = await self.find(email)
        _within(actor, user.role)
        await self._store.remove_sessions(user_id=user.id)
        self._changed(user)
        await self._audit.record(
            "user.sign_out", who=actor.email, address=address, subject=user.email
        )

    async def set_password(
        self, user: User, password: str, *, address: str = "", session_id: str = ""
    ) -> None:
        """Set one's own password; ends all of one's sessions but this one.

        Raises BadInput for one of the wrong length.
        """
        hashed = await self._passwords.hash(password)
        await self._store.change(user.id, {"password": hashed})
        # Somebody may have known the old one, and be here.
        await self._store.remove_sessions(user_id=user.id, but=session_id)
        self._changed(user)
        await self._audit.record(
            "password.set", who=user.email, address=address, subject=user.email
        )

    def _changed(self, user: User) -> None:
        for callback in self._on_changed:
            callback(user)

    async def _oldest_admins(self) -> list[User]:
        accounts = [a for a in await self._store.accounts() if a.user.role is Role.ADMIN]
        return [a.user for a in sorted(accounts, key=lambda a: a.created_at)]

    async def _keep_an_admin(self, leaving: User) -> None:
        if all(admin.id == leaving.id for admin in await self._oldest_admins()):
            raise LastAdmin


def clean_email(email: str) -> str:
    """The address as it is stored. Raises BadInput for what cannot be one."""
    email = email.strip().lower()
    if not _EMAIL.fullmatch(email):
        raise BadInput("This is not an e-mail address.")
    return email


def _within(actor: User, role: Role) -> None:
    if not actor.role.includes(role):
        raise Forbidden(f"Only those with the role {role} may do this; yours is {actor.role}.")
