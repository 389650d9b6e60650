"""Attempts are counted together by all the webs of an installation."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from core.accounts.attempts import Attempts
from core.accounts.audit.log import Audit
from core.accounts.roles import Role
from core.accounts.secrets import Passwords
from core.accounts.service import OPERATOR, AccountsService
from core.accounts.sessions import StaffAccess
from core.accounts.sign_in import SignIn, SignInRefused, TooManyAttempts
from core.accounts.store import AccountStore
from core.sdk.testing.clock import ManualClock
from core.storage.client import Database

SECRET = "s" * 32
PASSWORD = "correct horse battery"


def counting(db: Database, clock: ManualClock) -> Attempts:
    """Those of one process more."""
    return Attempts(db["attempts"], secret_key=SECRET, clock=clock)


async def web(db: Database, clock: ManualClock) -> SignIn:
    """The sign-in of one web more, with a colleague who has a password."""
    store, audit, passwords = AccountStore(db), Audit(db, clock=clock), Passwords()
    attempts = counting(db, clock)
    if await store.account_by_email("mina@example.com") is None:
        accounts = AccountsService(
            store, audit=audit, clock=clock, passwords=passwords, attempts=attempts
        )
        mina = await accounts.add(OPERATOR, "mina@example.com", role=Role.AGENT)
        await accounts.passwords.set(mina, PASSWORD)
    access = StaffAccess(store, secret_key=SECRET, idle_seconds=3600, clock=clock)
    return SignIn(
        store, access=access, audit=audit, passwords=passwords, attempts=attempts, clock=clock
    )


async def test_the_seventh_guess_is_refused_though_there_are_two_webs(
    db: Database, clock: ManualClock
) -> None:
    webs = [await web(db, clock), await web(db, clock)]

    async def guesses(number: int, password: str) -> None:
        await webs[number % 2].with_password(
            "mina@example.com", password, address="192.0.2.7", browser="b"
        )

    for number in range(6):
        with pytest.raises(SignInRefused):
            await guesses(number, "wrong horse battery")
    for number in (6, 7):  # the right one, too, at either of them
        with pytest.raises(TooManyAttempts) as error:
            await guesses(number, PASSWORD)
        assert 0 < error.value.retry_after <= 30
    await clock.advance(31)
    await guesses(0, PASSWORD)
    with pytest.raises(TooManyAttempts):
        await guesses(1, PASSWORD)
    # Whoever comes from elsewhere is not locked out by it.
    await webs[1].with_password("mina@example.com", PASSWORD, address="192.0.2.8", browser="b")


async def test_of_many_at_the_same_moment_no_more_pass_than_may(
    db: Database, clock: ManualClock
) -> None:
    limits = [counting(db, clock).limit("account", rate=1 / 30, burst=6) for _ in range(4)]
    waits = await asyncio.gather(*(limits[n % 4].take("somebody") for n in range(40)))
    # One who met nothing but others is told to come again; nobody passes beyond the limit.
    assert Counter(wait == 0.0 for wait in waits)[True] <= 6
    left = [await limits[0].take("somebody") for _ in range(6)]
    assert sum(wait == 0.0 for wait in [*waits, *left]) == 6


async def test_what_is_stored_names_nobody_and_is_swept(db: Database, clock: ManualClock) -> None:
    attempts = counting(db, clock)
    limit = attempts.limit("account", rate=1 / 30, burst=6)
    await limit.take("192.0.2.7\x1fmina@example.com")
    [kept] = await db["attempts"].find({}).to_list()
    assert "mina" not in str(kept)
    assert "192.0.2" not in str(kept)
    assert kept["full_at"] == clock.now() + timedelta(seconds=30)
    await attempts.sweep()
    assert await db["attempts"].count_documents({}) == 1
    await clock.advance(31)
    await attempts.sweep()
    assert await db["attempts"].count_documents({}) == 0


async def test_one_process_alone_writes_none_down(db: Database, clock: ManualClock) -> None:
    limit = Attempts(None, secret_key=SECRET, clock=clock).limit("account", rate=1 / 30, burst=6)
    assert [await limit.take("somebody") > 0 for _ in range(7)] == [False] * 6 + [True]
    assert await db["attempts"].count_documents({}) == 0
