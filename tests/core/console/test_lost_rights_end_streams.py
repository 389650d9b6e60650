"""Whoever loses his right or his session loses his open streams at that moment."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import aiohttp
import pytest

from core.accounts.roles import Role, User
from core.accounts.service import OPERATOR
from core.sdk.testing.clock import ManualClock
from core.storage.client import Database
from core.web.http.settings import WebSettings
from tests.support.site import SECRET, Site, site

Ending = Callable[[Site, User, str], Awaitable[object]]


async def role_taken(web: Site, user: User, _: str) -> None:
    await web.accounts.set_role(OPERATOR, user.email, Role.AGENT)


async def removed(web: Site, user: User, _: str) -> None:
    await web.accounts.remove(OPERATOR, user.email)


async def signed_out(web: Site, user: User, cookie: str) -> None:
    session = await web.access.by_session(cookie, is_activity=False)
    assert session is not None
    await web.sign_in.sign_out(user, session.id, address="")


async def signed_out_everywhere(web: Site, user: User, _: str) -> None:
    await web.sign_in.sign_out_everywhere(user, address="")


@pytest.mark.parametrize("ending", [role_taken, removed, signed_out, signed_out_everywhere])
async def test_at_once(web: Site, ending: Ending) -> None:
    """The heartbeat is 15 seconds away, so nothing but the loss itself ends the stream."""
    user, _ = await web.staff("chief@example.com", Role.SUPERVISOR)
    other, _ = await web.staff("other@example.com", Role.SUPERVISOR)
    cookies, _ = await web.browser(user)
    others, _ = await web.browser(other)
    async with opened(web, cookies) as stream, opened(web, others) as untouched:
        await stream.content.readline()
        await untouched.content.readline()
        await ending(web, user, cookies["session"])
        async with asyncio.timeout(2):
            rest = await stream.content.read()
        assert b"event: signed_out" in rest
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await untouched.content.read()


async def test_the_hour_ends_it_and_beats_are_no_activity(db: Database, clock: ManualClock) -> None:
    settings = WebSettings(secret_key=SECRET, heartbeat_seconds=0.2)
    async with site(db, clock=clock, settings=replace(settings)) as web:
        user, _ = await web.staff("mina@example.com", Role.AGENT)
        cookies, _ = await web.browser(user)
        async with opened(web, cookies) as stream:
            await clock.advance(3599)
            await asyncio.sleep(0.5)
            assert not stream.content.at_eof()
            await clock.advance(2)
            async with asyncio.timeout(3):
                assert b"event: signed_out" in await stream.content.read()
        status, _ = await web.call("GET", "/api/me", cookies=cookies)
        assert status == 401


def opened(web: Site, cookies: dict[str, str]) -> aiohttp.client._RequestContextManager:
    header = "; ".join(f"{name}={value}" for name, value in cookies.items())
    return web.http.get("/console/events", headers={"Cookie": header})
