"""Text messages through Twilio's own SDK against a local server; each rule a test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from channels.sms.channel import SmsChannel, SmsSettings
from channels.sms.errors import Remedy, meaning
from core.clock import SystemClock
from core.domain.messages import (
    Address,
    Author,
    Citation,
    DeliveryState,
    InboundKind,
    OutboundMessage,
    Receipt,
)
from core.errors import (
    BadInput,
    ChannelAuthFailed,
    ChannelNotReady,
    DeliveryDeferred,
    DeliveryFailed,
    DeliveryUnknown,
    StoreUnavailable,
    WebhookRefused,
)
from core.sdk.channel import HttpRequest, HttpResponse
from core.sdk.testing.builders import ContextUnderTest
from core.sdk.testing.fakes import RecordingInbox
from tests.support.servers.faults import Fault
from tests.support.servers.twilio import (
    ACCOUNT_SID,
    AUTH_TOKEN,
    CUSTOMER,
    NUMBER,
    TwilioServer,
    too_many,
)

PUBLIC = "https://desk.example"


class Rig:
    """A channel, its vendor and its inbox."""

    def __init__(self, server: TwilioServer, *, public_url: str = PUBLIC, **settings: Any) -> None:
        self.server = server
        self.inbox = RecordingInbox()
        self.receipts: list[Receipt] = []
        self.lent = ContextUnderTest(channel_id="sms", public_url=public_url)
        values = {
            "account_sid": ACCOUNT_SID,
            "auth_token": AUTH_TOKEN,
            "from": NUMBER,
            "api_base_url": server.url,
        }
        self.channel = SmsChannel(SmsSettings.model_validate(values | settings), self.lent.context)

    async def __aenter__(self) -> Rig:
        self.channel.on_receipt(self._receipt)
        await self.channel.start(self.inbox.receive)
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.channel.stop()
        await self.lent.close()

    async def _receipt(self, receipt: Receipt) -> None:
        self.receipts.append(receipt)

    async def hook(
        self,
        form: Mapping[str, str],
        *,
        kind: str = "sms",
        signed_url: str = "",
        called_url: str = "",
        signature: str | None = None,
        token: str = "",
    ) -> HttpResponse:
        """Post a form to the webhook, as the web frame hands it over."""
        url = signed_url or f"{PUBLIC}/webhooks/twilio/{kind}"
        headers = {"x-twilio-signature": self.server.sign(url, form)}
        if signature is not None:
            headers = {"x-twilio-signature": signature} if signature else {}
        if token:
            headers["i-twilio-idempotency-token"] = token
        return await self.channel.handle_http(
            HttpRequest(
                method="POST",
                path=kind,
                headers=headers,
                query={},
                body=urlencode(form).encode(),
                url=called_url,
            )
        )


@pytest.fixture
async def server() -> AsyncIterator[TwilioServer]:
    async with TwilioServer() as running:
        yield running


@pytest.fixture
async def rig(server: TwilioServer) -> AsyncIterator[Rig]:
    async with Rig(server) as running:
        yield running


def outbound(text: str, *, account: str = NUMBER, **more: Any) -> OutboundMessage:
    address = Address(channel="sms", account=account, chat=CUSTOMER)
    fields: dict[str, Any] = {"author": Author.AI, "id": "c.1"} | more
    return OutboundMessage(
        conversation_id=address.conversation_id(), address=address, text=text, **fields
    )


# In.


async def test_a_signed_message_is_stored_and_answered_with_empty_twiml(rig: Rig) -> None:
    answer = await rig.hook(rig.server.form("How long is the warranty? 👍🏽"))
    assert answer.status == 200
    assert answer.body.endswith(b"<Response></Response>")
    (message,) = rig.inbox.accepted
    assert message.text == "How long is the warranty? 👍🏽"
    assert message.address == Address(channel="sms", account=NUMBER, chat=CUSTOMER)
    assert message.external_id.startswith("SM")


async def test_a_wrong_signature_is_refused_and_leaves_no_trace(rig: Rig) -> None:
    form = rig.server.form("forged")
    other = TwilioServer(auth_token="somebody-elses")
    for signature in ("", "nonsense", other.sign(f"{PUBLIC}/webhooks/twilio/sms", form)):
        with pytest.raises(WebhookRefused):
            await rig.hook(form, signature=signature)
    good = rig.server.sign(f"{PUBLIC}/webhooks/twilio/sms", form)
    with pytest.raises(WebhookRefused):
        await rig.hook(form | {"Body": "changed on the way"}, signature=good)
    with pytest.raises(WebhookRefused):
        await rig.hook(form, signed_url="https://elsewhere.example/webhooks/twilio/sms")
    assert rig.inbox.calls == 0


@pytest.mark.parametrize(
    "signed_url",
    [
        "https://desk.example/webhooks/twilio/sms",
        "https://desk.example:443/webhooks/twilio/sms",
        "http://desk.example/webhooks/twilio/sms",
        "https://desk.example/webhooks/twilio/sms/",
    ],
)
async def test_scheme_port_and_trailing_slash_variants_are_tried(rig: Rig, signed_url: str) -> None:
    await rig.hook(rig.server.form("hello"), signed_url=signed_url)
    assert len(rig.inbox.accepted) == 1


async def test_without_a_public_url_the_called_address_counts(server: TwilioServer) -> None:
    called = "http://127.0.0.1:8080/webhooks/twilio/sms"
    async with Rig(server, public_url="") as rig:
        await rig.hook(server.form("hello"), signed_url=called, called_url=called)
        assert len(rig.inbox.accepted) == 1


async def test_a_query_belongs_to_what_is_signed(rig: Rig) -> None:
    url = f"{PUBLIC}/webhooks/twilio/sms?tag=a"
    await rig.hook(rig.server.form("hello"), signed_url=url, called_url=url)
    assert len(rig.inbox.accepted) == 1


async def test_two_host_names_before_one_webhook_are_allowed_by_a_list(
    server: TwilioServer,
) -> None:
    other = "https://sms.other.example/webhooks/twilio/sms"
    async with Rig(server) as rig:
        with pytest.raises(WebhookRefused):
            await rig.hook(server.form("by another name"), signed_url=other)
    async with Rig(server, webhook_hosts="help.example.org, sms.other.example") as rig:
        await rig.hook(server.form("by another name"), signed_url=other)
        await rig.hook(server.form("by the first", MessageSid="SM2"))
        assert len(rig.inbox.accepted) == 2
        with pytest.raises(WebhookRefused):
            await rig.hook(server.form("x"), signed_url="https://evil.example/webhooks/twilio/sms")


async def test_a_repeat_is_one_message(rig: Rig) -> None:
    form = rig.server.form("once")
    for _ in range(3):
        await rig.hook(form)
    assert len(rig.inbox.accepted) == 1


async def test_without_a_sid_the_idempotency_token_says_what_is_a_repeat(rig: Rig) -> None:
    form = rig.server.form("once", MessageSid="", SmsMessageSid="", SmsSid="")
    for token in ("first", "first", "second"):
        await rig.hook(form, token=token)
    assert len(rig.inbox.accepted) == 2


async def test_when_the_store_is_down_twilio_is_not_acknowledged(rig: Rig) -> None:
    rig.inbox.down = True
    with pytest.raises(StoreUnavailable):
        await rig.hook(rig.server.form("keep me"))


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("STOP STOPALL UNSUBSCRIBE CANCEL END QUIT REVOKE OPTOUT", InboundKind.OPT_OUT),
        ("START UNSTOP", InboundKind.OPT_IN),
        ("HELP INFO", InboundKind.HELP),
    ],
)
async def test_consent_words_alone_never_reach_the_assistant(
    rig: Rig, words: str, kind: InboundKind
) -> None:
    for word in words.split():
        for spelled in (word, f" {word.lower()}\n", word.capitalize()):
            await rig.hook(rig.server.form(spelled))
    assert {m.kind for m in rig.inbox.accepted} == {kind}
    await rig.hook(rig.server.form("YES"))
    assert rig.inbox.accepted[-1].kind is InboundKind.MESSAGE
    await rig.hook(rig.server.form(f"please {words.split()[0].lower()} it"))
    assert rig.inbox.accepted[-1].kind is InboundKind.MESSAGE


async def test_advanced_opt_out_is_believed(rig: Rig) -> None:
    await rig.hook(rig.server.form("ARRET", OptOutType="STOP"))
    assert rig.inbox.accepted[0].kind is InboundKind.OPT_OUT


async def test_a_messaging_services_account_is_found_by_its_sid_then_by_the_number(
    server: TwilioServer,
) -> None:
    service = "MG00000000000000000000000000000001"
    async with Rig(server, **{"from": service}) as rig:
        await rig.hook(server.form("by service", MessagingServiceSid=service))
        await rig.hook(server.form("to a number of ours"))
        await rig.hook(server.form("to a service unknown here", MessagingServiceSid="MG9"))
        accounts = [m.address.account for m in rig.inbox.accepted]
        assert accounts == [service, NUMBER, "MG9"]
        await rig.channel.send(outbound("answer", account=service))
        await rig.channel.send(outbound("answer", account=NUMBER))
        assert [(t.service, t.sender) for t in server.texts] == [(service, ""), ("", NUMBER)]


async def test_pictures_are_kept_as_attachments(rig: Rig) -> None:
    media = {"NumMedia": "1", "MediaUrl0": "https://x.test/1", "MediaContentType0": "image/png"}
    await rig.hook(rig.server.form("", **media))
    (attachment,) = rig.inbox.accepted[0].attachments
    assert (attachment.kind, attachment.url) == ("image", "https://x.test/1")


async def test_a_signed_form_without_a_sender_is_bad_input(rig: Rig) -> None:
    with pytest.raises(BadInput):
        await rig.hook({"Body": "x", "Empty": ""})


# Status callbacks.


@pytest.mark.parametrize(
    ("told", "state"),
    [
        ("sent", DeliveryState.SENT),
        ("delivered", DeliveryState.DELIVERED),
        ("read", DeliveryState.READ),
        ("undelivered", DeliveryState.FAILED),
        ("failed", DeliveryState.FAILED),
    ],
)
async def test_a_status_callback_becomes_a_receipt(
    rig: Rig, told: str, state: DeliveryState
) -> None:
    await rig.hook(rig.server.status("SM1", told), kind="status")
    (receipt,) = rig.receipts
    assert (receipt.external_id, receipt.state) == ("SM1", state)
    assert receipt.address == Address(channel="sms", account=NUMBER, chat=CUSTOMER)


async def test_a_failure_says_why_in_plain_words(rig: Rig) -> None:
    await rig.hook(rig.server.status("SM1", "undelivered", ErrorCode="30006"), kind="status")
    assert rig.receipts[0].code == "30006"
    assert "landline" in rig.receipts[0].detail


async def test_addresses_entered_the_wrong_way_round_lose_neither_words_nor_outcomes(
    rig: Rig,
) -> None:
    await rig.hook(rig.server.status("SM1", "undelivered", ErrorCode="30005"), kind="sms")
    assert [(r.external_id, r.code) for r in rig.receipts] == [("SM1", "30005")]
    assert not rig.inbox.accepted
    said = rig.server.status("SM2", "received", From=CUSTOMER, To=NUMBER, Body="Where is it?")
    del said["MessageStatus"]
    await rig.hook(said, kind="status")
    assert [(m.external_id, m.text) for m in rig.inbox.accepted] == [("SM2", "Where is it?")]
    assert len(rig.receipts) == 1


async def test_steps_before_leaving_twilio_are_no_receipts(rig: Rig) -> None:
    for state in ("accepted", "queued", "sending", "scheduled", "something new"):
        await rig.hook(rig.server.status("SM1", state), kind="status")
    assert not rig.receipts


async def test_a_forged_status_is_refused(rig: Rig) -> None:
    with pytest.raises(WebhookRefused):
        await rig.hook(rig.server.status("SM1", "delivered"), kind="status", signature="no")


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        (21610, Remedy.STOP),
        (30003, Remedy.RETRY),
        (30004, Remedy.TELL),
        (30005, Remedy.TELL),
        (30006, Remedy.TELL),
        (30007, Remedy.REWORD),
        (30008, Remedy.RETRY),
        (30017, Remedy.RETRY),
        (30036, Remedy.TELL),
        (30410, Remedy.RETRY),
        (20429, Remedy.RETRY),
        (99999, Remedy.TELL),
    ],
)
def test_each_error_code_has_its_remedy(code: int, remedy: Remedy) -> None:
    assert meaning(code).remedy is remedy


# Out.


async def test_an_answer_carries_its_sources_and_counts_its_segments(server: TwilioServer) -> None:
    citations = (Citation(id="r", title="Returns", url="https://example.org/returns"),)
    async with Rig(server, price_per_segment=0.0083) as rig:
        done = await rig.channel.send(outbound("“Thirty” days **only** [1].", citations=citations))
        (body,) = server.bodies()
        assert body == (
            '"Thirty" days only [1].\n\nSources\n[1] Returns (https://example.org/returns)'
        )
        assert done.state is DeliveryState.SENT
        assert done.external_ids == (server.texts[0].sid,)
        assert (done.segments, done.detail) == (1, "1 segment, about 0.0083")
        assert server.texts[0].params["StatusCallback"] == f"{PUBLIC}/webhooks/twilio/status"


async def test_20000_characters_arrive_in_numbered_parts(rig: Rig) -> None:
    text = " ".join(f"{n}번째 문장입니다." for n in range(3000))[:20_000]
    await rig.channel.send(outbound(text, author=Author.AGENT))
    bodies = rig.server.bodies()
    assert all(len(body) <= 1600 for body in bodies)
    assert [body.split(") ", 1)[0] for body in bodies] == [
        f"({n}/{len(bodies)}" for n in range(1, len(bodies) + 1)
    ]
    joined = "".join(body.split(") ", 1)[1] for body in bodies)
    assert "".join(joined.split()) == "".join(text.split())


async def test_nothing_is_sent_to_an_opted_out_number_and_the_stop_is_stored(rig: Rig) -> None:
    rig.server.opted_out.add(CUSTOMER)
    with pytest.raises(DeliveryFailed) as caught:
        await rig.channel.send(outbound("hello"))
    assert caught.value.code == "21610"
    assert [m.kind for m in rig.inbox.accepted] == [InboundKind.OPT_OUT]


async def test_a_later_refusal_of_an_opted_out_number_is_consent_too(rig: Rig) -> None:
    await rig.channel.send(outbound("hello"))
    sid = rig.server.texts[0].sid
    form = {"MessageSid": sid, "From": NUMBER, "To": CUSTOMER, "ErrorCode": "21610"}
    await rig.hook({**form, "MessageStatus": "undelivered"}, kind="status")
    assert [m.kind for m in rig.inbox.accepted] == [InboundKind.OPT_OUT]
    assert rig.inbox.accepted[0].address.chat == CUSTOMER


async def test_too_many_requests_wait_as_long_as_twilio_says(rig: Rig) -> None:
    rig.server.script.plan("create", too_many(7))
    with pytest.raises(DeliveryDeferred) as caught:
        await rig.channel.send(outbound("hello"))
    assert caught.value.retry_after == 7
    assert not rig.server.texts


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(status=500, body=b"oops"), DeliveryDeferred),
        (Fault(status=503, body=b"{}"), DeliveryDeferred),
        (Fault(status=502, body=b"<html>"), DeliveryUnknown),
        (Fault(after=True), DeliveryUnknown),
        (Fault(status=201, body=b"not json"), DeliveryUnknown),
        (Fault(status=401, body=b'{"code": 20003}'), ChannelAuthFailed),
        (Fault(status=400, body=b'{"code": 21211, "message": "x"}'), DeliveryFailed),
        (Fault(status=400, body=b'{"code": 30001, "message": "x"}'), DeliveryDeferred),
    ],
)
async def test_failures_are_told_apart(rig: Rig, fault: Fault, error: type[Exception]) -> None:
    rig.server.script.plan("create", fault)
    with pytest.raises(error):
        await rig.channel.send(outbound("hello"))


async def test_no_connection_at_all_is_certainly_not_sent(rig: Rig) -> None:
    await rig.server.__aexit__()
    # The connection that was open may have taken the request along; a new one certainly has not.
    with pytest.raises((DeliveryUnknown, DeliveryDeferred)):
        await rig.channel.send(outbound("later"))
    with pytest.raises(DeliveryDeferred):
        await rig.channel.send(outbound("later"))


# After an unknown outcome.


async def test_after_a_break_twilio_is_asked_and_nothing_is_sent_twice(rig: Rig) -> None:
    message = outbound("did it arrive?", queued_at=SystemClock().now())
    assert await rig.channel.find(message) is None
    rig.server.script.plan("create", Fault(after=True))
    with pytest.raises(DeliveryUnknown):
        await rig.channel.send(message)
    found = await rig.channel.find(message)
    assert found is not None
    assert found.external_ids == (rig.server.texts[0].sid,)
    assert len(rig.server.texts) == 1


async def test_an_equal_text_of_before_is_not_taken_for_this_one(rig: Rig) -> None:
    await rig.channel.send(outbound("the same words", id="c.1"))
    async with Rig(rig.server) as after_restart:
        later = SystemClock().now() + timedelta(seconds=60)
        message = outbound("the same words", id="c.9", queued_at=later)
        assert await after_restart.channel.find(message) is None
    # In the same process the ids themselves tell them apart.
    soon = outbound("the same words", id="c.9", queued_at=SystemClock().now())
    assert await rig.channel.find(soon) is None


async def test_of_a_split_message_only_the_missing_parts_are_sent(rig: Rig) -> None:
    text = " ".join(f"Sentence number {n} of a long answer." for n in range(120))
    message = outbound(text, queued_at=SystemClock().now())
    rig.server.script.plan("create", Fault(seconds=0.001), Fault(after=True))
    with pytest.raises(DeliveryUnknown) as caught:
        await rig.channel.send(message)
    assert caught.value.parts_done == 1
    again = replace(message, attempt=2, skip_parts=1)
    assert await rig.channel.find(again) is None
    await rig.channel.send(again)
    numbers = [body.split("/")[0] for body in rig.server.bodies()]
    assert numbers == [f"({n}" for n in range(1, len(numbers) + 1)]
    assert len(numbers) >= 3


async def test_while_twilio_cannot_be_asked_nothing_is_claimed(rig: Rig) -> None:
    rig.server.script.plan("list", Fault(status=500, body=b"{}"))
    with pytest.raises(ChannelNotReady):
        await rig.channel.find(outbound("hello"))


# Life.


async def test_wrong_credentials_need_the_admin(server: TwilioServer) -> None:
    rig = Rig(server, auth_token="wrong")
    with pytest.raises(ChannelAuthFailed):
        await rig.channel.start(rig.inbox.receive)
    await rig.channel.stop()
    await rig.channel.stop()


async def test_a_twilio_out_of_reach_is_tried_again_later(server: TwilioServer) -> None:
    rig = Rig(server)
    await server.__aexit__()
    with pytest.raises(ChannelNotReady):
        await rig.channel.start(rig.inbox.receive)
    await rig.channel.stop()


async def test_an_api_without_the_account_page_will_do(server: TwilioServer) -> None:
    server.script.plan("account", Fault(status=404, body=b"not here"))
    async with Rig(server) as rig:
        await rig.channel.send(outbound("hello"))


async def test_check_names_the_account(server: TwilioServer) -> None:
    assert "Local account" in await Rig(server).channel.check()


async def test_sms_costs_so_only_needful_notices_are_sent(rig: Rig) -> None:
    assert not rig.channel.capabilities.notices
    assert rig.channel.capabilities.receipts
