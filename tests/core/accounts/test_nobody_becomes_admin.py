"""Whoever was let into an account keeps nothing of it when its role rises, or theirs falls."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from core.accounts.attempts import Attempts
from core.accounts.audit.log import Audit
from core.accounts.passwords import ProofNeeded
from core.accounts.roles import Origin, Role, User
from core.accounts.secrets import Passwords
from core.accounts.service import OPERATOR, AccountsService
from core.accounts.sessions import SignedIn, StaffAccess
from core.accounts.sign_in import SignIn, SignInRefused
from core.accounts.store import AccountStore
from core.clock import Clock
from core.errors import Forbidden, NotFound
from core.sdk.testing.clock import ManualClock
from core.storage.client import Database

PASSWORD = "correct horse battery"


class SlowPasswords(Passwords):
    """Hashing takes as long as a test wants it to."""

    def __init__(self) -> None:
        super().__init__()
        self.hashing, self.go_on = asyncio.Event(), asyncio.Event()
        self.go_on.set()

    async def hash(self, password: str) -> str:
        self.hashing.set()
        await self.go_on.wait()
        return await super().hash(password)


@dataclass(kw_only=True)
class Desk:
    """The accounts, and what an intruder does with them."""

    service: AccountsService
    access: StaffAccess
    sign_in: SignIn
    store: AccountStore
    audit: Audit
    passwords: SlowPasswords
    clock: ManualClock
    kept: dict[str, str] = field(default_factory=dict)

    async def member(self, name: str, role: Role) -> User:
        return await self.service.add(OPERATOR, f"{name}@example.com", role=role)

    async def by_link(self, user: User, maker: User) -> SignedIn:
        """Signed in by a link that `maker` has made."""
        link = await self.service.issue_link(user, actor=maker)
        cookie = await self.sign_in.with_link(link, address="1.2.3.4", browser="b")
        return await self.session(cookie)

    async def session(self, cookie: str) -> SignedIn:
        signed_in = await self.access.by_session(cookie, is_activity=False)
        assert signed_in is not None
        self.kept[signed_in.id] = cookie
        return signed_in

    async def alive(self, signed_in: SignedIn) -> SignedIn | None:
        return await self.access.by_session(self.kept[signed_in.id], is_activity=False)


def desk_on(db: Database, clock: Clock, passwords: Passwords) -> Desk:
    store, audit = AccountStore(db), Audit(db, clock=clock)
    attempts = Attempts(None, secret_key="s" * 32, clock=clock)
    access = StaffAccess(store, secret_key="s" * 32, idle_seconds=3600, clock=clock)
    assert isinstance(clock, ManualClock)
    assert isinstance(passwords, SlowPasswords)
    return Desk(
        service=AccountsService(
            store, audit=audit, clock=clock, passwords=passwords, attempts=attempts
        ),
        access=access,
        sign_in=SignIn(
            store,
            access=access,
            audit=audit,
            passwords=passwords,
            attempts=attempts,
            clock=clock,
        ),
        store=store,
        audit=audit,
        passwords=passwords,
        clock=clock,
    )


@pytest.fixture
def desk(db: Database, clock: ManualClock) -> Desk:
    return desk_on(db, clock, SlowPasswords())


Gives = Callable[[], Awaitable[Role | None]]
"""As what one is in by it now; None: not at all."""


async def let_in(desk: Desk, attempt: Awaitable[str]) -> Role | None:
    try:
        cookie = await attempt
    except SignInRefused:
        return None
    signed_in = await desk.access.by_session(cookie, is_activity=False)
    return signed_in.user.role if signed_in else None


async def everything_kept(desk: Desk, victim: User, intruder: User) -> Mapping[str, Gives]:
    """All that an intruder could lay by in an account; each way is one that works."""
    service, access = desk.service, desk.access
    inside = await desk.by_link(victim, intruder)
    await service.passwords.change(inside, PASSWORD)
    cookie = desk.kept[inside.id]
    inside = await desk.session(cookie)
    await service.change(intruder, victim.email, slack_id="U0INTRUDER")
    unused = await service.issue_link(victim, actor=intruder)
    token = await service.issue_token(victim, actor=inside.user, name="kept")
    by_token = await access.by_token(token)
    assert by_token is not None
    second = await service.issue_token(victim, actor=by_token, name="kept, too")
    links = {
        "an unused link": unused,
        "a link made inside": await service.issue_link(victim, actor=inside.user),
        "a link made by a token": await service.issue_link(victim, actor=by_token),
    }
    in_slack = await service.find_by_slack_id("U0INTRUDER")
    assert in_slack is not None
    links["/desk login"] = await service.issue_link(victim, actor=in_slack)
    by_password = await desk.sign_in.with_password(
        victim.email, PASSWORD, address="2.2.2.2", browser="b"
    )

    async def by_session(kept: str) -> Role | None:
        signed_in = await access.by_session(kept, is_activity=True)
        return signed_in.user.role if signed_in else None

    async def by_api(kept: str) -> Role | None:
        user = await access.by_token(kept)
        return user.role if user else None

    async def by_slack() -> Role | None:
        user = await service.find_by_slack_id("U0INTRUDER")
        return user.role if user else None

    async def by_slack_link() -> Role | None:
        user = await service.find_by_slack_id("U0INTRUDER")
        if user is None:
            return None
        link = await service.issue_link(user, actor=user)
        return await let_in(desk, desk.sign_in.with_link(link, address="4.4.4.4", browser="b"))

    async def by_new_password() -> Role | None:
        sign_in = desk.sign_in.with_password(victim.email, PASSWORD, address="3.3.3.3", browser="b")
        return await let_in(desk, sign_in)

    def by_one(link: str) -> Gives:
        return lambda: let_in(desk, desk.sign_in.with_link(link, address="5.5.5.5", browser="b"))

    return {
        "the session": lambda: by_session(cookie),
        "the password's session": lambda: by_session(by_password),
        "the password": by_new_password,
        "Slack": by_slack,
        "a new link from Slack": by_slack_link,
        "a token": lambda: by_api(token),
        "a token's token": lambda: by_api(second),
        **{name: by_one(link) for name, link in links.items()},
    }


@pytest.mark.parametrize(
    ("before", "after"),
    [(Role.AGENT, Role.ADMIN), (Role.AGENT, Role.SUPERVISOR), (Role.SUPERVISOR, Role.ADMIN)],
)
async def test_a_raised_role_meets_nothing_laid_by_before(
    desk: Desk, before: Role, after: Role
) -> None:
    await desk.member("boss", Role.ADMIN)
    intruder = await desk.member("sara", Role.SUPERVISOR)
    victim = await desk.member("mina", before)
    kept = await everything_kept(desk, victim, intruder)
    await desk.service.set_role(OPERATOR, victim.email, after)
    for name, gives in kept.items():
        role = await gives()
        assert role is None or before.includes(role), name
    account = await desk.service.account_of(victim)
    assert (account.password, account.user.slack_id) == ("", "")
    # Tokens work on, as what they were; nothing else does.
    assert {name for name, gives in kept.items() if await gives()} == {"a token", "a token's token"}
    # The person comes in anew, by a link of whoever may make it now.
    fresh = await desk.by_link(await desk.service.find(victim.email), OPERATOR)
    assert fresh.user.role is after


async def test_each_way_works_as_long_as_nothing_changes(desk: Desk) -> None:
    """Without this the tests above would hold for an intruder who never came in."""
    intruder = await desk.member("sara", Role.SUPERVISOR)
    victim = await desk.member("mina", Role.AGENT)
    kept = await everything_kept(desk, victim, intruder)
    for name, gives in kept.items():
        assert await gives() is Role.AGENT, name


@pytest.mark.parametrize("ending", ["lowered", "removed"])
async def test_who_loses_a_right_loses_what_came_of_it(desk: Desk, ending: str) -> None:
    await desk.member("boss", Role.ADMIN)
    intruder = await desk.member("ivan", Role.ADMIN)
    victim = await desk.member("mina", Role.ADMIN)
    kept = await everything_kept(desk, victim, intruder)
    if ending == "lowered":
        await desk.service.set_role(OPERATOR, intruder.email, Role.SUPERVISOR)
    else:
        await desk.service.remove(OPERATOR, intruder.email)
    for name, gives in kept.items():
        assert await gives() is None, name


async def test_what_goes_through_two_hands_needs_both(desk: Desk) -> None:
    await desk.member("boss", Role.ADMIN)
    first = await desk.member("ivan", Role.ADMIN)
    second = await desk.member("sara", Role.ADMIN)
    victim = await desk.member("mina", Role.ADMIN)
    as_second = await desk.by_link(second, first)
    inside = await desk.by_link(victim, as_second.user)
    assert await desk.service.names(inside.user.origin) == [first.email, second.email]
    await desk.service.set_role(OPERATOR, first.email, Role.AGENT)
    assert await desk.alive(inside) is None


async def test_ones_own_ways_in_end_with_nobody_elses_right(desk: Desk) -> None:
    await desk.member("boss", Role.ADMIN)
    helper = await desk.member("ivan", Role.ADMIN)
    mina = await desk.member("mina", Role.ADMIN)
    await desk.by_link(mina, helper)
    own = await desk.by_link(mina, mina)
    await desk.service.passwords.change(own, PASSWORD)
    own = await desk.session(desk.kept[own.id])
    await desk.service.remove(OPERATOR, helper.email)
    assert await desk.alive(own)
    assert await desk.sign_in.with_password(mina.email, PASSWORD, address="a", browser="")


@pytest.mark.parametrize("ending", ["withdrawn", "expired"])
async def test_nothing_made_by_a_token_outlives_or_outranks_it(desk: Desk, ending: str) -> None:
    admin = await desk.member("ann", Role.ADMIN)
    mina = await desk.member("mina", Role.AGENT)
    until = desk.clock.now() + timedelta(hours=1)
    token = await desk.service.issue_token(
        admin, actor=admin, scope=Role.SUPERVISOR, expires_at=until
    )
    robot = await desk.access.by_token(token)
    assert robot is not None
    late = desk.clock.now() + timedelta(days=900)
    child = await desk.service.issue_token(
        robot, actor=robot, scope=Role.ADMIN, expires_at=late, name="child"
    )
    of_child = await desk.access.by_token(child)
    assert of_child is not None
    grandchild = await desk.service.issue_token(admin, actor=of_child, name="grandchild")
    for kept in (child, grandchild):
        user = await desk.access.by_token(kept)
        assert user is not None
        assert user.role is Role.SUPERVISOR
    assert {t.expires_at for t in await desk.service.tokens(admin)} == {until}
    with pytest.raises(Forbidden):
        await desk.service.issue_link(admin, actor=robot)  # it would be all that the admin is
    session = await desk.by_link(mina, robot)
    unused = await desk.service.issue_link(mina, actor=of_child)
    from_session = await desk.service.issue_token(mina, actor=session.user)
    # A sign-in by what a token made is no proof for a password that would outlive it.
    with pytest.raises(ProofNeeded):
        await desk.service.passwords.change(session, PASSWORD)
    known = {item.name: item.id for item in await desk.service.tokens(admin)}
    for actor in (robot, of_child):
        with pytest.raises(Forbidden):
            await desk.service.withdraw_token(actor, known["child"])
        with pytest.raises(Forbidden):
            await desk.sign_in.sign_out_everywhere(actor, address="", end_tokens=True)
        with pytest.raises(Forbidden):
            await desk.service.end_sessions(actor, mina.email, end_tokens=True)
    if ending == "withdrawn":
        await desk.service.withdraw_token(admin, known[""])
    else:
        await desk.clock.advance(3600)
    for kept in (token, child, grandchild, from_session):
        assert await desk.access.by_token(kept) is None
    assert await desk.alive(session) is None
    with pytest.raises(SignInRefused):
        await desk.sign_in.with_link(unused, address="a", browser="")


async def test_a_password_on_its_way_does_not_meet_the_new_role(desk: Desk) -> None:
    intruder = await desk.member("sara", Role.SUPERVISOR)
    victim = await desk.member("mina", Role.AGENT)
    inside = await desk.by_link(victim, intruder)
    desk.passwords.go_on.clear()
    setting = asyncio.create_task(desk.service.passwords.change(inside, PASSWORD))
    await desk.passwords.hashing.wait()
    await desk.service.set_role(OPERATOR, victim.email, Role.ADMIN)
    desk.passwords.go_on.set()
    with pytest.raises(NotFound):
        await setting
    assert (await desk.service.account_of(victim)).password == ""
    # The same by a request that was let in a moment before, and went on a moment later.
    with pytest.raises(NotFound):
        await desk.service.passwords.change(inside, PASSWORD)
    with pytest.raises(Forbidden):
        await desk.service.issue_link(victim, actor=inside.user)


async def test_a_password_is_changed_with_the_old_one_or_freshly_signed_in(desk: Desk) -> None:
    mina = await desk.member("mina", Role.AGENT)
    signed_in = await desk.by_link(mina, mina)
    await desk.service.passwords.change(signed_in, PASSWORD)
    await desk.clock.advance(601)
    signed_in = await desk.session(desk.kept[signed_in.id])
    for wrong in ("", PASSWORD + "!", "x"):
        with pytest.raises(ProofNeeded):
            await desk.service.passwords.change(signed_in, "another one entirely", old=wrong)
    await desk.service.passwords.change(signed_in, "another one entirely", old=PASSWORD)
    # Whoever sits at an unlocked screen does not guess it either.
    signed_in = await desk.session(desk.kept[signed_in.id])
    for n in range(30):
        with pytest.raises(ProofNeeded):
            await desk.service.passwords.change(signed_in, "third one of them", old=f"guess {n}")
    with pytest.raises(ProofNeeded):
        await desk.service.passwords.change(
            signed_in, "third one of them", old="another one entirely"
        )


@pytest.mark.parametrize("by", ["password", "everywhere", "colleague"])
@pytest.mark.parametrize("tokens", [False, True])
async def test_signing_out_everywhere_ends_links_and_tokens_too(
    desk: Desk, by: str, *, tokens: bool
) -> None:
    boss = await desk.member("boss", Role.ADMIN)
    mina = await desk.member("mina", Role.AGENT)
    own = await desk.by_link(mina, mina)
    other = await desk.by_link(mina, mina)
    link = await desk.service.issue_link(mina, actor=mina)
    token = await desk.service.issue_token(mina, actor=mina)
    match by:
        case "password":
            await desk.service.passwords.change(own, PASSWORD, end_tokens=tokens)
        case "everywhere":
            await desk.sign_in.sign_out_everywhere(own.user, address="", end_tokens=tokens)
        case _:
            await desk.service.end_sessions(boss, mina.email, end_tokens=tokens)
    assert bool(await desk.alive(own)) is (by == "password")
    assert await desk.alive(other) is None
    with pytest.raises(SignInRefused):
        await desk.sign_in.with_link(link, address="a", browser="")
    assert (await desk.access.by_token(token) is None) is tokens


async def test_a_session_ends_however_busy_it_is(desk: Desk) -> None:
    mina = await desk.member("mina", Role.AGENT)
    signed_in = await desk.by_link(mina, mina)
    for _ in range(23):
        await desk.clock.advance(1800)
        again = await desk.access.by_session(desk.kept[signed_in.id], is_activity=True)
        assert again is not None
        left = again.seconds_left
    assert left == 1800
    await desk.clock.advance(1800)
    assert await desk.access.by_session(desk.kept[signed_in.id], is_activity=True) is None


async def test_coming_in_by_anothers_link_is_recorded(desk: Desk) -> None:
    sara = await desk.member("sara", Role.SUPERVISOR)
    mina = await desk.member("mina", Role.AGENT)
    inside = await desk.by_link(mina, sara)
    await desk.service.passwords.change(inside, PASSWORD)
    await desk.service.issue_token(mina, actor=inside.user, name="hers")
    await desk.sign_in.with_password(mina.email, PASSWORD, address="a", browser="")
    own = await desk.by_link(mina, mina)
    assert own.user.origin == Origin()
    found = {entry.what: entry for entry in await desk.audit.page()}
    for what in ("sign_in.link_of_another", "password.set", "token.add", "sign_in.password"):
        assert (found[what].who, found[what].after["through"]) == (mina.email, [sara.email]), what
    assert "through" not in found["sign_in.link"].after
    issued = found["sign_in.link_issued"]
    assert issued.subject == mina.email


async def test_admins_see_and_end_every_token(desk: Desk) -> None:
    boss = await desk.member("boss", Role.ADMIN)
    sara = await desk.member("sara", Role.SUPERVISOR)
    mina = await desk.member("mina", Role.AGENT)
    inside = await desk.by_link(mina, sara)
    kept = await desk.service.issue_token(mina, actor=inside.user, name="laid by")
    await desk.service.issue_token(boss, actor=OPERATOR, name="robot")
    tokens = desk.service.api_tokens
    with pytest.raises(Forbidden):
        await tokens.all(sara)
    listed = [
        (one.owner.email, one.token.name, list(one.through)) for one in await tokens.all(boss)
    ]
    assert listed == [(boss.email, "robot", []), (mina.email, "laid by", [sara.email])]
    [laid_by] = await desk.service.tokens(mina)
    with pytest.raises(Forbidden):
        await tokens.withdraw(sara, laid_by.id, own=False, address="")
    with pytest.raises(NotFound):
        await tokens.withdraw(sara, laid_by.id, own=True, address="")
    await tokens.withdraw(boss, laid_by.id, own=False, address="home")
    assert await desk.access.by_token(kept) is None
    with pytest.raises(NotFound):
        await tokens.withdraw(boss, laid_by.id, own=False, address="")
    [newest, *_] = await desk.audit.page()
    assert (newest.what, newest.who, newest.subject) == ("token.remove", boss.email, mina.email)


async def test_accounts_of_older_versions_work_on(desk: Desk, db: Database) -> None:
    """They have no stamp, and their tokens no scope: a raise ends and caps them all the same."""
    mina = await desk.member("mina", Role.AGENT)
    signed_in = await desk.by_link(mina, mina)
    token = await desk.service.issue_token(mina, actor=mina)
    await db["users"].update_many({}, {"$unset": {"stamp": ""}})
    await db["sessions"].update_many({}, {"$unset": {"stamp": "", "by_users": "", "by_tokens": ""}})
    await db["api_tokens"].update_many({}, {"$set": {"scope": None}, "$unset": {"by_users": ""}})
    assert await desk.alive(signed_in)
    await desk.service.passwords.change(await desk.session(desk.kept[signed_in.id]), PASSWORD)
    assert await desk.alive(signed_in)
    await desk.service.set_role(OPERATOR, mina.email, Role.ADMIN)
    assert await desk.alive(signed_in) is None
    user = await desk.access.by_token(token)
    assert user is not None
    assert user.role is Role.AGENT
