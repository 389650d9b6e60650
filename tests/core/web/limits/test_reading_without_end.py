"""What staff read is counted: generous for people, an honest 429 for a script without end."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import Any

import pytest

from analytics.dashboard.pages import DashboardPages
from core.accounts.roles import Role
from core.accounts.service import OPERATOR
from core.console.health import HealthRoutes
from core.console.operators import OperatorAccess
from core.runtime.token_bucket import RateLimit
from core.sdk.testing.clock import ManualClock
from core.storage.client import Database
from core.web.http.problems import TooMuch
from core.web.http.routing import Access, Call, Route
from core.web.http.settings import Limits, WebSettings
from core.web.limits.reads import BURST_SECONDS, DEAR, Reading
from tests.core.web.limits.test_one_too_many import HERE, THERE, is_refusal, limited
from tests.support.site import SECRET, site


async def nothing(_: object) -> Any:
    raise AssertionError


def route(**more: Any) -> Route:
    wanted: dict[str, Any] = {
        "method": "GET", "path": "/", "handler": nothing, "access": Access.STAFF, "summary": "",
    }  # fmt: skip
    return Route(**{**wanted, **more})


async def test_a_colleague_reads_so_much_and_then_waits(db: Database, clock: ManualClock) -> None:
    async with site(db, clock=clock, settings=limited(reads_per_colleague=2)) as web:
        _, ann = await web.staff("ann@example.com", Role.AGENT)
        _, bob = await web.staff("bob@example.com", Role.AGENT)
        statuses = [(await web.call("GET", "/api/me", token=ann))[0] for _ in range(20)]
        assert statuses == [200] * 20
        async with web.http.get("/api/me", headers={"Authorization": f"Bearer {ann}"}) as refused:
            await is_refusal(refused, limit="reads", scope="colleague", status=429)
        # Nobody else waits for it, nor does what Ann has to do.
        assert (await web.call("GET", "/api/me", token=bob))[0] == 200
        opened = await web.call("POST", "/api/conversations", json={})
        assert opened[0] == 201


async def test_another_token_of_the_same_colleague_is_no_way_round(
    db: Database, clock: ManualClock
) -> None:
    async with site(db, clock=clock, settings=limited(reads_per_colleague=2)) as web:
        user, ann = await web.staff("ann@example.com", Role.AGENT)
        second = await web.accounts.issue_token(user, actor=OPERATOR)
        for _ in range(20):
            await web.call("GET", "/api/me", token=ann)
        assert (await web.call("GET", "/api/me", token=second))[0] == 429


async def test_an_address_reads_so_much_through_all_its_tokens(
    db: Database, clock: ManualClock
) -> None:
    async with site(db, clock=clock, settings=limited(reads_per_address=2)) as web:
        tokens = [(await web.staff(f"p{n}@example.com", Role.AGENT))[1] for n in range(4)]
        here, there = {"X-Forwarded-For": HERE}, {"X-Forwarded-For": THERE}
        for n in range(20):
            assert (await web.call("GET", "/api/me", token=tokens[n % 4], headers=here))[0] == 200
        assert (await web.call("GET", "/api/me", token=tokens[0], headers=here))[0] == 429
        assert (await web.call("GET", "/api/me", token=tokens[0], headers=there))[0] == 200


def test_what_is_dear_counts_as_ten_and_writing_as_none(clock: ManualClock) -> None:
    limits = replace(Limits(), reads_per_colleague=20.0)
    reading = Reading(limits, clock=clock)
    call = Call(address=HERE)
    call.user = USER
    for _ in range(1000):
        reading.count(call, route(method="POST"))
        reading.count(call, route(stream=True))
    for _ in range(int(20 * BURST_SECONDS / DEAR)):
        reading.count(call, route(dear=True))
    with pytest.raises(TooMuch) as refused:
        reading.count(call, route(dear=True))
    assert refused.value.headers["Retry-After"] == "1"


async def test_the_wait_that_is_told_is_enough_and_not_much_more(clock: ManualClock) -> None:
    limit = RateLimit(rate=2.0, burst=10, clock=clock)
    while not (wait := limit.take("a", worth=4)):
        pass
    await clock.advance(wait - 0.01)
    assert limit.take("a", worth=4) > 0
    await clock.advance(0.011)
    assert limit.take("a", worth=4) == 0.0


USER: Any = type("Ann", (), {"id": "ann"})()


def test_what_counts_draws_or_collects_is_dear() -> None:
    nothing: Any = None
    pages = DashboardPages(
        nothing, pages=nothing, words=nothing, studio=nothing, clock=nothing, shift=nothing
    )
    assert all(one.dear for one in pages.routes() if "charts" not in one.path)


async def test_many_who_ask_whether_we_are_ready_are_one_look(db: Database) -> None:
    looks = 0
    gate = asyncio.Event()

    async def store() -> None:
        nonlocal looks
        looks += 1
        await gate.wait()

    health = HealthRoutes(
        checks={"store": store},
        registry=None,  # type: ignore[arg-type]
        operators=OperatorAccess(WebSettings(secret_key=SECRET)),
    )
    first = asyncio.create_task(health.ready_by_part(None))  # type: ignore[arg-type]
    others = [asyncio.create_task(health.ready_by_part(None)) for _ in range(50)]  # type: ignore[arg-type]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    first.cancel()  # whoever asked first goes away; the others are told all the same
    await asyncio.sleep(0)
    gate.set()
    answers = await asyncio.gather(*others)
    assert [answer.status for answer in answers] == [200] * 50
    assert (await health.ready_by_part(None)).status == 200  # type: ignore[arg-type]
    assert looks == 1
    health._looked_at -= 1.1
    await health.ready_by_part(None)  # type: ignore[arg-type]
    assert looks == 2


async def test_who_passes_visitors_on_without_being_trusted_is_known(
    db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    settings = WebSettings(secret_key=SECRET, limits=replace(Limits(), openings_per_address=1))
    async with site(db, settings=settings) as web:
        await web.call("GET", "/healthz")
        assert web.server.unbelieved_proxy == ""
        await web.call("GET", "/healthz", headers={"X-Forwarded-For": HERE})
        assert web.server.unbelieved_proxy == "127.0.0.1"
        with caplog.at_level(logging.WARNING):
            for at in (HERE, THERE, HERE):
                await web.call(
                    "POST", "/api/conversations", json={}, headers={"X-Forwarded-For": at}
                )
        said = [r for r in caplog.records if "TRUSTED_PROXIES" in r.getMessage()]
        assert len(said) == 1
    async with site(db, settings=limited()) as web:
        await web.call("GET", "/healthz", headers={"X-Forwarded-For": HERE})
        assert web.server.unbelieved_proxy == ""
