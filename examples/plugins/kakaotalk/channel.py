"""The channel KakaoTalk: skill calls in, one-time callbacks out, and the rest waits."""

from __future__ import annotations

import hmac
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from pydantic import BaseModel, Field, SecretStr

from core.domain.messages import Author, Delivery, DeliveryState, InboundKind, OutboundMessage
from core.errors import (
    BadInput,
    ChannelError,
    DeliveryAwaitsCustomer,
    DeliveryDeferred,
    DeliveryFailed,
    DeliveryUnknown,
    WebhookRefused,
)
from core.rendering.markdown import render_message
from core.rendering.tree import split, to_plain, utf16_length
from core.sdk.channel import ChannelCapabilities, HttpRequest, HttpResponse, Receive
from core.sdk.plugin import ChannelContext, ChannelPlugin

from .normalize import Asked, to_asked
from .phrases import label_of, say
from .ways import Way, Ways

TEXT_LIMIT = 1000  #: characters of one bubble
BUBBLES = 3  #: of one answer
QUICK_REPLIES = 10
BODY_LIMIT = 1_000_000
PATIENCE = 50.0  #: seconds until a customer is told that the answer takes longer
SHORT_PATIENCE = 5.0  #: when they only looked for a reply, and there is none
ONLY_ANSWERS = "KakaoTalk lets us only answer; this goes out with the customer's next message."


class Settings(BaseModel):
    """What an admin fills in; the console draws the form from this class."""

    webhook_secret: SecretStr = Field(
        title="Skill secret",
        description="Enter the same value as the header X-Skill-Secret of the skill in Kakao's "
        "chatbot centre. At least 16 characters.",
        min_length=16,
    )
    bot_id: str = Field(
        default="", title="Bot id", description="When given, only this bot's calls are taken."
    )
    callback_hosts: str = Field(
        default="kakao.com",
        title="Callback hosts",
        description="Where answers may be sent to, separated by commas; subdomains included.",
    )


