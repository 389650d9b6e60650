"""The live stream: nothing lost, nothing twice, whatever happens to the connection."""

from __future__ import annotations

import asyncio
import random

import pytest

from core.accounts.rules import Role
from core.bus import BACKLOG
from core.events import Commit, HandedBack, Sent, TakenOver
from core.messages import Author
from core.ports import Signal
from core.storage.client import Database
from core.web.settings import WebSettings
from tests.core.web.listening import listening
from tests.support.site import SECRET, Site, site


def said(text: str) -> Sent:
    return Sent(author=Author.AGENT, text=text, by="mina@example.com", pulled=True)


async def spoken(web: Site, conversation_id: str, event: Sent) -> Commit:
    change = await web.world.conversations.update(conversation_id, lambda _: (event,))
    assert change.commit is not None
    return change.commit


async def test_a_stream_replays_and_goes_on(web: Site) -> None:
    conversation_id, token = await web.open("How do I reset it?")
    await web.world.until(conversation_id, lambda c: not c.unanswered)
    path = f"/api/conversations/{conversation_id}"
    _, seen = await web.call("GET", path, token=token)
    async with listening(web.http, path + "/events", token=token, after=0) as ear:
        replayed = await ear.numbered(2)
        assert [h.data for h in replayed] == seen["messages"]
        assert [h.number for h in replayed] == [m["seq"] for m in seen["messages"]]
        await web.world.append(conversation_id, TakenOver(by="mina@example.com"))
        [status] = await ear.numbered(1)
        assert (status.event, status.data) == ("status", {"status": "human"})
        await web.world.append(conversation_id, said("Hello, Mina here."))
        [message] = await ear.numbered(1)
        assert (message.event, message.data["text"]) == ("message", "Hello, Mina here.")
    async with listening(web.http, path + "/events", token=token, after=status.number) as ear:
        assert await ear.numbered(1) == [message]
        await web.world.append(conversation_id, HandedBack(by="mina@example.com"))
        [back] = await ear.numbered(1)
        assert back.data == {"status": "ai"}


async def test_the_status_is_right_after_resuming_in_the_middle(web: Site) -> None:
    conversation_id, token = await web.open()
    await web.world.append(conversation_id, TakenOver(by="m"))
    state = await web.world.conversations.load(conversation_id)
    path = f"/api/conversations/{conversation_id}/events"
    async with listening(web.http, path, token=token, after=state.seq) as ear:
        await web.world.append(conversation_id, said("one"))
        await web.world.append(conversation_id, HandedBack(by="m"))
        heard = await ear.numbered(2)
    assert [(h.event, h.data.get("text") or h.data.get("status")) for h in heard] == [
        ("message", "one"),
        ("status", "ai"),
    ]


async def test_a_reader_who_is_cut_off_again_and_again_misses_nothing(web: Site) -> None:
    conversation_id, token = await web.open()
    await web.world.append(conversation_id, TakenOver(by="m"))
    path = f"/api/conversations/{conversation_id}/events"
    total, chance = 120, random.Random(7)

    async def speak() -> None:
        for number in range(total):
            await web.world.append(conversation_id, said(f"m{number}"))
            await asyncio.sleep(chance.random() * 0.004)

    speaking = asyncio.create_task(speak())
    texts: list[str] = []
    numbers: list[int] = []
    last = 0
    while len(texts) < total:
        async with listening(web.http, path, token=token, after=last) as ear:
            for _ in range(chance.randint(1, 15)):
                one = await ear.next()
                last = one.number
                numbers.append(one.number)
                if one.event == "message":
                    texts.append(one.data["text"])
                if len(texts) == total:
                    break
    await speaking
    assert texts == [f"m{number}" for number in range(total)]
    assert numbers == sorted(set(numbers))


async def test_a_reader_too_slow_for_the_bus_reads_the_log_instead(web: Site) -> None:
    conversation_id, token = await web.open()
    path = f"/api/conversations/{conversation_id}/events"
    count = BACKLOG + 60
    async with listening(web.http, path, token=token) as ear:
        await asyncio.sleep(0.05)
        state = await web.world.conversations.load(conversation_id)
        events = [said(f"m{n}") for n in range(count)]
        # One by one and without a pause, so that the listener's queue overflows.
        commits = [await spoken(web, conversation_id, event) for event in events[:20]]
        for commit in commits * 20:
            web.world.bus.publish(commit)
        heard = await ear.numbered(20)
        await web.world.append(conversation_id, said("last"))
        [last] = await ear.numbered(1)
    assert [h.data["text"] for h in heard] == [f"m{n}" for n in range(20)]
    assert [h.number for h in heard] == list(range(state.seq + 1, state.seq + 21))
    assert last.data["text"] == "last"


