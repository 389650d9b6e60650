"""KakaoTalk's one-time callback: used once, closed with an honest word, and never another's."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from channel_kakaotalk.channel import PATIENCE, SHORT_PATIENCE, KakaotalkChannel, Settings
from channel_kakaotalk.normalize import to_asked
from channel_kakaotalk.phrases import TEXTS
from channel_kakaotalk.simulator import BOT, KakaotalkServer

from core.domain.messages import Author, Button, InboundKind, OutboundMessage
from core.errors import BadInput, DeliveryAwaitsCustomer, WebhookRefused
from core.sdk.testing.builders import ContextUnderTest, an_outbound
from core.sdk.testing.clock import ManualClock
from core.sdk.testing.fakes import RecordingInbox
from core.sdk.testing.vendor import Written


class Rig:
    """One channel at one KakaoTalk, with a clock that a test moves."""

    def __init__(self, folder: Path) -> None:
        self.vendor = KakaotalkServer()
        self.clock = ManualClock()
        self.inbox = RecordingInbox()
        self.held = ContextUnderTest(channel_id="kakaotalk", data_dir=folder, clock=self.clock)
        self._events = 1000

    async def up(self, **settings: Any) -> None:
        await self.vendor.start()
        given = Settings.model_validate({**self.vendor.settings(), **settings})
        self.channel = KakaotalkChannel(given, self.held.context)
        await self.channel.start(self.inbox.receive)

    async def write(self, text: str, **changes: Any) -> dict[str, Any]:
        self._events += 1
        payload = self.vendor.payload(Written(text=text, event_id=str(self._events)))
        payload["userRequest"] |= changes
        response = await self.channel.handle_http(self.vendor.request(payload))
        said: dict[str, Any] = json.loads(response.body)
        return said

    def message(self, text: str = "It is here.", **changes: Any) -> OutboundMessage:
        return an_outbound(text, address=self.vendor.address("5001"), **changes)

    async def later(self, seconds: float) -> None:
        await asyncio.sleep(0.02)
        await self.clock.advance(seconds)
        await asyncio.sleep(0.1)

    def replies(self) -> list[str]:
        template = self.vendor.answers[-1][1]["template"]
        return [reply["label"] for reply in template.get("quickReplies", [])]


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    made = Rig(tmp_path)
    await made.up()
    yield made
    await made.channel.stop()
    await made.held.close()
    await made.vendor.stop()


async def test_the_call_is_answered_at_once_and_the_answer_goes_to_the_callback(rig: Rig) -> None:
    said = await rig.write("주문이 어디 있나요?")
    assert said["useCallback"] is True
    assert said["data"]["text"] == TEXTS["ko"]["please_wait"]
    await rig.channel.send(rig.message())
    assert [part.text for part in rig.vendor.arrived()] == ["It is here."]
    await rig.later(PATIENCE)
    assert rig.vendor.calls == 1, "a used way was used again"


async def test_a_callback_is_used_once_and_the_next_words_wait(rig: Rig) -> None:
    await rig.write("Hello?")
    await rig.channel.send(rig.message("One."))
    with pytest.raises(DeliveryAwaitsCustomer):
        await rig.channel.send(rig.message("Two."))
    await rig.write(TEXTS["en"]["look"])
    assert rig.inbox.accepted[-1].kind is InboundKind.CONTINUE
    await rig.channel.send(rig.message("Two."))
    assert [part.text for part in rig.vendor.arrived()] == ["One.", "Two."]


async def test_an_answer_that_takes_longer_is_announced_before_the_way_closes(rig: Rig) -> None:
    await rig.write("Hard question?")
    await rig.later(PATIENCE + 0.1)
    assert [part.text for part in rig.vendor.arrived()] == [TEXTS["ko"]["not_yet"]]
    assert rig.replies() == [TEXTS["ko"]["look"]]
    with pytest.raises(DeliveryAwaitsCustomer):
        await rig.channel.send(rig.message())


async def test_who_looks_for_a_reply_hears_soon_that_there_is_none(rig: Rig) -> None:
    await rig.write(TEXTS["ko"]["look"])
    await rig.later(SHORT_PATIENCE + 0.1)
    assert [part.text for part in rig.vendor.arrived()] == [TEXTS["ko"]["nothing_new"]]


async def test_nobody_is_asked_to_wait_for_what_he_has_got(rig: Rig) -> None:
    await rig.write("First half")
    await rig.write("second half")
    await rig.channel.send(rig.message("Both."))
    await rig.later(PATIENCE + 0.1)
    assert [part.text for part in rig.vendor.arrived()] == ["Both."]


async def test_an_old_way_is_no_way(rig: Rig) -> None:
    await rig.write("Hello?")
    rig.clock._passed += 56  # the minute passes while the loop sleeps
    with pytest.raises(DeliveryAwaitsCustomer):
        await rig.channel.send(rig.message())
    assert not rig.vendor.calls


async def test_a_long_answer_goes_on_where_it_stopped(rig: Rig) -> None:
    text = "\n\n".join(f"Paragraph {n}. " + "word " * 150 for n in range(8))
    await rig.write("Tell me everything")
    with pytest.raises(DeliveryAwaitsCustomer) as waits:
        await rig.channel.send(rig.message(text))
    assert rig.replies() == [TEXTS["en"]["more"]]
    await rig.write(TEXTS["en"]["more"])
    done = waits.value.parts_done
    with pytest.raises(DeliveryAwaitsCustomer) as more:
        await rig.channel.send(rig.message(text, skip_parts=done))
    await rig.write(TEXTS["en"]["more"])
    await rig.channel.send(rig.message(text, skip_parts=more.value.parts_done))
    arrived = " ".join(part.text for part in rig.vendor.arrived())
    assert [f"Paragraph {n}." in arrived for n in range(8)] == [True] * 8
    assert arrived.count("Paragraph") == 8


async def test_buttons_come_back_as_what_they_mean(rig: Rig) -> None:
    await rig.write("Hello?")
    buttons = (Button(id="human", label="Talk to a person"), Button(id="rating:5", label="★★★★★"))
    await rig.channel.send(rig.message(buttons=buttons))
    for label in rig.replies():
        await rig.write(label)
    pressed = [(m.kind, m.value) for m in rig.inbox.accepted[1:]]
    assert pressed == [(InboundKind.HUMAN, ""), (InboundKind.RATING, "5")]


async def test_under_a_persons_words_one_can_look_for_more(rig: Rig) -> None:
    await rig.write("Hello?")
    await rig.channel.send(rig.message(author=Author.AGENT, locale="ko"))
    assert rig.replies() == [TEXTS["ko"]["look"]]


async def test_a_callback_to_somebody_else_is_refused(rig: Rig) -> None:
    for url in ("https://evil.example/c", "http://kakao.com.evil.example/", "ftp://127.0.0.1/"):
        with pytest.raises(BadInput):
            await rig.write("Hello?", callbackUrl=url)
    assert not rig.inbox.accepted


async def test_only_https_reaches_kakao(rig: Rig, tmp_path: Path) -> None:
    other = Rig(tmp_path)
    await other.up(callback_hosts="kakao.com")
    try:
        with pytest.raises(BadInput):
            await other.write("Hello?", callbackUrl="http://bot-api.kakao.com/c/1")
        await other.write("Hello?", callbackUrl="https://bot-api.kakao.com/c/2")
        assert len(other.inbox.accepted) == 1
    finally:
        await other.channel.stop()
        await other.held.close()
        await other.vendor.stop()


async def test_another_bot_is_refused(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    await rig.up(bot_id="another")
    try:
        with pytest.raises(WebhookRefused):
            await rig.write("Hello?")
    finally:
        await rig.channel.stop()
        await rig.held.close()
        await rig.vendor.stop()


async def test_without_a_callback_nothing_is_promised(rig: Rig) -> None:
    said = await rig.write("Hello?", callbackUrl="")
    [output] = said["template"]["outputs"]
    assert output["simpleText"]["text"] == TEXTS["ko"]["not_connected"]
    assert not rig.inbox.accepted


async def test_a_message_that_could_not_be_stored_comes_again_with_its_way(rig: Rig) -> None:
    payload = rig.vendor.payload(Written(text="Hello?", event_id="77"))
    rig.inbox.down = True
    with pytest.raises(Exception, match="store"):
        await rig.channel.handle_http(rig.vendor.request(payload))
    rig.inbox.down = False
    await rig.channel.handle_http(rig.vendor.request(payload))
    await rig.channel.send(rig.message())
    assert len(rig.vendor.arrived()) == 1


def test_a_photo_is_an_attachment_and_its_address_no_text() -> None:
    payload = KakaotalkServer().payload(Written(text="http://dn-m.talk.kakao.com/x.jpg"))
    payload["userRequest"]["params"] = {
        "media": {"type": "image", "url": "http://dn-m.talk.kakao.com/x.jpg"}
    }
    message = to_asked(payload, channel_id="kakaotalk").message
    assert message.text == ""
    assert [attachment.kind for attachment in message.attachments] == ["image"]
    assert message.address.account == BOT
