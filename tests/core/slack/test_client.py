"""One table says what is to be done about Slack's answers; what was posted once is found again."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from core.clock import SystemClock
from core.rendering.slack import SlackMessage
from core.slack import errors
from core.slack.app import SlackApp
from core.slack.client import Mark, SlackClient, meaning
from core.slack.errors import SlackError, SlackLater, SlackRefused, SlackUnauthorized, SlackUnknown
from core.slack.retry import Retry
from tests.support.servers.faults import Fault
from tests.support.servers.slack import BOT_TOKEN, SIGNING_SECRET, SlackServer, too_many

pytestmark = pytest.mark.apart

HELLO = SlackMessage(text="hello", blocks=())
MARK = Mark(kind="a_kind", fields={"key": "c1.3", "part": 2})
JSON = {"Content-Type": "application/json"}


@pytest.fixture
async def server() -> AsyncIterator[SlackServer]:
    async with SlackServer() as running:
        yield running


@pytest.fixture
async def client(server: SlackServer) -> AsyncIterator[SlackClient]:
    app = SlackApp(
        bot_token=BOT_TOKEN,
        app_token="",
        signing_secret=SIGNING_SECRET,
        base_url=server.url,
        logger=logging.getLogger("test"),
    )
    yield app.client
    await app.close()


def answer(code: str, *, status: int = 200) -> Fault:
    """Slack says no."""
    body = json.dumps({"ok": False, "error": code} if code else {"ok": False}).encode()
    return Fault(status=status, body=body, headers=JSON)


@pytest.mark.parametrize(
    ("fault", "kind", "code"),
    [
        (too_many(7), errors.SlackRateLimited, "ratelimited"),
        (answer("ratelimited"), errors.SlackRateLimited, "ratelimited"),
        (answer("service_unavailable"), errors.SlackLater, "service_unavailable"),
        (answer("internal_error"), errors.SlackUnknown, "internal_error"),
        (answer("whatever", status=500), errors.SlackUnknown, "whatever"),
        (answer("", status=502), errors.SlackUnknown, "502"),
        (answer("", status=408), errors.SlackUnknown, "408"),
        (answer(""), errors.SlackUnknown, "200"),
        (answer("", status=413), errors.SlackRefused, "413"),
        (Fault(), errors.SlackUnknown, "ServerDisconnectedError"),
        (answer("token_revoked"), errors.SlackUnauthorized, "token_revoked"),
        (answer("missing_scope"), errors.SlackNotPermitted, "missing_scope"),
        (answer("message_not_found"), errors.SlackGone, "message_not_found"),
        (answer("is_archived"), errors.SlackNoChannel, "is_archived"),
        (answer("invalid_blocks"), errors.SlackUnshowable, "invalid_blocks"),
        (answer("user_not_found"), errors.SlackNoMember, "user_not_found"),
        (answer("not_in_channel"), errors.SlackRefused, "not_in_channel"),
    ],
)
async def test_every_answer_says_what_is_to_be_done(
    server: SlackServer, client: SlackClient, fault: Fault, kind: type[SlackError], code: str
) -> None:
    server.script.plan("chat.postMessage", fault)
    with pytest.raises(SlackError) as caught:
        await client.post("C1", HELLO)
    assert type(caught.value) is kind
    assert caught.value.code == code
    assert caught.value.after == (7 if fault == too_many(7) else None)


async def test_without_a_connection_nothing_was_done_and_a_closed_client_breaks_nobody(
    server: SlackServer, client: SlackClient
) -> None:
    await server.__aexit__()
    with pytest.raises(SlackLater):
        await client.post("C1", HELLO)
    assert isinstance(meaning(RuntimeError("Session is closed")), SlackUnknown)


async def test_what_only_reads_may_be_asked_again_whatever_became_of_it(
    server: SlackServer, client: SlackClient
) -> None:
    server.script.plan("conversations.history", answer("", status=500), answer("fatal_error"))
    for _ in range(2):
        with pytest.raises(SlackLater):
            await client.find(MARK, "C1")


@pytest.mark.parametrize("thread", ["", "1700000000.000100"])
async def test_what_was_posted_once_is_found_again_by_its_mark(
    server: SlackServer, client: SlackClient, thread: str
) -> None:
    since = datetime.now(UTC)
    server.script.plan("chat.postMessage", Fault(after=True))  # posted, and no answer comes
    with pytest.raises(SlackUnknown):
        await client.post("C1", HELLO, thread=thread, mark=MARK)
    other = Mark(kind="another", fields=MARK.fields)
    await client.post("C1", HELLO, thread=thread, mark=other)
    await client.post("C1", HELLO, thread=thread)
    [ours, *_] = server.messages
    assert await client.find(MARK, "C1", thread=thread, since=since) == ours.ts
    assert await client.find(MARK, "C1", thread=thread, since=since + timedelta(hours=1)) == ""
    assert await client.find(MARK, "C2", thread=thread) == ""


async def test_where_we_may_not_look_nobody_can_say(
    server: SlackServer, client: SlackClient
) -> None:
    server.refused["conversations.history"] = "missing_scope"
    assert await client.find(MARK, "C1") is None
    server.refused["conversations.history"] = "token_revoked"
    with pytest.raises(SlackUnauthorized):
        await client.find(MARK, "C1")


async def test_only_our_own_of_one_kind_are_cleared_from_a_thread(
    server: SlackServer, client: SlackClient
) -> None:
    head = await client.post("C1", HELLO, mark=MARK)
    await client.post("C1", HELLO, thread=head, mark=MARK)
    kept = await client.post("C1", HELLO, thread=head)
    await client.clear("C1", head, kind=MARK.kind)
    assert [m.ts for m in server.messages] == [head, kept]
    server.refused["conversations.replies"] = "thread_not_found"
    await client.clear("C1", head, kind=MARK.kind)


async def test_who_watches_hears_of_what_was_done_and_of_nothing_else(
    server: SlackServer, client: SlackClient
) -> None:
    heard: list[int] = []
    watched = client.watched(lambda: heard.append(1))
    await watched.find(MARK, "C1")
    await client.post("C1", HELLO)
    server.script.plan("chat.postMessage", answer("not_in_channel"))
    with pytest.raises(SlackRefused):
        await watched.post("C1", HELLO)
    assert not heard
    await watched.post("C1", HELLO)
    assert heard == [1]


async def test_only_what_was_certainly_not_done_is_asked_for_again(
    server: SlackServer, client: SlackClient
) -> None:
    retry = Retry(clock=SystemClock(), tries=2, pause=0.01)
    server.script.plan("chat.postMessage", answer("service_unavailable"))
    assert await retry(lambda: client.post("C1", HELLO))
    for fault, kind in ((Fault(after=True), SlackUnknown), (answer("is_archived"), SlackRefused)):
        server.script.plan("chat.postMessage", fault)
        known = len(server.called("chat.postMessage"))
        with pytest.raises(kind):
            await retry(lambda: client.post("C1", HELLO))
        assert len(server.called("chat.postMessage")) == known + 1
    server.script.plan("chat.postMessage", *[answer("ratelimited")] * 2)
    with pytest.raises(SlackLater):
        await retry(lambda: client.post("C1", HELLO))


async def test_a_private_answer_that_goes_nowhere_is_an_error_like_any_other(
    client: SlackClient,
) -> None:
    with pytest.raises(SlackLater):
        await client.respond("http://127.0.0.1:9/response", "hello")
