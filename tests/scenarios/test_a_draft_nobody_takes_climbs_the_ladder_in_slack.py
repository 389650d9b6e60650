"""A draft waits through half time, a restart, a night and a holiday; its thread says so once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from approvals.slack.posts import Desk
from approvals.slack.sync import CardSync
from approvals.slack.sync_store import CardStore
from approvals.slack.views.cards import Looks
from core.domain.events import Commit
from core.i18n import Words
from core.sdk.testing.clock import ManualClock
from core.slack.app import SlackApp
from core.storage.client import Database
from tests.approvals.office import MINA, QUESTION, Office, build_office
from tests.approvals.slack_rig import DESK, buttons, shown, until
from tests.support.servers.slack import BOT_TOKEN, SIGNING_SECRET, Message, SlackServer
from tests.support.world import LOCALES, running, unsure

# The draft is queued on Thursday at 17:58 in Seoul; the desk closes at 18:00, Friday is a
# holiday, then comes the weekend; the deadline is an hour of opening time later.
THURSDAY = datetime(2026, 4, 30, 8, 58, tzinfo=UTC)
SUPERVISOR_TOLD = "A supervisor has now been told that your question is waiting."


@pytest.fixture
async def slack() -> AsyncIterator[SlackServer]:
    async with SlackServer() as server:
        yield server


@asynccontextmanager
async def desk(db: Database, clock: ManualClock, slack: SlackServer) -> AsyncIterator[Office]:
    """One process with a desk in Slack; again on the same store is a restart."""
    office = build_office(
        db,
        clock=clock,
        hours="mon-fri 09:00-18:00",
        zone="Asia/Seoul",
        holidays="2026-05-01",
        seconds=3600,
    )
    shared = SlackApp(
        bot_token=BOT_TOKEN,
        app_token="",
        signing_secret=SIGNING_SECRET,
        base_url=slack.url,
        logger=logging.getLogger("test"),
    )
    board = CardSync(
        conversations=office.world.conversations,
        approvals=office.store,
        cards=CardStore(db["cards"]),
        held_now=office.service.held_now,
        escalated=office.service.supervisors_told,
        clock=clock,
    )
    words = Words.load(LOCALES)
    board.attach(
        Desk(
            slack=shared.client,
            channel=DESK,
            looks=lambda: Looks(words=words, locale="en", base_url="https://desk.example.com"),
            on_duty="S0DUTY",
            supervisors="U0SARA",
        )
    )

    async def listen() -> None:
        async with office.world.bus.listen() as happenings:
            async for item in happenings:
                if isinstance(item, Commit) and board.concerns(item):
                    board.look(item.conversation_id)

    async with running(office.world):
        tasks = [asyncio.create_task(board.run()), asyncio.create_task(listen())]
        await asyncio.sleep(0)
        try:
            yield office
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await shared.close()


def said(slack: SlackServer, card: Message) -> list[str]:
    """The thread, line by line."""
    return [m.text for m in slack.messages if m.thread_ts == card.ts]


async def test_the_ladder_across_a_restart_a_night_and_a_holiday(
    db: Database, slack: SlackServer
) -> None:
    clock = ManualClock(THURSDAY)
    async with desk(db, clock, slack) as office:
        office.world.responder.always(unsure())
        cid = await office.world.write(QUESTION)
        # The worker waits on the test's clock for the burst to end.
        for _ in range(100):
            await clock.advance(0.1)
            if (await office.world.conversations.peek(cid)).review is not None:
                break
            await asyncio.sleep(0.02)
        await until(lambda: len(slack.messages) == 1, what="the card")
        card = slack.messages[0]
        # An hour from 17:58 ends on Monday at 09:58, because Friday is a holiday.
        monday = int(datetime(2026, 5, 4, 0, 58, tzinfo=UTC).timestamp())
        assert f"<!date^{monday}^" in shown(card)
        await clock.advance(16 * 3600)  # through the night, into the holiday
        await office.escalation.sweep()
        assert said(slack, card) == []
    async with desk(db, clock, slack) as office:
        monday_at_nine = datetime(2026, 5, 4, 0, 0, tzinfo=UTC)
        await clock.advance((monday_at_nine - clock.now()).total_seconds())
        await clock.advance(28 * 60 + 5)  # with the two minutes of Thursday: half time
        await office.escalation.sweep()
        await until(lambda: len(said(slack, card)) == 1, what="the first reminder")
        assert "Half of the time" in said(slack, card)[0]
        await office.escalation.sweep()
    async with desk(db, clock, slack) as office:
        await clock.advance(15 * 60)
        await office.escalation.sweep()
        await until(lambda: len(said(slack, card)) == 2, what="the call to the group")
        assert SUPERVISOR_TOLD not in [text for _, text in await office.world.said(cid)]
        assert "<!subteam^S0DUTY>" in said(slack, card)[1]
        await clock.advance(15 * 60)
        await office.escalation.sweep()
        await until(lambda: len(said(slack, card)) == 3, what="the call to the supervisors")
        assert "<@U0SARA>" in said(slack, card)[2]
        await until(lambda: "Escalated" in shown(card), what="the sign on the card")
        # Nothing unapproved was sent because time ran out, and the card still works.
        told = await office.world.said(cid)
        assert {author for author, _ in told} == {"system"}
        # He hears of the supervisors only now that Slack has taken the call.
        assert [text for _, text in told].count(SUPERVISOR_TOLD) == 1
        assert any("approve" in action for action in buttons(card))
        state = await office.world.conversations.peek(cid)
        assert state.review is not None
        waiting = await office.service.pending(MINA)
        assert [a.id for a in waiting.items] == [state.review.draft_id]
    assert sum(not m.thread_ts for m in slack.messages) == 1
