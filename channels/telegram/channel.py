"""Telegram as a channel: what it can do, how it starts, and how a message gets out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from channels.telegram import webhooks
from channels.telegram.faults import ChatMigrated, NotModified, NotSupported
from channels.telegram.normalize import Bot, message_number, moved_group, to_inbound
from channels.telegram.polling import Poller
from channels.telegram.previews import Previews
from channels.telegram.render import LIMIT, TelegramPart, to_telegram
from channels.telegram.settings import TelegramSettings
from core.channel import ChannelCapabilities, HttpRequest, HttpResponse, Receive
from core.errors import (
    ChannelAuthFailed,
    ChannelError,
    ChannelNotReady,
    DeliveryDeferred,
    DeliveryFailed,
    DeliveryUnknown,
    StoreUnavailable,
)
from core.imports import import_aside
from core.messages import (
    Address,
    Button,
    Delivery,
    DeliveryState,
    InboundKind,
    InboundMessage,
    OutboundMessage,
)
from core.notebook import Notebook
from core.pacing import Pace, Pacer
from core.plugin import ChannelContext, ChannelPlugin
from core.rendering_markdown import render_message

if TYPE_CHECKING:
    from channels.telegram.api import TelegramApi

BOT_PACE = Pace(burst=30, per_second=30)
CHAT_PACE = Pace(burst=3, per_second=1)
GROUP_PACE = Pace(burst=3, per_second=20 / 60)

CAPABILITIES = ChannelCapabilities(
    text_limit=LIMIT, markup="telegram", buttons=True, typing=True, edits=True, streaming=True
)


class TelegramChannel:
    """Keeps `core.channel.Channel`, and takes webhooks, typing and growing answers."""

    def __init__(self, settings: TelegramSettings, context: ChannelContext) -> None:
        self._settings = settings
        self._context = context
        self._secret = settings.webhook_secret.get_secret_value()
        self._api: TelegramApi | None = None
        self._bot: Bot | None = None
        self._receive: Receive | None = None
        self._pacer = Pacer(context.clock)
        self._previews: Previews | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        # A group's new chat id to the one its conversation began with.
        self._moved = Notebook(context.data_dir / "moved-groups.jsonl")

    @property
    def capabilities(self) -> ChannelCapabilities:
        """What Telegram can do."""
        return CAPABILITIES

    async def start(self, receive: Receive) -> None:
        """Connect, then poll, or have Telegram call us where the world can reach us."""
        api = await self._connect()
        self._api = api
        self._bot = await api.me()
        await self._moved.open()
        self._receive = receive
        self._previews = Previews(api=api, clock=self._context.clock)
        if not await self._takes_webhooks(api):
            try:
                await api.delete_webhook()
            except (NotSupported, DeliveryDeferred) as error:
                self._context.logger.info("An old webhook could not be removed: %s", error)
            poller = Poller(
                api=api,
                take=self._take,
                clock=self._context.clock,
                lease=self._context.lease,
                key=f"telegram:{self._bot.id}",
                logger=self._context.logger,
            )
            self._spawn(poller.run(), name="telegram polling")
        self._spawn(self._show_commands(api), name="telegram commands")

    async def stop(self) -> None:
        """Stop polling and close every connection."""
        tasks, self._tasks = self._tasks, set()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        previews, self._previews = self._previews, None
        if previews is not None:
            await previews.close()
        api, self._api = self._api, None
        self._receive = None
        if api is not None:
            await api.close()

    async def check(self) -> str:
        """With which bot the token connects us."""
        api = await self._connect()
        try:
            bot = await api.me()
        finally:
            await api.close()
        way = "webhook" if self._secret and self._context.public_url else "long polling"
        return f"Connected as @{bot.username} ({way})."

    async def handle_http(self, request: HttpRequest) -> HttpResponse:
        """Take one update from Telegram, once its secret has proved it."""
        if request.method != "POST":
            return HttpResponse(status=405)
        update = webhooks.open_update(request, secret=self._secret)
        if self._receive is None:
            return HttpResponse(status=503, headers={"Retry-After": "5"})
        await self._take(update)
        return HttpResponse()

    async def typing(self, address: Address) -> None:
        """Show for five seconds that somebody writes; not worth an error."""
        try:
            await self._connected().typing(address)
        except ChannelAuthFailed:
            raise
        except ChannelError:
            return

    async def stream(self, address: Address, parts: AsyncIterator[str]) -> None:
        """Show the answer while it grows; `send` then makes it final."""
        if self._previews is not None:
            await self._previews.show(address, parts)

    async def send(self, message: OutboundMessage) -> Delivery:
        """Send the message part by part; the buttons stand under the last."""
        api = self._connected()
        label = self._context.words.text("channels.sources", message.locale)
        blocks = render_message(message, sources_label=label, site=self._context.public_url)
        parts = to_telegram(blocks)
        if not parts:
            raise DeliveryFailed("There is nothing in this message that could be shown.")
        try:
            chat = int(message.address.chat)
        except ValueError as error:
            raise DeliveryFailed(f"{message.address.chat!r} is no Telegram chat.") from error
        preview = await self._previews.take(message.address) if self._previews else ""
        posted: list[str] = []
        migrated = ""
        for number, part in enumerate(parts):
            if number < message.skip_parts:
                continue
            buttons = message.buttons if number == len(parts) - 1 else ()
            await self._pace(chat, parts_done=number)
            try:
                try:
                    posted.append(
                        await self._put(api, message, part, chat, buttons, preview, number)
                    )
                except ChatMigrated as moved:
                    await self._note_move(old=str(chat), new=str(moved.chat))
                    chat, migrated = moved.chat, str(moved.chat)
                    posted.append(await self._put(api, message, part, chat, buttons, "", number))
            except DeliveryDeferred as error:
                if error.retry_after:
                    self._pacer.close(f"chat:{chat}", error.retry_after)
                raise DeliveryDeferred(
                    error.detail, retry_after=error.retry_after, parts_done=number
                ) from error
            except DeliveryUnknown as error:
                raise DeliveryUnknown(error.detail, parts_done=number) from error
            preview = ""
        return Delivery(
            state=DeliveryState.SENT, external_ids=tuple(posted), migrated_chat=migrated
        )

    async def _put(
        self,
        api: TelegramApi,
        message: OutboundMessage,
        part: TelegramPart,
        chat: int,
        buttons: Sequence[Button],
        preview: str,
        number: int,
    ) -> str:
        if preview:
            try:
                await api.edit(message.address, part, chat=chat, message=preview, buttons=buttons)
            except NotModified:
                return preview
            except DeliveryFailed:
                self._context.logger.info("A preview is gone; its answer is posted anew.")
            else:
                return preview
        # In a group it must be plain to whom an answer belongs.
        reply_to = message_number(message.reply_to) if chat < 0 and number == 0 else None
        return await api.post(message.address, part, chat=chat, buttons=buttons, reply_to=reply_to)

    async def _pace(self, chat: int, *, parts_done: int) -> None:
        await self._pacer.wait(
            (f"chat:{chat}", GROUP_PACE if chat < 0 else CHAT_PACE),
            ("bot", BOT_PACE),
            parts_done=parts_done,
        )

    async def _take(self, update: dict[str, Any]) -> None:
        receive, bot = self._receive, self._bot
        if receive is None or bot is None:
            raise ChannelNotReady
        press = update.get("callback_query")
        if (move := moved_group(update)) is not None:
            await self._note_move(old=move[0], new=move[1])
        message = to_inbound(update, bot)
        if message is not None and (began := self._moved.get(message.address.chat)):
            # The group was upgraded: for us it is the conversation that it was.
            message = replace(message, address=replace(message.address, chat=began))
        try:
            if message is not None and message.kind is InboundKind.LANGUAGE and not message.value:
                self._spawn(self._ask_language(message), name="telegram language")
            elif message is not None:
                await receive(message)
        except StoreUnavailable:
            # Telegram brings it again, and the press is answered then.
            raise
        except BaseException:
            self._answer(press)
            raise
        self._answer(press)

    async def _note_move(self, *, old: str, new: str) -> None:
        await self._moved.put(new, self._moved.get(old) or old)

    def _answer(self, press: object) -> None:
        if isinstance(press, dict) and press.get("id"):
            self._spawn(self._answer_press(str(press["id"])), name="telegram press")

    async def _answer_press(self, press_id: str) -> None:
        try:
            await self._connected().answer_press(press_id)
        except ChannelError as error:
            self._context.logger.info("A press could not be answered: %s", error)

    async def _ask_language(self, message: InboundMessage) -> None:
        words = self._context.words
        locales = ("en", "ko")
        texts = dict.fromkeys(words.text("channels.choose_language", each) for each in locales)
        buttons = (
            Button(id="language:en", label="English"),
            Button(id="language:ko", label="한국어"),
        )
        try:
            chat = int(message.address.chat)
            await self._pace(chat, parts_done=0)
            part = TelegramPart(text="\n".join(texts))
            await self._connected().post(message.address, part, chat=chat, buttons=buttons)
        except ChannelError as error:
            self._context.logger.info("The choice of languages could not be shown: %s", error)

    async def _takes_webhooks(self, api: TelegramApi) -> bool:
        public_url = self._context.public_url
        if not public_url or not self._secret:
            return False
        try:
            await api.set_webhook(url=f"{public_url}/webhooks/telegram", secret=self._secret)
        except NotSupported as error:
            self._context.logger.warning(
                "Telegram does not take %s as a webhook (%s); polling instead.", public_url, error
            )
            return False
        return True

    async def _show_commands(self, api: TelegramApi) -> None:
        words = self._context.words
        for language, locale in (("", "en"), ("ko", "ko")):
            commands = [
                (name, words.text(f"channels.telegram.{name}", locale))
                for name in ("start", "human", "language")
            ]
            try:
                await api.set_commands(commands, language=language)
            except ChannelError as error:
                self._context.logger.info("The commands could not be shown: %s", error)
                return

    async def _connect(self) -> TelegramApi:
        # aiogram takes seconds to import; meanwhile everybody else goes on.
        module = await import_aside("channels.telegram.api")
        api: TelegramApi = module.TelegramApi(
            token=self._settings.bot_token.get_secret_value(),
            base_url=self._settings.api_base_url,
        )
        return api

    def _connected(self) -> TelegramApi:
        if self._api is None:
            raise DeliveryDeferred("Telegram is not connected.")
        return self._api

    def _spawn(self, work: Any, *, name: str) -> None:
        task = self._context.spawn(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def verify(settings: TelegramSettings, request: HttpRequest, _public_url: str) -> None:
    """Whether an update comes from Telegram, as long as the channel cannot say it itself."""
    webhooks.open_update(request, secret=settings.webhook_secret.get_secret_value())


plugin = ChannelPlugin(settings=TelegramSettings, create=TelegramChannel, verify=verify)
