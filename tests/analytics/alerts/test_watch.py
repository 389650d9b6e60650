"""Alerts are told once when a figure is above its limit, and once more when that is over."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from slack_sdk.web.async_client import AsyncWebClient

from analytics.alerts.carriers import MailCarrier, SlackCarrier
from analytics.alerts.model import CALM_LOOKS, Limits, Over, Watched, look
from analytics.alerts.store import AlertStore
from analytics.alerts.watch import Watch
from core.accounts.audit.log import Audit
from core.accounts.roles import Role, User
from core.domain.events import Rated
from core.errors import BadInput, Forbidden
from core.i18n import Words
from core.runtime.mail import Mailer
from core.slack.client import SlackClient
from tests.analytics.conftest import SUPERVISOR, Past
from tests.analytics.reports.test_the_report_comes_by_mail import Letterbox
from tests.support.process import free_port
from tests.support.servers.faults import Fault
from tests.support.servers.slack import SlackServer
from tests.support.world import LOCALES

NOW = datetime(2026, 11, 8, 12, tzinfo=UTC)
WORDS = Words.load(LOCALES)
TO = ("sara@example.com", "root@example.com")


def test_it_is_told_once_however_long_it_lasts_and_once_when_it_was_calm_long_enough() -> None:
    known: dict[Watched, Over] = {}
    told: list[tuple[int, bool, float]] = []
    figures = [3, 6, 9, 7, 5, 8, *[5] * (CALM_LOOKS - 1), 5, 5]
    for minute, value in enumerate(figures):
        known, now = look(
            {Watched.QUEUE: 5}, known, {Watched.QUEUE: value}, NOW + timedelta(minutes=minute)
        )
        told += [(minute, one.over, one.value) for one in now]
    # Above at 1; a look at the limit at 4 is not enough; over after five calm looks, from 6 on.
    assert told == [(1, False, 6), (10, True, 9)]


def test_a_figure_that_is_not_known_changes_nothing_and_a_removed_limit_ends_it() -> None:
    over = {Watched.WAIT: Over(since=NOW, value=20)}
    assert look({Watched.WAIT: 10}, over, {}, NOW) == (over, [])
    assert look({}, over, {Watched.WAIT: 99}, NOW) == ({}, [])


@dataclass
class Figures:
    """The queue as it is said to be."""

    queue: int = 0
    wait: float = 0.0

    async def length(self) -> int:
        return self.queue

    async def longest(self) -> float:
        return self.wait


@pytest.fixture
def letterbox() -> Iterator[tuple[Letterbox, int]]:
    box, port = Letterbox(), free_port()
    post = Controller(box, hostname="127.0.0.1", port=port)
    post.start()
    yield box, port
    post.stop()


@pytest.fixture
async def slack() -> AsyncIterator[SlackServer]:
    async with SlackServer() as server:
        yield server


async def supervisors() -> Sequence[str]:
    return TO


def a_watch(
    past: Past, figures: Figures, *, slack: SlackServer | None = None, port: int = 0
) -> Watch:
    posts = SlackCarrier(WORDS, base_url=lambda: "https://desk.example.com")
    if slack is not None:
        client = AsyncWebClient(token=slack.bot_token, base_url=slack.url)
        staff = SimpleNamespace(reports_channel="C0REPORT", desk_channel="", language="ko")
        app: Any = SimpleNamespace(client=SlackClient(client), staff=staff)
        posts.attach(app)
    letters = MailCarrier(
        Mailer(host="127.0.0.1", port=port, sender="desk@example.com") if port else None,
        WORDS,
        recipients=supervisors,
        locale="en",
        base_url=lambda: "https://desk.example.com",
        clock=past.clock,
    )
    return Watch(
        AlertStore(past.db["alerts"]),
        analytics=past.analytics(),
        queue_length=figures.length,
        longest_wait=figures.longest,
        carriers=(posts, letters),
        audit=Audit(past.db, clock=past.clock),
        clock=past.clock,
    )


async def minutes(past: Past, watch: Watch, count: int) -> None:
    for _ in range(count):
        await past.clock.advance(60)
        await watch.tick()


async def test_slack_and_mail_are_told_once_and_once_when_over_also_after_a_restart(
    past: Past, slack: SlackServer, letterbox: tuple[Letterbox, int]
) -> None:
    box, port = letterbox
    figures = Figures(queue=62)
    watch = a_watch(past, figures, slack=slack, port=port)
    await watch.tick()
    assert slack.messages == []  # nobody has set a limit
    await watch.change(SUPERVISOR, Limits(limits={Watched.QUEUE: 50}))
    await minutes(past, watch, 3)
    await minutes(past, a_watch(past, figures, slack=slack, port=port), 3)
    assert len(slack.messages) == 1
    assert "62" in slack.messages[0].text
    assert "50" in slack.messages[0].text
    [(to, letter)] = box.letters
    assert tuple(to) == TO
    assert letter["Subject"] == "Drafts waiting for a person: 62. The limit is 50."
    figures.queue = 50
    await minutes(past, watch, CALM_LOOKS + 3)
    assert len(slack.messages) == 2
    assert len(box.letters) == 2
    assert box.letters[1][1]["Subject"].strip().startswith("Over: no more than 50 drafts wait.")
    told = (await watch.standing(SUPERVISOR)).told
    assert [one.over for one in told] == [True, False]


async def test_what_slack_did_not_take_is_told_again_and_no_mail_twice(
    past: Past, slack: SlackServer, letterbox: tuple[Letterbox, int]
) -> None:
    box, port = letterbox
    slack.script.plan("chat.postMessage", Fault(status=500))
    watch = a_watch(past, Figures(queue=9), slack=slack, port=port)
    await watch.change(SUPERVISOR, Limits(limits={Watched.QUEUE: 5}))
    await minutes(past, watch, 4)
    assert len(slack.messages) == 1
    assert len(box.letters) == 1
    assert (await watch.standing(SUPERVISOR)).waits == []


async def test_where_nobody_can_be_told_the_page_has_it_all_the_same(past: Past) -> None:
    watch = a_watch(past, Figures(wait=1_900.0))
    await watch.change(SUPERVISOR, Limits(limits={Watched.WAIT: 30}))
    await minutes(past, watch, 1)
    standing = await watch.standing(SUPERVISOR)
    assert [one.name for one in standing.told] == [Watched.WAIT]
    assert standing.waits == []
    assert await watch.places() == {"slack": "", "mail": ""}


async def test_bounces_and_bad_ratings_are_counted_from_the_facts(past: Past) -> None:
    values = await a_watch(past, Figures()).values()
    since = past.clock.now() - timedelta(hours=24)
    bad = [
        event
        for commit in past.commits
        for event in commit.events
        if commit.at >= since and isinstance(event, Rated) and event.score <= 2
    ]
    assert values[Watched.RATINGS] <= len(bad)
    assert (values[Watched.RATINGS] > 0) == bool(bad)


async def test_limits_are_a_supervisors_and_make_sense(past: Past) -> None:
    watch = a_watch(past, Figures())
    agent = User(id="a", email="ann@example.com", role=Role.AGENT)
    with pytest.raises(Forbidden):
        await watch.change(agent, Limits(limits={Watched.QUEUE: 1}))
    with pytest.raises(BadInput):
        await watch.change(SUPERVISOR, Limits(limits={Watched.QUEUE: -1}))
    with pytest.raises(BadInput):
        await watch.change(SUPERVISOR, Limits(limits={Watched.QUEUE: float("nan")}))
