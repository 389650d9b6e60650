"""A thousand forged, changed and replayed cookies, tokens, links and CSRF tokens: none works."""

from __future__ import annotations

import random
import string

import pytest

from core.accounts.roles import Role
from core.accounts.sign_in import SignInRefused, TooManyAttempts
from core.storage.client import Database
from core.web.identity.visitor_tokens import VisitorTokens
from tests.support.site import site

SIGNS = string.ascii_letters + string.digits + "-_.=% é"


def forged(true: str, chance: random.Random) -> str:
    """Something like it, never itself."""
    while True:
        match chance.randrange(5):
            case 0:
                made = "".join(chance.choices(SIGNS, k=len(true)))
            case 1:
                at = chance.randrange(len(true))
                made = true[:at] + chance.choice(SIGNS) + true[at + 1 :]
            case 2:
                made = true[: chance.randrange(len(true))]
            case 3:
                made = true + chance.choice(SIGNS)
            case _:
                made = true.swapcase()
        if made != true:
            return made


async def test_none_is_accepted(db: Database) -> None:
    chance = random.Random(5)
    async with site(db) as web:
        user, token = await web.staff("mina@example.com", Role.ADMIN)
        cookies, headers = await web.browser(user)
        cookie = cookies["session"]
        session = await web.access.by_session(cookie, is_activity=False)
        assert session is not None
        visitors = VisitorTokens(secret_key="k" * 32)
        visitor = visitors.issue("c1")
        link = await web.accounts.issue_link(user, actor=user)
        for n in range(250):
            assert await web.access.by_token(forged(token, chance)) is None
            assert await web.access.by_session(forged(cookie, chance), is_activity=True) is None
            assert not web.access.is_csrf_token(session, forged(session.csrf, chance))
            assert visitors.opens(forged(visitor, chance)) != "c1"
            with pytest.raises((SignInRefused, TooManyAttempts)):
                await web.sign_in.with_link(forged(link, chance), address=f"10.0.0.{n}", browser="")
        await web.sign_in.with_link(link, address="10.1.0.1", browser="")
        for n in range(20):
            with pytest.raises(SignInRefused):
                await web.sign_in.with_link(link, address=f"10.1.1.{n}", browser="")
        await web.access.close_all(user)
        for _ in range(20):
            assert await web.access.by_session(cookie, is_activity=True) is None
        assert headers["X-CSRF-Token"] == session.csrf
