"""The Telegram channel: start by polling or webhook, send, stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from channels.telegram import delivery, webhooks
from channels.telegram.albums import Albums
from channels.telegram.errors import (
    ChatMigrated,
    NotModified,
    PlaceGone,
    Unshowable,
)
from channels.telegram.identity import Identity
from channels.telegram.normalize import (
    Bot,
    deletions,
    message_number,
    moved_group,
)
from channels.telegram.polling import Poller
from channels.telegram.previews import Previews
from channels.telegram.render import LIMIT, TelegramPart, to_telegram
from channels.telegram.settings import TelegramSettings
from config.languages import DEFAULT, LANGUAGES
from core.domain.messages import (
    Address,
    Attachment,
    Button,
    Delivery,
    DeliveryState,
    InboundKind,
    InboundMessage,
    OutboundFile,
    OutboundMessage,
)
from core.errors import (
    ChannelAuthFailed,
    ChannelError,
    ChannelNotReady,
    DeliveryDeferred,
    DeliveryFailed,
    DeliveryUnknown,
    StoreUnavailable,
)
from core.rendering.markdown import render_message
from core.runtime.tasks import end
from core.sdk.channel import ChannelCapabilities, HttpRequest, HttpResponse, Receive, Write
from core.sdk.imports import import_aside
from core.sdk.plugin import ChannelContext, ChannelPlugin
from core.sdk.rate_limit import Pace, Pacer
from core.sdk.state_file import StateFile

if TYPE_CHECKING:
    from channels.telegram.api import TelegramApi

BOT_PACE = Pace(burst=30, per_second=30)
CHAT_PACE = Pace(burst=3, per_second=1)
GROUP_PACE = Pace(burst=3, per_second=20 / 60)

KEPT = timedelta(days=7)  #: Telegram keeps an update for one; a date before is a wrong clock's

CAPABILITIES = ChannelCapabilities(
    text_limit=LIMIT, markup="telegram", buttons=True, typing=True, edits=True, streaming=True
)


class TelegramChannel:
    """`core.sdk.channel.Channel` over the Bot API: webhook or polling, typing, streaming."""

    def __init__(self, settings: TelegramSettings, context: ChannelContext) -> None:
        self._settings = settings
        self._context = context
        self._secret = settings.webhook_secret.get_secret_value()
        self._api: TelegramApi | None = None
        self._bot: Bot | None = None
        self._receive: Receive | None = None
        self._pacer = Pacer(context.clock, shared=context.rates)
        self._previews: Previews | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._albums = Albums()
        # A group's new chat id to the one its conversation began with.
        self._moved = StateFile(context.data_dir / "moved-groups.jsonl")
        self._identity = Identity(
            StateFile(context.data_dir / "identity.jsonl"),
            token=settings.bot_token.get_secret_value(),
        )
        url = f"{context.public_url}/webhooks/telegram" if context.public_url else ""
        self._address = url if self._secret else ""  #: where Telegram may call us
        self._webhook = ""  #: where it does

    @property
    def capabilities(self) -> ChannelCapabilities:
        """What Telegram can do."""
        return CAPABILITIES

    async def listen(self, receive: Receive) -> bool:
        """From now on webhooks are taken, where Telegram calls us; the token says who we are."""
        self._bot = await self._identity.recall()
        await self._moved.open()
        self._receive = receive
        return bool(self._address)

    async def start(self, receive: Receive) -> None:
        """Connect, then poll, or have Telegram call us where the world can reach us."""
        api = await self._connect()
        self._api = api
        self._bot = await api.me()
        await self._identity.keep(self._bot)
        await self._moved.open()
        self._receive = receive
        self._previews = Previews(api=api, clock=self._context.clock)
        self._webhook = await delivery.begin(
            api, url=self._address, secret=self._secret, logger=self._context.logger
        )
        if not self._webhook:
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

    async def probe(self) -> None:
        """Whether the token still holds, and updates still come to us."""
        if self._api is None:
            raise ChannelNotReady("Telegram is not connected.")
        await delivery.probe(self._api, url=self._webhook)

    async def stop(self) -> None:
        """Stop polling and close every connection."""
        await end(*self._tasks)
        previews, self._previews = self._previews, None
        if previews is not None:
            await previews.close()
        api, self._api = self._api, None
        self._receive = None
        if api is not None:
            await api.close()

    async def forget(self, address: Address) -> int:
        """Know nothing of this chat any more."""
        return await self._moved.forget(address)

    async def check(self) -> str:
        """With which bot the token connects us."""
        api = await self._connect()
        try:
            bot = await api.me()
            waits = await delivery.waiting(api) if self._address else ""
        finally:
            await api.close()
        way = "webhook" if self._address else "long polling"
        return f"Connected as @{bot.username} ({way}{waits})."

    async def handle_http(self, request: HttpRequest) -> HttpResponse:
        """Take one update from Telegram, once its secret has proved it."""
        if request.method != "POST":
            return HttpResponse(status=405)
        update = webhooks.open_update(request, secret=self._secret)
        if self._receive is None:
            return HttpResponse(status=503, headers={"Retry-After": "5"})
        await self._take(update)
        return HttpResponse()

    async def fetch(self, address: Address, attachment: Attachment, write: Write) -> None:
        """Hand over a file that a customer sent; Telegram's bots get up to 20 MB."""
        del address
        await self._connected().download(attachment.ref, write)

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
        if not parts and not message.files:
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
        for number, file in enumerate(message.files, start=len(parts)):
            if number < message.skip_parts:
                continue
            await self._pace(chat, parts_done=number)
            try:
                posted.append(await self._put_file(api, message, file, chat, number))
            except ChatMigrated as moved:
                await self._note_move(old=str(chat), new=str(moved.chat))
                chat, migrated = moved.chat, str(moved.chat)
                posted.append(await self._put_file(api, message, file, chat, number))
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
        try:
            return await api.post(
                message.address, part, chat=chat, buttons=buttons, reply_to=reply_to
            )
        except PlaceGone as error:
            # The topic was closed: the chat itself is still there.
            self._context.logger.info("An answer goes out without its topic: %s", error)
            address = replace(message.address, thread="")
            return await api.post(address, part, chat=chat, buttons=buttons, reply_to=reply_to)
        except Unshowable as error:
            self._context.logger.warning("An answer goes out without its marks: %s", error)
            return await api.post(message.address, TelegramPart(text=part.text), chat=chat)

    async def _put_file(
        self, api: TelegramApi, message: OutboundMessage, file: OutboundFile, chat: int, number: int
    ) -> str:
        try:
            try:
                return await api.post_file(message.address, file, chat=chat)
            except PlaceGone as error:
                self._context.logger.info("A file goes out without its topic: %s", error)
                there = replace(message.address, thread="")
                return await api.post_file(there, file, chat=chat)
        except DeliveryDeferred as error:
            raise DeliveryDeferred(
                error.detail, retry_after=error.retry_after, parts_done=number
            ) from error
        except DeliveryUnknown as error:
            raise DeliveryUnknown(error.detail, parts_done=number) from error

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
        waited, said = self._albums.settle(update, bot)
        messages = (*waited, said) if said is not None else deletions(update, bot)
        if not messages and not bot.username and _in_a_group(update):
            # In a group only our name says that we are meant, and we have not heard it yet.
            raise ChannelNotReady("Telegram has not said yet what this bot is called.")
        try:
            for message in messages:
                if message.kind is InboundKind.LANGUAGE and not message.value:
                    if self._api is None:
                        raise ChannelNotReady("Telegram is not connected.")
                    self._spawn(self._ask_language(message), name="telegram language")
                else:
                    await receive(self._as_it_began(self._dated(message)))
            self._albums.taken(update)
        except StoreUnavailable:
            # Telegram brings it again, and the press is answered then.
            raise
        except BaseException:
            self._answer(press)
            raise
        self._answer(press)

    def _as_it_began(self, message: InboundMessage) -> InboundMessage:
        """The group was upgraded: for us it is the conversation that it was."""
        began = self._moved.get(message.address.chat)
        return replace(message, address=replace(message.address, chat=began)) if began else message

    def _dated(self, message: InboundMessage) -> InboundMessage:
        """The message without a date that cannot be: Telegram keeps nothing for so long."""
        if message.sent_at is None or self._context.clock.now() - message.sent_at < KEPT:
            return message
        return replace(message, sent_at=None)

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
        texts = dict.fromkeys(words.text("channels.choose_language", each) for each in LANGUAGES)
        buttons = tuple(
            Button(id=f"language:{code}", label=language.name)
            for code, language in LANGUAGES.items()
        )
        try:
            chat = int(message.address.chat)
            await self._pace(chat, parts_done=0)
            part = TelegramPart(text="\n".join(texts))
            await self._connected().post(message.address, part, chat=chat, buttons=buttons)
        except ChannelError as error:
            self._context.logger.info("The choice of languages could not be shown: %s", error)

    async def _show_commands(self, api: TelegramApi) -> None:
        words = self._context.words
        offered = ", ".join(LANGUAGES)
        for locale in LANGUAGES:
            commands = [
                ("start", words.text("channels.telegram.start", locale)),
                ("human", words.text("channels.telegram.human", locale)),
                ("language", words.text("channels.telegram.language", locale, offered=offered)),
            ]
            try:
                # Who has set Telegram to a language of none of ours reads the default.
                await api.set_commands(commands, language="" if locale == DEFAULT else locale)
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


def _in_a_group(update: dict[str, Any]) -> bool:
    message = update.get("message")
    chat = message.get("chat") if isinstance(message, dict) else None
    return isinstance(chat, dict) and chat.get("type") in ("group", "supergroup")


def verify(settings: TelegramSettings, request: HttpRequest, _public_url: str) -> None:
    """Whether an update comes from Telegram, as long as the channel cannot say it itself."""
    webhooks.open_update(request, secret=settings.webhook_secret.get_secret_value())


plugin = ChannelPlugin(settings=TelegramSettings, create=TelegramChannel, verify=verify)
