"""The company's settings: checked, kept, audited, and followed by every process."""

from __future__ import annotations

import asyncio

import pytest

from approvals.queue.escalation import Desk
from approvals.queue.opening_hours import Hours
from approvals.setup import _change, _check_hours
from channels.web.pages import STATIC as CHAT
from channels.web.pages import ChatPages, Which
from config.settings import read_settings
from core.accounts.audit.log import Audit
from core.accounts.roles import Role, User
from core.company.model import Company, checked
from core.company.store import CompanyStore
from core.errors import BadInput, Forbidden
from core.i18n import Words
from core.sdk.testing.clock import ManualClock
from core.storage.client import Database
from core.web.http.assets import Assets
from core.web.pages import STATIC
from tests.support.world import LOCALES

ADA = User(id="u1", email="ada@example.com", role=Role.ADMIN)
SARA = User(id="u2", email="sara@example.com", role=Role.SUPERVISOR)
WORDS = Words.load(LOCALES)


def store_on(db: Database, clock: ManualClock) -> CompanyStore:
    """The settings of one process."""
    return CompanyStore(db["company"], audit=Audit(db, clock=clock), clock=clock)


@pytest.mark.parametrize(
    "wrong",
    [
        Company(colour="green"),
        Company(colour="#ffe066"),
        Company(name="x" * 61),
        Company(greeting={"en": "x" * 121}),
        Company(questions={"en": ["a", "b", "c", "d", "e"]}),
        Company(deadline_minutes=0),
        Company(position="middle"),
        Company(theme="pink"),
        Company(ask_name="perhaps"),
        Company(launcher={"en": "x" * 31}),
    ],
)
def test_what_cannot_be_used_is_refused(wrong: Company) -> None:
    with pytest.raises(BadInput):
        checked(wrong)


def test_one_spelling() -> None:
    given = Company(
        name="  Ac\u200bme   Shoes\u202e ",
        colour="#0B6E4F",
        greeting={"en": "\u200b"},
        questions={"en": [" H\u2060i? ", " \u200b"]},
    )
    assert checked(given) == Company(name="Acme Shoes", colour="#0b6e4f", questions={"en": ["Hi?"]})


async def test_saved_audited_and_followed(
    db: Database, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.storage.following.LOOK_SECONDS", 0.02)
    one, other = store_on(db, clock), store_on(db, clock)
    heard: list[str] = []
    other.on_changed(lambda company: heard.append(company.name))
    following = asyncio.create_task(other.run())
    with pytest.raises(Forbidden):
        await one.save(SARA, Company(name="Acme"))
    await one.save(ADA, Company(name="Acme", hours="mon-fri 09:00-18:00"))
    while heard[-1:] != ["Acme"]:
        await asyncio.sleep(0.01)
    following.cancel()
    assert heard == ["", "Acme"]
    [entry] = await Audit(db, clock=clock).page()
    assert (entry.what, entry.who) == ("settings.change", ADA.email)
    assert dict(entry.after) == {"hours": "mon-fri 09:00-18:00", "name": "Acme"}
    assert (await store_on(db, clock).load()).hours == "mon-fri 09:00-18:00"


async def test_what_another_process_could_use_and_this_one_cannot(
    db: Database,
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("core.storage.following.LOOK_SECONDS", 0.02)
    env = read_settings({"DESK_HOURS": "mon-fri 09:00-18:00"}).approvals
    desk = Desk(hours=Hours.parse(""), seconds=1, words=WORDS)
    company = store_on(db, clock)
    company.on_changed(lambda c: _change(desk, env, c))
    names: list[str] = []
    company.on_changed(lambda c: names.append(c.name))
    sunday = clock.now().replace(year=2026, month=11, day=29, hour=12)
    following = asyncio.create_task(company.run())
    theirs = {"name": "Acme", "colour": "#ffe066", "timezone": "Moon/Crater"}
    await db["company"].insert_one({"_id": "company", **theirs})
    while names[-1:] != ["Acme"]:
        await asyncio.sleep(0.01)
    assert "cannot be used here" in caplog.text
    assert not desk.is_open(sunday)
    assert (await company.load()).colour == "#ffe066"
    await company.save(ADA, Company(name="Acme", hours="always"))
    assert desk.is_open(sunday)
    await db["company"].update_one({"_id": "company"}, {"$set": {"name": "Acme & Co"}})
    while names[-1:] != ["Acme & Co"]:
        await asyncio.sleep(0.01)
    following.cancel()


async def test_nobody_is_followed_where_there_is_no_other_process(
    db: Database, clock: ManualClock
) -> None:
    company = store_on(db, clock)
    await db["company"].insert_one({"_id": "company", "name": "Acme"})
    async with asyncio.timeout(5):
        await company.run(is_alone=True)
    assert company.current.name == "Acme"


async def test_hours_of_the_console_stand_before_the_environment(
    db: Database, clock: ManualClock
) -> None:
    env = read_settings(
        {"DESK_HOURS": "mon-fri 09:00-18:00", "APPROVAL_TIMEOUT_SECONDS": "600"}
    ).approvals
    company = store_on(db, clock)
    desk = Desk(hours=Hours.parse(""), seconds=1, words=WORDS)
    company.on_check(lambda c: _check_hours(env, c))
    company.on_changed(lambda c: _change(desk, env, c))
    sunday = clock.now().replace(year=2026, month=11, day=29, hour=12)
    assert not desk.is_open(sunday)
    await company.save(ADA, Company(hours="always", deadline_minutes=5))
    assert desk.is_open(sunday)
    assert (desk.deadline(sunday) - sunday).total_seconds() == 300
    with pytest.raises(BadInput, match="nonsense"):
        await company.save(ADA, Company(hours="nonsense"))
    assert desk.is_open(sunday)
    await company.save(ADA, Company())
    assert not desk.is_open(sunday)


async def test_the_chat_and_the_widget_show_it() -> None:
    now = Company()

    async def no() -> bool:
        return False

    pages = ChatPages(
        WORDS,
        assets=Assets({"chat": CHAT, "core": STATIC}),
        demonstrates=no,
        is_on=lambda: True,
        company=lambda: now,
    )

    def drawn(locale: str) -> str:
        which = Which(locale=locale, embedded=False, demonstration=False, is_open=True, theme="")
        return pages._draw(which, now.colour).decode()

    before = drawn("en")
    assert ">Support<" in before
    assert "chat-colours.css" not in before
    now = Company(
        name="Acme & Söhne",
        colour="#0b6e4f",
        greeting={"ko": "무엇을 도와드릴까요?"},
        questions={"en": ["Where is my <parcel>?"]},
        position="left",
        theme="dark",
    )
    pages._renew()
    after = drawn("en")
    assert ">Acme &amp; Söhne<" in after
    assert "How can we help?" in after
    assert "chat-colours.css?0b6e4f" in after
    assert "<parcel>" not in after
    assert 'data-theme="dark"' in after
    assert "무엇을 도와드릴까요?" in drawn("ko")
    assert b"#0b6e4f" in pages._widget
    assert b'"position":"left"' in pages._widget
