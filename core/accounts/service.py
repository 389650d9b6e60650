"""The accounts service: adds, changes and removes staff, checked and audited."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from core.accounts.attempts import Attempts
from core.accounts.audit.log import Audit
from core.accounts.emails import clean_email, key_of
from core.accounts.origins import Origins
from core.accounts.passwords import OwnPasswords
from core.accounts.records import Account, ApiToken, Link, Session, origin_fields
from core.accounts.roles import OWN, Action, Origin, Role, User
from core.accounts.secrets import Passwords, new_token, token_hash
from core.accounts.store import NO_PASSWORD, NO_SLACK, AccountStore
from core.accounts.tokens import Tokens
from core.clock import Clock
from core.errors import BadInput, ContactCenterError, Forbidden, NotFound

log = logging.getLogger(__name__)

OPERATOR = User(id="operator", email="operator", role=Role.ADMIN, name="Command line")
"""Whoever sits at the machine itself."""

FIRST_ADMIN = "admin@localhost"
LINK_LIFE = timedelta(minutes=30)
LONGEST_LINK = timedelta(days=7)  #: what lies in a mailbox for longer is found by others
LEAVING = timedelta(minutes=2)  #: much longer than a removal takes; a mark left behind is none then


class EmailTaken(ContactCenterError):
    """There is a user with this e-mail address already."""


class LastAdmin(ContactCenterError):
    """Without this admin nobody could let anybody in; make another one first."""


OnRemoved = Callable[[User], Awaitable[None]]


class AccountsService:
    """Adds, changes and removes staff. Every method's `actor` is the user who does it."""

    def __init__(
        self,
        store: AccountStore,
        *,
        audit: Audit,
        clock: Clock,
        passwords: Passwords,
        attempts: Attempts,
    ) -> None:
        self._store = store
        self._audit = audit
        self._clock = clock
        self._origins = Origins(store, clock=clock)
        self.api_tokens = Tokens(store, audit=audit, clock=clock, changed=self._changed)
        self.passwords = OwnPasswords(
            store,
            audit=audit,
            clock=clock,
            passwords=passwords,
            attempts=attempts,
            changed=self._changed,
        )
        self._admins = asyncio.Lock()
        self._on_removed: list[OnRemoved] = []
        self._on_changed: list[Callable[[User], None]] = []

    def now(self) -> datetime:
        """This moment, by which links and sessions end."""
        return self._clock.now()

    def on_changed(self, callback: Callable[[User], None]) -> None:
        """Call this at once when a user has lost a right: a role, a token, or everything."""
        self._on_changed.append(callback)

    def on_removed(self, callback: OnRemoved) -> None:
        """Call this after a user was removed, so that what they hold is let go."""
        self._on_removed.append(callback)

    async def accounts(self, actor: User) -> list[Account]:
        """Everybody, by e-mail."""
        actor.require(Action.USERS_READ)
        return await self._store.accounts()

    async def find(self, email: str) -> User:
        """By e-mail address. Raises NotFound."""
        account = await self._store.account_by_email(key_of(email))
        if account is None:
            raise NotFound("There is no such user.")
        return account.user

    async def lookup(self, email: str) -> User | None:
        """Whose address this is; None when it belongs to none of our staff."""
        account = await self._store.account_by_email(key_of(email))
        return account.user if account is not None else None

    async def account_of(self, user: User) -> Account:
        """The user's record. Raises NotFound when they have been removed meanwhile."""
        account = await self._store.account(user.id)
        if account is None:
            raise NotFound("There is no such user.")
        return account

    async def find_by_slack_id(self, slack_id: str) -> User | None:
        """Who this Slack member is here, None for a stranger, or when who said so may not now."""
        account = await self._store.account_by_slack_id(slack_id) if slack_id else None
        if account is None or not await self._origins.hold(account.slack_origin, account.user.role):
            return None
        return replace(account.user, origin=account.slack_origin)

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

        A higher role is given to the person, not to whoever has been let in under the name: all
        sessions, links, the password and the Slack identity of before end with the same write,
        and tokens act with the old role. Raises LastAdmin, Forbidden above the actor's own role,
        BadInput for a Slack identity that somebody else has.
        """
        actor.require(Action.USERS_CHANGE)
        if role is not None:
            _within(actor, role)
        async with self._admins:
            user = await self.find(email)
            _within(actor, user.role)
            profile: dict[str, str] = {}
            bound: Mapping[str, object] = {}
            if name is not None:
                profile["name"] = name[:100]
            if slack_id is not None:
                known = await self._store.account_by_slack_id(slack_id) if slack_id else None
                if known is not None and known.user.id != user.id:
                    raise BadInput(f"{known.user.email} has this Slack identity.")
                profile["slack_id"] = slack_id[:64]
                # Whoever binds an identity of their own to this account acts as it in Slack.
                bound = origin_fields(_by(actor, user) if slack_id else OWN, "slack_")
            moved = {"role": role.value} if role is not None and role is not user.role else {}
            raised = role is not None and not user.role.includes(role)
            if moved and user.role is Role.ADMIN:
                await self._keep_an_admin(user)
            if not moved and not profile:
                return user
            if raised:
                await self._store.cap_tokens(user.id, user.role)
            void = {**NO_PASSWORD, **NO_SLACK} if raised else {}
            arrived = {"leaving": None} if moved else {}
            fields = {**void, **profile, **bound, **moved, **arrived}
            if not await self._store.change(user.id, fields, role=user.role, anew=raised):
                raise NotFound("Somebody else has just changed this user; look again.")
        if moved:
            await self._moved(user, Role(moved["role"]), raised=raised)
            ended = {"ended": "sessions, links, password and Slack identity"} if raised else {}
            await self._audit.record(
                "user.role",
                who=actor.email,
                address=address,
                subject=user.email,
                before={"role": user.role.value},
                after={**moved, **ended},
            )
        if profile:
            await self._audit.record(
                "user.profile", who=actor.email, address=address, subject=user.email, after=profile
            )
        return await self.find(email)

    async def forget_provider(self, actor: User, email: str, *, address: str = "") -> User:
        """Whoever shows this address at the OpenID provider next is known by it from then on."""
        actor.require(Action.USERS_CHANGE)
        user = await self.find(email)
        _within(actor, user.role)
        await self._store.change(user.id, {"issuer": "", "subject": ""}, role=user.role)
        await self._audit.record(
            "user.forget_provider", who=actor.email, address=address, subject=user.email
        )
        return user

    async def remove(self, actor: User, email: str, *, address: str = "") -> None:
        """Remove the user, their tokens and sessions. Raises LastAdmin, NotFound, Forbidden."""
        actor.require(Action.USERS_CHANGE)
        async with self._admins:
            user = await self.find(email)
            _within(actor, user.role)
            if user.role is Role.ADMIN:
                await self._keep_an_admin(user)
            await self._store.remove(user.id)
        await self._store.forget_origin(user.id, list(Role))
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

    async def issue_link(
        self, user: User, *, actor: User, life: timedelta = LINK_LIFE, address: str = ""
    ) -> str:
        """The secret part of a sign-in link, good once and for as long as `life` says.

        It holds no longer than the actor's own right to make it. Raises NotFound, Forbidden,
        BadInput for a life that is too long.
        """
        if not timedelta(0) < life <= LONGEST_LINK:
            raise BadInput(f"A link lasts at most {LONGEST_LINK.days} days.")
        if actor.id != user.id:
            actor.require(Action.USERS_CHANGE)
        account = await self.account_of(user)
        _within(actor, account.user.role)
        # One's own session lends the link its own stamp, so that it ends with the session.
        own = actor.stamp if actor.id == user.id else None
        token = new_token()
        await self._store.insert_link(
            Link(
                id=token_hash(token),
                user_id=user.id,
                expires_at=self._clock.now() + life,
                stamp=account.stamp if own is None else own,
                origin=_by(actor, user),
            )
        )
        await self._audit.record(
            "sign_in.link_issued",
            who=actor.email,
            address=address,
            subject=user.email,
            after={"minutes": round(life.total_seconds() / 60)},
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
        """An API token, shown this once; see `core.accounts.tokens.Tokens.issue`."""
        if actor.id not in (user.id, OPERATOR.id):
            raise Forbidden("Everybody makes their own tokens.")
        return await self.api_tokens.issue(
            user, actor=actor, name=name, scope=scope, expires_at=expires_at, address=address
        )

    async def tokens(self, user: User) -> Sequence[ApiToken]:
        """The user's own tokens."""
        return await self.api_tokens.of(user)

    async def withdraw_token(self, user: User, token_id: str, *, address: str = "") -> None:
        """One's own token does not work from now on. Raises NotFound, Forbidden by token."""
        await self.api_tokens.withdraw(user, token_id, own=True, address=address)

    async def sessions(self, actor: User, email: str) -> Sequence[Session]:
        """Where a user is signed in."""
        user = await self.find(email)
        if actor.id != user.id:
            actor.require(Action.USERS_READ)
        return await self._store.sessions(user.id)

    async def end_sessions(
        self, actor: User, email: str, *, end_tokens: bool = False, address: str = ""
    ) -> None:
        """Sign a user out everywhere: sessions, links, and with `end_tokens` API tokens.

        Raises NotFound, Forbidden above the actor's own role.
        """
        actor.require(Action.USERS_CHANGE)
        user = await self.find(email)
        _within(actor, user.role)
        if end_tokens:
            if actor.origin.tokens:
                raise Forbidden("An API token manages no tokens; do it in the console.")
            await self._store.remove_tokens(user.id)
        await self._store.change(user.id, {}, anew=True)
        await self._end_ways_in(user)
        self._changed(user)
        await self._audit.record(
            "user.sign_out",
            who=actor.email,
            address=address,
            subject=user.email,
            after={"ended": "API tokens too"} if end_tokens else {},
        )

    async def set_password(self, user: User, password: str, *, address: str = "") -> None:
        """See `core.accounts.passwords.OwnPasswords.set`."""
        await self.passwords.set(user, password, address=address)

    async def names(self, origin: Origin) -> Sequence[str]:
        """Who had a hand in a way in, for people to read."""
        return await self._origins.names(origin)

    async def _moved(self, user: User, role: Role, *, raised: bool) -> None:
        """What another role takes with it; `user` is as they were before."""
        if raised:
            await self._end_ways_in(user)
        else:
            # What they gave to those who stand above them now was not theirs to give any more.
            above = [other for other in Role if not role.includes(other)]
            await self._store.forget_origin(user.id, above)
        self._changed(user)

    async def _end_ways_in(self, user: User, *, but: str = "") -> None:
        """Tidy up what the new stamp has voided."""
        await self._store.remove_sessions(user_id=user.id, but=but)
        await self._store.remove_links(user.id)

    def _changed(self, user: User) -> None:
        for callback in self._on_changed:
            callback(user)

    async def _oldest_admins(self) -> list[User]:
        return [a.user for a in sorted(await self._admin_accounts(), key=lambda a: a.created_at)]

    async def _admin_accounts(self) -> list[Account]:
        return [a for a in await self._store.accounts() if a.user.role is Role.ADMIN]

    async def _keep_an_admin(self, leaving: User) -> None:
        """Raises LastAdmin. Each marks whom it removes before it looks whether another stays.

        So of two processes that remove the last two at once, one at least sees the other's mark;
        where both see it, both refuse.
        """
        now = self._clock.now()
        await self._store.change(leaving.id, {"leaving": now}, role=Role.ADMIN)
        stay = [
            a
            for a in await self._admin_accounts()
            if a.user.id != leaving.id and (a.leaving is None or now - a.leaving > LEAVING)
        ]
        if not stay:
            await self._store.change(leaving.id, {"leaving": None})
            raise LastAdmin


def _by(actor: User, user: User) -> Origin:
    """The origin of what the actor does for the user."""
    if actor.id in (user.id, OPERATOR.id):
        return actor.origin
    return actor.origin.through(users=(actor.id,))


def _within(actor: User, role: Role) -> None:
    if not actor.role.includes(role):
        raise Forbidden(f"Only those with the role {role} may do this; yours is {actor.role}.")