class KakaotalkChannel:
    """Keeps `core.sdk.channel.Channel`, and HandlesHttp, ChecksConnection besides."""

    capabilities = ChannelCapabilities(
        text_limit=TEXT_LIMIT, buttons=True, answers_only=True, notices=False
    )

    def __init__(self, settings: Settings, context: ChannelContext) -> None:
        self._settings = settings
        self._context = context
        self._ways = Ways(context.clock)
        self._session: aiohttp.ClientSession | None = None
        self._receive: Receive | None = None

    async def listen(self, receive: Receive) -> bool:
        """From now on Kakao's calls are taken: the skill's secret alone proves them."""
        self._receive = receive
        return True

    async def start(self, receive: Receive) -> None:
        """Nothing to connect to: Kakao calls us."""
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10))
        self._receive = receive

    async def stop(self) -> None:
        """Let go of the session; open ways end with it."""
        session, self._session = self._session, None
        self._receive = None
        self._ways.clear()
        if session is not None:
            await session.close()

    async def check(self) -> str:
        """Kakao cannot be asked; what can be said is said."""
        where = self._context.public_url or "PUBLIC_URL (not set)"
        return f"Kakao calls {where}/webhooks/kakaotalk; there is nothing to connect to."

    async def handle_http(self, request: HttpRequest) -> HttpResponse:
        """Verify, store, open the way, and ask Kakao to wait for the callback."""
        if len(request.body) > BODY_LIMIT:
            return HttpResponse(status=413)
        verify(self._settings, request, self._context.public_url)
        try:
            asked = to_asked(json.loads(request.body), channel_id=self._context.channel_id)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise BadInput(f"This is no call of a skill: {type(error).__name__}.") from error
        if self._settings.bot_id and asked.bot_id != self._settings.bot_id:
            raise WebhookRefused("This is another bot.")
        if self._receive is None:
            return HttpResponse(status=503, headers={"Retry-After": "5"})
        if not asked.callback_url:
            # No answer could ever reach them, so nothing is promised.
            self._context.logger.warning(
                "KakaoTalk called without a callback address; switch the block's callback on."
            )
            return _json(_template([say("not_connected", asked.locale)], ()))
        self._check_host(asked.callback_url)
        way = self._ways.add(asked.message.address.chat, asked.callback_url, locale=asked.locale)
        try:
            await self._receive(asked.message)  # raises when it is not stored
        except BaseException:
            if way is not None:
                self._ways.forget(way)
            raise
        if way is not None:
            self._context.spawn(self._keep_company(way, asked), name="kakaotalk way")
        return _json(
            {
                "version": "2.0",
                "useCallback": True,
                "data": {"text": say("please_wait", asked.locale)},
            }
        )

    async def send(self, message: OutboundMessage) -> Delivery:
        """Bubble by bubble, three a way; what finds no way waits for the customer."""
        label = self._context.words.text("channels.sources", message.locale)
        blocks = render_message(message, sources_label=label, site=self._context.public_url)
        split_up = split(
            blocks, limit=TEXT_LIMIT, measure=lambda part: utf16_length(to_plain(part))
        )
        parts = [to_plain(part) for part in split_up]
        if not parts:
            raise DeliveryFailed("There is nothing in this message that could be shown.")
        done, sent = message.skip_parts, list[str]()
        while done < len(parts):
            way = self._ways.take(message.address.chat)
            if way is None:
                raise DeliveryAwaitsCustomer(ONLY_ANSWERS, parts_done=done)
            bubbles = parts[done : done + BUBBLES]
            last = done + len(bubbles) == len(parts)
            answer = _template(bubbles, _quick_replies(message, last=last))
            task = await self._answer(way, answer, parts_done=done)
            sent += [f"{task}/{number}" for number in range(done, done + len(bubbles))]
            done += len(bubbles)
            self._ways.answered(message.address.chat)
        return Delivery(state=DeliveryState.SENT, external_ids=tuple(sent))

    async def _answer(self, way: Way, answer: dict[str, Any], *, parts_done: int) -> str:
        """Use the way; gives Kakao's id of it. Where it was certainly not used it stays open."""
        session = self._session
        if session is None:
            raise DeliveryDeferred("KakaoTalk is not connected.", parts_done=parts_done)
        try:
            async with session.post(way.url, json=answer) as response:
                status, headers = response.status, response.headers
                said = await response.json(content_type=None)
        except aiohttp.ClientConnectorError as error:
            self._ways.give_back(way)
            raise DeliveryDeferred("KakaoTalk cannot be reached.", parts_done=parts_done) from error
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise DeliveryUnknown(
                "KakaoTalk took it and never said so.", parts_done=parts_done
            ) from error
        if status == 429 or status >= 500:
            # One use is all the address allows, so a second try can never double.
            self._ways.give_back(way)
            wait = _seconds(headers.get("Retry-After", ""))
            raise DeliveryDeferred(
                f"KakaoTalk answered {status}.", retry_after=wait, parts_done=parts_done
            )
        if status in (404, 410):
            raise DeliveryAwaitsCustomer(ONLY_ANSWERS, parts_done=parts_done)
        result = said if isinstance(said, dict) else {}
        if status >= 400 or result.get("status") in ("FAIL", "ERROR"):
            reason = str(result.get("message") or status)
            raise DeliveryFailed(f"KakaoTalk refused it: {reason}", code=str(status))
        return str(result.get("taskId") or way.url.rpartition("/")[2])

    async def _keep_company(self, way: Way, asked: Asked) -> None:
        """Before the way closes unused, say so through it, and how to look again."""
        looked = asked.message.kind is InboundKind.CONTINUE
        await self._context.clock.sleep(SHORT_PATIENCE if looked else PATIENCE)
        if not self._ways.take_idle(way):
            return
        words = say("nothing_new" if looked else "not_yet", way.locale)
        try:
            answer = _template([words], [say("look", way.locale)])
            await self._answer(way, answer, parts_done=0)
        except ChannelError as error:
            self._context.logger.info("A customer could not be asked to wait: %s", error)

    def _check_host(self, url: str) -> None:
        """Raises BadInput for an address to which no customer's words may go."""
        address = urlsplit(url)
        host = address.hostname or ""
        allowed = [name.strip().lower() for name in self._settings.callback_hosts.split(",")]
        ours = any(name and (host == name or host.endswith("." + name)) for name in allowed)
        if not ours or address.scheme not in _schemes(host):
            raise BadInput("The callback address is not Kakao's.")


def _schemes(host: str) -> tuple[str, ...]:
    return ("http", "https") if host in ("127.0.0.1", "localhost") else ("https",)


def _quick_replies(message: OutboundMessage, *, last: bool) -> Sequence[str]:
    if not last:
        return [say("more", message.locale)]
    labels = [label_of(button, message.locale) for button in message.buttons]
    if message.author is not Author.AI:
        # More may come from a person, and KakaoTalk will not bring it by itself.
        labels.append(say("look", message.locale))
    return labels[:QUICK_REPLIES]


def _template(texts: Sequence[str], labels: Sequence[str]) -> dict[str, Any]:
    template: dict[str, Any] = {"outputs": [{"simpleText": {"text": text}} for text in texts]}
    if labels:
        template["quickReplies"] = [
            {"label": label, "action": "message", "messageText": label} for label in labels
        ]
    return {"version": "2.0", "template": template}


def _seconds(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _json(document: dict[str, Any]) -> HttpResponse:
    body = json.dumps(document, ensure_ascii=False).encode()
    return HttpResponse(body=body, headers={"Content-Type": "application/json; charset=utf-8"})


def verify(settings: Settings, request: HttpRequest, _public_url: str) -> None:
    """Whether the bot calls; the host asks too, while the channel is not up."""
    secret = settings.webhook_secret.get_secret_value().encode()
    given = request.headers.get("x-skill-secret", "").encode()
    if not secret or not hmac.compare_digest(secret, given):
        raise WebhookRefused


plugin = ChannelPlugin(settings=Settings, create=KakaotalkChannel, verify=verify)
