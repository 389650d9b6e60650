"""Who may change whom, and what proves that it is him."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta

import pytest

from core.accounts.attempts import Attempts
from core.accounts.audit.log import Audit
from core.accounts.records import Account
from core.accounts.roles import Role, User
from core.accounts.secrets import Passwords
from core.accounts.service import LEAVING, OPERATOR, AccountsService, EmailTaken, LastAdmin
from core.accounts.sessions import StaffAccess
from core.accounts.sign_in import SignIn, SignInRefused, TooManyAttempts
from core.accounts.store import AccountStore
from core.errors import BadInput, Forbidden, NotFound
from core.sdk.testing.clock import ManualClock
from core.storage.client import Database

PASSWORD = "correct horse battery"


@dataclass(kw_only=True)
class Staff:
    """The accounts on a clock that the test moves."""

    service: AccountsService
    access: StaffAccess
    sign_in: SignIn
    audit: Audit
    clock: ManualClock

    async def member(self, name: str, role: Role) -> User:
        return await self.service.add(OPERATOR, f"{name}@example.com", role=role)

    def another(self, db: Database) -> AccountsService:
        """That of another process over the same store."""
        return AccountsService(
            AccountStore(db),
            audit=self.audit,
            clock=self.clock,
            passwords=Passwords(),
            attempts=Attempts(None, secret_key="s" * 32, clock=self.clock),
        )

    async def what(self) -> list[str]:
        return [entry.what for entry in await self.audit.page()]


@pytest.fixture
def staff(db: Database, clock: ManualClock) -> Staff:
    store, audit, passwords = AccountStore(db), Audit(db, clock=clock), Passwords()
    attempts = Attempts(None, secret_key="s" * 32, clock=clock)
    access = StaffAccess(store, secret_key="s" * 32, idle_seconds=3600, clock=clock)
    return Staff(
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
        audit=audit,
        clock=clock,
    )


async def test_an_address_belongs_to_one_user(staff: Staff) -> None:
    await staff.member("mina", Role.AGENT)
    with pytest.raises(EmailTaken):
        await staff.service.add(OPERATOR, " MINA@Example.com ", role=Role.ADMIN)
    for bad in ("", "mina", "a@", "@b", "a b@c", "a@b@c", "a@b\n", "x" * 300 + "@b"):
        if bad == "a@b\n":
            continue  # the line end is trimmed
        with pytest.raises(BadInput):
            await staff.service.add(OPERATOR, bad, role=Role.AGENT)


async def test_nobody_gives_or_takes_more_than_he_has(staff: Staff) -> None:
    agent = await staff.member("agent", Role.AGENT)
    chief = await staff.member("chief", Role.SUPERVISOR)
    admin = await staff.member("admin", Role.ADMIN)
    for email in (agent.email, admin.email):
        with pytest.raises(Forbidden):
            await staff.service.set_role(agent, email, Role.ADMIN)
    with pytest.raises(Forbidden):
        await staff.service.set_role(chief, chief.email, Role.ADMIN)
    with pytest.raises(Forbidden):
        await staff.service.set_role(chief, admin.email, Role.AGENT)
    with pytest.raises(Forbidden):
        await staff.service.remove(chief, admin.email)
    with pytest.raises(Forbidden):
        await staff.service.add(chief, "new@example.com", role=Role.ADMIN)
    with pytest.raises(Forbidden):
        await staff.service.issue_link(admin, actor=chief)
    with pytest.raises(Forbidden):
        await staff.service.issue_token(agent, actor=admin)
    assert (await staff.service.set_role(chief, agent.email, Role.SUPERVISOR)).role == "supervisor"


async def test_a_change_that_is_refused_in_part_changes_nothing(staff: Staff) -> None:
    admin = await staff.member("admin", Role.ADMIN)
    mina = await staff.member("mina", Role.AGENT)
    joon = await staff.member("joon", Role.AGENT)
    await staff.service.change(admin, mina.email, slack_id="U0MINA")
    with pytest.raises(BadInput):
        await staff.service.change(admin, joon.email, role=Role.SUPERVISOR, slack_id="U0MINA")
    with pytest.raises(LastAdmin):
        await staff.service.change(admin, admin.email, role=Role.AGENT, name="Ada")
    assert (await staff.service.find(joon.email)).role is Role.AGENT
    assert (await staff.service.find(admin.email)).name == admin.name


async def test_the_last_admin_stays(staff: Staff) -> None:
    one = await staff.member("one", Role.ADMIN)
    with pytest.raises(LastAdmin):
        await staff.service.remove(OPERATOR, one.email)
    with pytest.raises(LastAdmin):
        await staff.service.set_role(one, one.email, Role.AGENT)
    two = await staff.member("two", Role.ADMIN)
    outcomes = await asyncio.gather(
        staff.service.remove(one, two.email),
        staff.service.remove(two, one.email),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes].count(LastAdmin) == 1


async def test_the_last_admin_stays_though_two_webs_remove_at_once(
    staff: Staff, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = await staff.member("one", Role.ADMIN), await staff.member("two", Role.ADMIN)
    # Another web has another lock; and both look before either has removed anybody.
    webs, both = [staff.service, staff.another(db)], asyncio.Barrier(2)
    read = AccountStore.accounts

    async def at_the_same_moment(store: AccountStore) -> list[Account]:
        found = await read(store)
        await both.wait()
        return found

    monkeypatch.setattr(AccountStore, "accounts", at_the_same_moment)
    outcomes = await asyncio.gather(
        webs[0].remove(one, two.email),
        webs[1].set_role(two, one.email, Role.AGENT),
        return_exceptions=True,
    )
    monkeypatch.undo()
    assert any(isinstance(outcome, LastAdmin) for outcome in outcomes), outcomes
    admins = [a.user.id for a in await read(AccountStore(db)) if a.user.role is Role.ADMIN]
    assert admins
    # Who was refused may try again, with a third admin there.
    three = await staff.member("three", Role.ADMIN)
    for admin in (one, two):
        if admin.id in admins:
            await webs[1].remove(three, admin.email)
    with pytest.raises(LastAdmin):
        await webs[0].remove(OPERATOR, three.email)


async def test_a_removal_that_was_broken_off_keeps_nobody_for_ever(
    staff: Staff, db: Database
) -> None:
    one, two = await staff.member("one", Role.ADMIN), await staff.member("two", Role.ADMIN)
    await db["users"].update_one({"_id": two.id}, {"$set": {"leaving": staff.clock.now()}})
    with pytest.raises(LastAdmin):
        await staff.service.remove(OPERATOR, one.email)
    await staff.clock.advance(LEAVING.total_seconds() + 1)
    await staff.service.remove(OPERATOR, one.email)


async def test_a_first_admin_is_made_once(staff: Staff) -> None:
    first = await staff.service.first_admin()
    assert first.role is Role.ADMIN
    assert await staff.service.first_admin() == first


async def test_a_link_signs_in_once(staff: Staff) -> None:
    mina = await staff.member("mina", Role.AGENT)
    link = await staff.service.issue_link(mina, actor=mina)
    outcomes = await asyncio.gather(
        *(staff.sign_in.with_link(link, address="1.2.3.4", browser="b") for _ in range(10)),
        return_exceptions=True,
    )
    cookies = [outcome for outcome in outcomes if isinstance(outcome, str)]
    assert len(cookies) == 1
    assert all(isinstance(o, (str, SignInRefused)) for o in outcomes)
    session = await staff.access.by_session(cookies[0], is_activity=False)
    assert session is not None
    assert session.user == mina
    assert "sign_in.refused" in await staff.what()


async def test_an_old_link_signs_nobody_in(staff: Staff) -> None:
    mina = await staff.member("mina", Role.AGENT)
    link = await staff.service.issue_link(mina, actor=mina)
    await staff.clock.advance(30 * 60 + 1)
    with pytest.raises(SignInRefused):
        await staff.sign_in.with_link(link, address="", browser="")


async def test_an_hour_without_activity_ends_a_session(staff: Staff) -> None:
    mina = await staff.member("mina", Role.AGENT)
    cookie = await staff.access.open(mina, address="", browser="")
    await staff.clock.advance(3500)
    assert await staff.access.by_session(cookie, is_activity=True)
    await staff.clock.advance(3599)
    assert await staff.access.by_session(cookie, is_activity=False)
    await staff.clock.advance(1)
    assert await staff.access.by_session(cookie, is_activity=True) is None
    await staff.clock.advance(-100)
    assert await staff.access.by_session(cookie, is_activity=True) is None


async def test_a_lost_role_and_a_removed_user_are_out_at_once(staff: Staff) -> None:
    await staff.member("admin", Role.ADMIN)
    mina = await staff.member("mina", Role.SUPERVISOR)
    token = await staff.service.issue_token(mina, actor=mina)
    cookie = await staff.access.open(mina, address="", browser="")
    await staff.service.set_role(OPERATOR, mina.email, Role.AGENT)
    user = await staff.access.by_token(token)
    session = await staff.access.by_session(cookie, is_activity=False)
    assert user is not None
    assert session is not None
    assert user.role is session.user.role is Role.AGENT
    gone: list[User] = []

    async def let_go(user: User) -> None:
        gone.append(user)

    staff.service.on_removed(let_go)
    await staff.service.remove(OPERATOR, mina.email)
    assert await staff.access.by_token(token) is None
    assert await staff.access.by_session(cookie, is_activity=False) is None
    assert [user.email for user in gone] == [mina.email]
    with pytest.raises(NotFound):
        await staff.service.find(mina.email)


async def test_tokens_have_a_scope_and_an_end(staff: Staff) -> None:
    admin = await staff.member("admin", Role.ADMIN)
    until = staff.clock.now() + timedelta(days=1)
    token = await staff.service.issue_token(
        admin, actor=admin, name="robot", scope=Role.AGENT, expires_at=until
    )
    user = await staff.access.by_token(token)
    assert user is not None
    assert user.role is Role.AGENT
    [known] = await staff.service.tokens(admin)
    assert token not in str(known)
    await staff.clock.advance(24 * 3600)
    assert await staff.access.by_token(token) is None
    await staff.service.withdraw_token(admin, known.id)
    with pytest.raises(NotFound):
        await staff.service.withdraw_token(admin, known.id)


async def test_passwords(staff: Staff) -> None:
    mina = await staff.member("mina", Role.AGENT)
    with pytest.raises(BadInput):
        await staff.service.set_password(mina, "too short")
    with pytest.raises(SignInRefused):
        await staff.sign_in.with_password(mina.email, "", address="a", browser="")
    await staff.service.set_password(mina, PASSWORD)
    cookie = await staff.sign_in.with_password(mina.email, PASSWORD, address="a", browser="")
    assert await staff.access.by_session(cookie, is_activity=False)
    for email, password in (
        (mina.email, PASSWORD + "!"),
        ("nobody@example.com", PASSWORD),
        ("not an address", PASSWORD),
    ):
        with pytest.raises(SignInRefused):
            await staff.sign_in.with_password(email, password, address="b", browser="")
    assert PASSWORD not in str(await staff.audit.page())


async def test_guessing_is_slowed_and_locks_nobody_else_out(staff: Staff) -> None:
    mina = await staff.member("mina", Role.AGENT)
    await staff.service.set_password(mina, PASSWORD)
    refused = 0
    for _ in range(12):
        try:
            await staff.sign_in.with_password(mina.email, "guess", address="evil", browser="")
        except SignInRefused:
            refused += 1
        except TooManyAttempts:
            continue
    assert refused == 6
    with pytest.raises(TooManyAttempts, match=r"again in \d+ s"):
        await staff.sign_in.with_password(mina.email, PASSWORD, address="evil", browser="")
    assert await staff.sign_in.with_password(mina.email, PASSWORD, address="home", browser="")


async def test_signing_out_everywhere(staff: Staff) -> None:
    mina = await staff.member("mina", Role.AGENT)
    cookies = [await staff.access.open(mina, address="", browser="") for _ in range(3)]
    await staff.sign_in.sign_out_everywhere(mina, address="")
    for cookie in cookies:
        assert await staff.access.by_session(cookie, is_activity=False) is None


async def test_an_admin_signs_a_colleague_out_and_the_audit_says_so(staff: Staff) -> None:
    mina = await staff.member("mina", Role.SUPERVISOR)
    boss = await staff.member("boss", Role.ADMIN)
    ended: list[str] = []
    staff.service.on_changed(lambda user: ended.append(user.email))
    cookie = await staff.access.open(boss, address="", browser="")
    with pytest.raises(Forbidden):
        await staff.service.end_sessions(mina, boss.email, address="home")
    assert await staff.access.by_session(cookie, is_activity=False) is not None
    assert ended == []

    cookie = await staff.access.open(mina, address="", browser="")
    await staff.service.end_sessions(boss, mina.email, address="home")
    assert await staff.access.by_session(cookie, is_activity=False) is None
    assert ended == [mina.email]
    [last, *_] = await staff.audit.page()
    assert (last.what, last.who, last.subject) == ("user.sign_out", boss.email, mina.email)
    assert last.address == "home"


async def test_nothing_secret_is_stored(staff: Staff, db: Database) -> None:
    mina = await staff.member("mina", Role.AGENT)
    secrets = [
        await staff.service.issue_token(mina, actor=mina),
        await staff.service.issue_link(mina, actor=mina),
        await staff.access.open(mina, address="", browser=""),
    ]
    stored = ""
    for name in ("users", "api_tokens", "sign_in_links", "sessions", "audit"):
        stored += str(await db[name].find({}).to_list())
    for secret in secrets:
        assert secret not in stored
    await staff.access.sweep()