async def test_typing_and_growing_answers_have_no_number(web: Site) -> None:
    conversation_id, token = await web.open()
    _, agent = await web.staff("mina@example.com", Role.AGENT)
    path = f"/api/conversations/{conversation_id}/events"
    async with (
        listening(web.http, path, token=token) as visitor,
        listening(web.http, path, token=agent) as staff,
    ):
        await asyncio.sleep(0.05)
        typing = path.removesuffix("events") + "typing"
        assert (await web.call("POST", typing, token=token))[0] == 204
        web.world.conversations.signal(
            Signal(conversation_id=conversation_id, kind="typing", text="agent")
        )
        web.world.conversations.signal(
            Signal(conversation_id=conversation_id, kind="delta", text="Open Set")
        )
        first, second = await visitor.next(), await visitor.next()
        assert (first.event, first.data, first.number) == ("typing", {"author": "agent"}, -1)
        assert (second.event, second.data, second.number) == ("delta", {"text": "Open Set"}, -1)
        heard = await staff.next()
        assert (heard.event, heard.data) == ("typing", {"author": "customer"})


@pytest.mark.parametrize("bad", ["-1", "abc", "1.5", "9" * 19, "١"])
async def test_a_bad_place_to_resume_is_refused(web: Site, bad: str) -> None:
    conversation_id, token = await web.open()
    path = f"/api/conversations/{conversation_id}/events"
    status, _ = await web.call(
        "GET", path, token=token, headers={"Last-Event-ID": bad.encode().decode("latin-1")}
    )
    assert status == 422
    assert (await web.call("GET", f"{path}?last_event_id={bad}", token=token))[0] == 422


async def test_a_silent_stream_gives_a_sign_of_life(db: Database) -> None:
    settings = WebSettings(secret_key=SECRET, heartbeat_seconds=0.05)
    async with site(db, settings=settings) as web:
        conversation_id, token = await web.open()
        path = f"/api/conversations/{conversation_id}/events"
        async with listening(web.http, path, token=token) as ear:
            await asyncio.sleep(0.3)
            await web.world.append(conversation_id, said("hello"))
            assert (await ear.next()).data["text"] == "hello"
            assert ear.beats >= 3


async def test_stopping_ends_open_streams_at_once(db: Database) -> None:
    async with site(db) as web:
        conversation_id, token = await web.open()
        path = f"/api/conversations/{conversation_id}/events"
        async with listening(web.http, path, token=token):
            began = asyncio.get_running_loop().time()
            await web.server.stop()
            assert asyncio.get_running_loop().time() - began < 1.0


async def test_a_stream_ends_when_its_agent_loses_his_right(db: Database) -> None:
    settings = WebSettings(secret_key=SECRET, heartbeat_seconds=0.05)
    async with site(db, settings=settings) as web:
        from core.accounts.service import OPERATOR

        conversation_id, _ = await web.open()
        _, agent = await web.staff("mina@example.com", Role.AGENT)
        path = f"/api/conversations/{conversation_id}/events"
        async with (
            listening(web.http, path, token=agent) as ear,
            listening(web.http, "/console/events", token=agent) as console,
        ):
            await asyncio.sleep(0.1)
            await web.accounts.remove(OPERATOR, "mina@example.com")
            with pytest.raises((EOFError, asyncio.IncompleteReadError)):
                await ear.next()
            assert (await console.next()).event == "signed_out"


async def test_the_console_hears_of_every_conversation(web: Site) -> None:
    _, agent = await web.staff("mina@example.com", Role.AGENT)
    async with listening(web.http, "/console/events", token=agent) as ear:
        await asyncio.sleep(0.05)
        conversation_id, _ = await web.open()
        heard = await ear.next()
        assert heard.data == {"kind": "started", "conversation_id": conversation_id, "seq": 1}
    assert (await web.call("GET", "/console/events"))[0] == 401
