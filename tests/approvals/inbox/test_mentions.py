"""Whoever a note names is told: on the console, in Slack or by mail, and once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from email import message_from_bytes
from email.message import Message

import pytest
from aiosmtpd.controller import Controller

from approvals.inbox.mentions import mentioned
from approvals.inbox.notifications import Kind, State
from approvals.inbox.service import Asked
from core.accounts.roles import Role, User
from core.domain import events as ev
from core.runtime.mail import Mailer
from core.storage.client import Database
from tests.approvals.office import JOON, MINA, SARA, Office, build_office
from tests.approvals.slack_rig import JOON as JOON_IN_SLACK
from tests.approvals.slack_rig import Rig
from tests.support.process import free_port
from tests.support.world import running

MINAH = User(id="u4", email="ah@example.com", role=Role.AGENT, name="김민아")
DOUBLE = User(id="u5", email="joon@example.org", role=Role.AGENT)
SOON = timedelta(seconds=30)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("@joon can you look?", ["joon@example.com"]),
        ("ask @JOON@Example.com.", ["joon@example.com"]),
        ("@Mina and @sara, @mina again", ["mina@example.com", "sara@example.com"]),
        ("@김민아님 확인 부탁드려요", ["ah@example.com"]),
        ("write to joon@example.com", []),
        ("@nobody @ @joonas", []),
        ("no names", []),
    ],
)
def test_whom_a_note_names(text: str, found: list[str]) -> None:
    assert list(mentioned(text, (MINA, JOON, SARA, MINAH))) == found


def test_a_name_that_two_have_names_neither() -> None:
    assert mentioned("@joon", (JOON, DOUBLE)) == ()
    assert mentioned("@joon@example.org", (JOON, DOUBLE)) == (DOUBLE.email,)


async def test_a_note_and_a_transfer_tell_whom_they_name(office: Office) -> None:
    cid = (await office.waiting()).conversation_id
    await office.service.note(MINA, cid, "@joon please, @mina too")
    await office.world.projector.drain()
    [news] = await office.inbox.notifications.unseen(JOON)
    assert (news.kind, news.by, news.c) == (Kind.MENTION, MINA.email, cid)
    # Nobody is told what they have done themselves.
    assert not await office.inbox.notifications.unseen(MINA)
    await office.service.transfer(MINA, cid, to=JOON.email, note="@sara knows them")
    await office.world.projector.drain()
    assert {n.kind for n in await office.inbox.notifications.unseen(JOON)} == {
        Kind.MENTION,
        Kind.GIVEN,
    }
    assert [n.kind for n in await office.inbox.notifications.unseen(SARA)] == [Kind.MENTION]
    [item] = (await office.inbox.inbox.find(SARA, Asked(mentioned=True))).items
    assert item.news
    assert (await office.inbox.inbox.find(MINA, Asked(mentioned=True))).items == []
    await office.inbox.inbox.saw(SARA, item.state)
    [item] = (await office.inbox.inbox.find(SARA, Asked(mentioned=True))).items
    assert not item.news


async def test_projected_again_it_is_no_second_time_new(office: Office) -> None:
    cid = (await office.waiting()).conversation_id
    await office.service.note(MINA, cid, "@joon")
    await office.world.projector.drain()
    await office.inbox.inbox.saw(JOON, await office.world.conversations.peek(cid))
    await office.inbox.notifications.apply(await office.world.conversations.history(cid))
    assert not await office.inbox.notifications.unseen(JOON)


class Letterbox:
    """Keeps what arrives; refuses while `down`."""

    def __init__(self) -> None:
        self.letters: list[tuple[str, Message]] = []
        self.down = False

    async def handle_DATA(self, server: object, session: object, envelope: object) -> str:  # noqa: N802
        if self.down:
            return "451 later"
        to, content = envelope.rcpt_tos[0], envelope.content  # type: ignore[attr-defined]
        self.letters.append((to, message_from_bytes(content)))
        return "250 OK"


@pytest.fixture
def letterbox() -> Letterbox:
    return Letterbox()


@pytest.fixture
async def mailing(db: Database, letterbox: Letterbox) -> AsyncIterator[Office]:
    """A desk with a mail server."""
    port = free_port()
    post = Controller(letterbox, hostname="127.0.0.1", port=port)
    post.start()
    mailer = Mailer(host="127.0.0.1", port=port, sender="desk@example.com")
    office = build_office(db, mailer=mailer)
    async with running(office.world):
        yield office
    post.stop()


async def test_by_mail_once_and_without_a_word_of_the_customer(
    mailing: Office, letterbox: Letterbox
) -> None:
    cid = (await mailing.waiting(text="My card is lost")).conversation_id
    await mailing.inbox.presence.saw(JOON, locale="ko")
    await mailing.service.note(MINA, cid, "@joon their card is lost")
    await mailing.world.projector.drain()
    now = mailing.world.clock.now()
    assert await mailing.inbox.teller.sweep(now) == 0
    letterbox.down = True
    assert await mailing.inbox.teller.sweep(now + SOON) == 0
    letterbox.down = False
    assert await mailing.inbox.teller.sweep(now + SOON) == 0
    assert await mailing.inbox.teller.sweep(now + 4 * SOON) == 1
    assert await mailing.inbox.teller.sweep(now + 4 * SOON) == 0
    [(to, letter)] = letterbox.letters
    text = letter.get_payload(decode=True)
    assert to == JOON.email
    assert isinstance(text, bytes)
    assert "언급" in text.decode()
    assert f"http://desk.example.com/console/conversations/{cid}" in text.decode()
    assert "card" not in text.decode()


async def test_whoever_has_seen_it_is_not_told_again(mailing: Office, letterbox: Letterbox) -> None:
    cid = (await mailing.waiting()).conversation_id
    await mailing.service.note(MINA, cid, "@joon")
    await mailing.world.projector.drain()
    await mailing.inbox.inbox.saw(JOON, await mailing.world.conversations.peek(cid))
    now = mailing.world.clock.now()
    assert await mailing.inbox.teller.sweep(now + SOON) == 0
    assert await mailing.inbox.notifications.due(now + SOON) == []
    assert letterbox.letters == []


async def test_without_slack_and_mail_the_badge_is_all(office: Office, db: Database) -> None:
    cid = (await office.waiting()).conversation_id
    await office.service.note(MINA, cid, "@joon")
    await office.world.projector.drain()
    assert await office.inbox.teller.sweep(office.world.clock.now() + SOON) == 0
    [kept] = await db["notifications"].find({"to": JOON.email, "seen": False}).to_list()
    assert kept["state"] == State.NOWHERE.value
    assert len(await office.inbox.notifications.unseen(JOON)) == 1


async def test_in_slack_directly(desk: Rig) -> None:
    customer = await desk.asks()
    mina = await desk.live.core.accounts.find("mina@example.com")
    await desk.live.desk.service.note(mina, customer.id, "@joon please")
    await desk.live.core.projector.drain()
    teller = desk.live.desk.inbox.teller
    assert await teller.sweep(desk.live.core.clock.now() + SOON) == 1
    [told] = [m for m in desk.slack.messages if m.channel == JOON_IN_SLACK]
    assert "mina@example.com mentioned you" in told.text
    assert f"/console/conversations/{customer.id}" in told.text


async def test_a_note_of_before_has_no_mentions() -> None:
    noted = ev.event_from_plain({"kind": "noted", "by": "mina@example.com", "text": "@joon"})
    assert noted == ev.Noted(by="mina@example.com", text="@joon")
