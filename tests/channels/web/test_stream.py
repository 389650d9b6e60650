"""The live stream: nothing lost, nothing twice, whatever happens to the connection."""

from __future__ import annotations

import asyncio
import random

import pytest

from channels.web.stream import PREVIEW_LIMIT
from core.accounts.roles import Role
from core.domain.events import Commit, HandedBack, Sent, TakenOver
from core.domain.messages import Author
from core.engine.bus import BACKLOG
from core.engine.ports import Signal
from core.storage.client import Database
from core.web.http.settings import WebSettings
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
    spoken = 0

    async def speak() -> None:
        nonlocal spoken
        for number in range(total):
            await web.world.append(conversation_id, said(f"m{number}"))
            spoken += 1
            await asyncio.sleep(chance.random() * 0.004)

    speaking = asyncio.create_task(speak())
    texts: list[str] = []
    numbers: list[int] = []
    last = 0
    while len(texts) < total:
        # Something is always said while nobody listens, however slow whoever speaks.
        while spoken < min(total, len(texts) + 3):
            await asyncio.sleep(0.001)
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


async def test_a_growing_answer_is_drawn_by_us_from_its_beginning(web: Site) -> None:
    conversation_id, token = await web.open()
    path = f"/api/conversations/{conversation_id}/events"
    pieces = ("Open **Set", "tings** <img src=x onerror=al", "ert(1)>", " [x](javascript:alert(1))")

    def signal(kind: str, text: str) -> None:
        web.world.conversations.signal(
            Signal(conversation_id=conversation_id, kind=kind, text=text)
        )

    async with listening(web.http, path, token=token) as ear:
        await asyncio.sleep(0.05)
        signal("typing", "ai")
        for piece in pieces:
            signal("delta", piece)
        signal("typing", "ai")
        signal("delta", "Anew")
        heard = [await ear.next() for _ in range(7)]
    deltas = [h.data for h in heard if h.event == "delta"]
    assert [d["text"] for d in deltas] == [*pieces, "Anew"]
    assert deltas[0]["html"] == "<p>Open **Set</p>"
    assert deltas[3]["html"] == (
        "<p>Open <strong>Settings</strong> &lt;img src=x onerror=alert(1)&gt;"
        " [x](javascript:alert(1))</p>"
    )
    assert deltas[4]["html"] == "<p>Anew</p>"


async def test_an_answer_without_end_is_drawn_no_further(web: Site) -> None:
    conversation_id, token = await web.open()
    path = f"/api/conversations/{conversation_id}/events"
    async with listening(web.http, path, token=token) as ear:
        await asyncio.sleep(0.05)
        for kind, text in (("typing", "ai"), ("delta", "a" * PREVIEW_LIMIT), ("delta", "b")):
            web.world.conversations.signal(
                Signal(conversation_id=conversation_id, kind=kind, text=text)
            )
        _, first, second = [await ear.next() for _ in range(3)]
    assert "html" in first.data
    assert second.data == {"text": "b"}


async def test_a_long_answer_is_drawn_a_few_times_a_second_and_to_its_end(web: Site) -> None:
    conversation_id, token = await web.open()
    path = f"/api/conversations/{conversation_id}/events"
    pieces = ["word " * 120, *[f"piece {n} " for n in range(100)], "the end"]
    async with listening(web.http, path, token=token) as ear:
        await asyncio.sleep(0.05)
        for kind, text in (("typing", "ai"), *[("delta", piece) for piece in pieces]):
            web.world.conversations.signal(
                Signal(conversation_id=conversation_id, kind=kind, text=text)
            )
        heard = [await ear.next() for _ in range(len(pieces) + 2)]
    assert [h.data["text"] for h in heard[1:]] == [*pieces, ""]
    # Drawn with each piece it would have been a hundred times; the last drawing has all of it.
    assert sum("html" in h.data for h in heard) < 10
    assert heard[-1].data["html"].endswith("the end</p>")


async def test_every_message_but_the_customers_is_drawn_by_us(web: Site) -> None:
    conversation_id, token = await web.open("<b>**How**</b>?")
    await web.world.until(conversation_id, lambda c: not c.unanswered)
    await web.world.append(conversation_id, TakenOver(by="m"))
    await web.world.append(conversation_id, said("**Bold**, _not_ <i>\n- https://a.example/x"))
    notice = Sent(author=Author.SYSTEM, text="**As** <i>it</i> is", pulled=True)
    await web.world.append(conversation_id, notice)
    _, seen = await web.call("GET", f"/api/conversations/{conversation_id}", token=token)
    by_author = {message["author"]: message for message in seen["messages"]}
    assert "html" not in by_author["customer"]
    assert by_author["ai"]["html"].startswith("<p>")
    assert by_author["agent"]["html"] == (
        "<p><strong>Bold</strong>, _not_ &lt;i&gt;<br>• "
        '<a href="https://a.example/x" rel="noopener noreferrer nofollow" target="_blank">'
        "https://a.example/x</a></p>"
    )
    assert by_author["agent"]["links"] == ["https://a.example/x"]
    assert by_author["system"]["html"] == "<p>**As** &lt;i&gt;it&lt;/i&gt; is</p>"


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
    settings = WebSettings(secret_key=SECRET, heartbeat_seconds=30)
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
            async with asyncio.timeout(10):  # long before the next sign of life
                with pytest.raises((EOFError, asyncio.IncompleteReadError)):
                    await ear.next()
                assert (await console.next()).event == "signed_out"


async def test_a_stream_ends_where_another_process_took_the_right(db: Database) -> None:
    """Nobody tells this process of it: the next sign of life asks."""
    settings = WebSettings(secret_key=SECRET, heartbeat_seconds=0.05)
    async with site(db, settings=settings) as web, site(db, settings=settings) as other:
        from core.accounts.service import OPERATOR

        conversation_id, _ = await web.open()
        _, agent = await web.staff("mina@example.com", Role.AGENT)
        path = f"/api/conversations/{conversation_id}/events"
        async with (
            listening(web.http, path, token=agent) as ear,
            listening(web.http, "/console/events", token=agent) as console,
        ):
            await other.accounts.remove(OPERATOR, "mina@example.com")
            async with asyncio.timeout(10):
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
