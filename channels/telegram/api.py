"""The Bot API through aiogram, with its errors as ours; imported only when the channel is on."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from typing import Any, TypeVar, cast

from aiogram import Bot as AiogramBot
from aiogram import exceptions as ex
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.methods import (
    AnswerCallbackQuery,
    DeleteWebhook,
    EditMessageText,
    GetFile,
    GetMe,
    GetUpdates,
    GetWebhookInfo,
    SendChatAction,
    SendDocument,
    SendMessage,
    SendMessageDraft,
    SendPhoto,
    SetMyCommands,
    SetWebhook,
    TelegramMethod,
)
from aiogram.methods.base import Response, TelegramType
from aiogram.types import (
    BotCommand,
    BufferedInputFile,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    LinkPreviewOptions,
    MessageEntity,
    ReplyParameters,
)
from aiogram.utils.token import TokenValidationError
from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientResponseError,
    ServerDisconnectedError,
)

from channels.telegram.errors import (
    ChatMigrated,
    NotModified,
    NotSupported,
    PlaceGone,
    PollConflict,
    Unshowable,
)
from channels.telegram.normalize import ALLOWED_UPDATES, BUSINESS, DIRECT, Bot
from channels.telegram.render import TelegramPart
from core.domain.messages import Address, Button, OutboundFile
from core.errors import (
    AttachmentRefused,
    ChannelAuthFailed,
    ChannelError,
    ChannelNotReady,
    DeliveryDeferred,
    DeliveryFailed,
    DeliveryUnknown,
)
from core.sdk.channel import Write

CALL_SECONDS = 20
CHUNK_BYTES = 65_536
FILE_SECONDS = 28  #: the outbox gives up after thirty
POLL_SECONDS = 25

_PHOTOS = frozenset({"image/jpeg", "image/png", "image/webp"})
PHOTO_BYTES = 10_000_000  #: larger ones go as documents

T = TypeVar("T")

logger = logging.getLogger(__name__)

# The answers are read as plain JSON: one message of a kind that aiogram does not know yet would
# otherwise spoil a whole batch, or turn a message that was sent into an error.


class _RawMe(GetMe):
    __returning__ = dict[str, Any]


class _RawWebhookInfo(GetWebhookInfo):
    __returning__ = dict[str, Any]


class _RawUpdates(GetUpdates):
    __returning__ = list[dict[str, Any]]


class _RawFile(GetFile):
    __returning__ = dict[str, Any]


class _RawSend(SendMessage):
    __returning__ = dict[str, Any]


class _RawPhoto(SendPhoto):
    __returning__ = dict[str, Any]


class _RawDocument(SendDocument):
    __returning__ = dict[str, Any]


class _RawEdit(EditMessageText):
    __returning__ = Any  # type: ignore[assignment]


class _Session(AiohttpSession):
    """Keeps the status of an answer that is not JSON (a gateway's error page)."""

    def check_response(
        self, bot: AiogramBot, method: TelegramMethod[TelegramType], status_code: int, content: str
    ) -> Response[TelegramType]:
        try:
            return super().check_response(bot, method, status_code, content)
        except ex.ClientDecodeError as error:
            if status_code in (401, 403, 404):
                raise ex.TelegramNotFound(method=method, message="Not Found") from error
            if status_code in (500, 503):
                raise ex.TelegramServerError(method=method, message=f"{status_code}") from error
            if status_code == 429:
                raise ex.TelegramRetryAfter(
                    method=method, message="Too Many Requests", retry_after=1
                ) from error
            raise


class TelegramApi:
    """One bot's connection to the Bot API."""

    def __init__(self, *, token: str, base_url: str) -> None:
        server = TelegramAPIServer.from_base(base_url)
        self._session = _Session(api=server, timeout=CALL_SECONDS)
        try:
            self._bot = AiogramBot(token, session=self._session)
        except TokenValidationError as error:
            raise ChannelAuthFailed("This is not a Telegram bot token.") from error

    async def close(self) -> None:
        """Close the connections; safe twice."""
        await self._session.close()

    async def me(self) -> Bot:
        """Who this token belongs to. Raises ChannelNotReady, ChannelAuthFailed."""
        about = cast(dict[str, Any], await self._asking(_RawMe()))
        return Bot(id=int(about.get("id", self._bot.id)), username=str(about.get("username", "")))

    async def set_webhook(self, *, url: str, secret: str) -> None:
        """Have updates sent there. Raises NotSupported when Telegram does not take the address."""
        await self._asking(
            SetWebhook(url=url, secret_token=secret, allowed_updates=list(ALLOWED_UPDATES))
        )

    async def delete_webhook(self) -> None:
        """Have updates wait for `updates`; none of them is dropped."""
        await self._asking(DeleteWebhook(drop_pending_updates=False))

    async def webhook_info(self) -> dict[str, Any]:
        """Where updates are sent, and what keeps them. Raises NotSupported, and as `me`."""
        return cast(dict[str, Any], await self._asking(_RawWebhookInfo()))

    async def updates(self, offset: int | None) -> list[dict[str, Any]]:
        """The next updates, waiting for them; an offset confirms all before it.

        Raises PollConflict, ChannelNotReady, ChannelAuthFailed, DeliveryDeferred (429).
        """
        method = _RawUpdates(
            offset=offset, timeout=POLL_SECONDS, allowed_updates=list(ALLOWED_UPDATES)
        )
        return cast(
            list[dict[str, Any]], await self._asking(method, seconds=POLL_SECONDS + CALL_SECONDS)
        )

    async def set_commands(self, commands: Sequence[tuple[str, str]], *, language: str) -> None:
        """Show these commands to customers of a language, "" for all others."""
        shown = [BotCommand(command=name, description=text) for name, text in commands]
        await self._asking(SetMyCommands(commands=shown, language_code=language or None))

    async def post(
        self,
        address: Address,
        part: TelegramPart,
        *,
        chat: int,
        buttons: Sequence[Button] = (),
        reply_to: int | None = None,
    ) -> str:
        """Send one message and give its number. Raises as `core.sdk.channel.Channel.send`."""
        fields: dict[str, Any] = {
            "chat_id": chat,
            "message_thread_id": _thread(address),
            "direct_messages_topic_id": _direct(address),
            **_content(address, part, buttons),
        }
        if reply_to is not None:
            fields["reply_parameters"] = ReplyParameters(
                message_id=reply_to, allow_sending_without_reply=True
            )
        method = _RawSend(**fields)
        sent = cast(dict[str, Any], await self._sending(method))
        return str(sent.get("message_id", ""))

    async def post_file(self, address: Address, file: OutboundFile, *, chat: int) -> str:
        """Send one file and give its message's number. Raises as `post`."""
        content = BufferedInputFile(file.content, file.name or "file")
        common: dict[str, Any] = {
            "chat_id": chat,
            "message_thread_id": _thread(address),
            "direct_messages_topic_id": _direct(address),
            "business_connection_id": _business(address),
        }
        method: TelegramMethod[Any] = _RawDocument(document=content, **common)
        if file.media_type in _PHOTOS and file.size <= PHOTO_BYTES:
            method = _RawPhoto(photo=content, **common)
        sent = cast(dict[str, Any], await self._sending(method, seconds=FILE_SECONDS))
        return str(sent.get("message_id", ""))

    async def edit(
        self,
        address: Address,
        part: TelegramPart,
        *,
        chat: int,
        message: str,
        buttons: Sequence[Button] = (),
    ) -> None:
        """Change one message. Raises as `post`, and NotModified."""
        fields: dict[str, Any] = {
            "chat_id": chat,
            "message_id": int(message),
            **_content(address, part, buttons),
        }
        await self._sending(_RawEdit(**fields))

    async def draft(self, address: Address, part: TelegramPart, *, draft_id: int) -> None:
        """Show a preview for thirty seconds. Raises NotSupported, DeliveryDeferred and the like."""
        method = SendMessageDraft(
            chat_id=int(address.chat),
            draft_id=draft_id,
            message_thread_id=_thread(address),
            text=part.text,
            entities=_entities(part),
        )
        await self._asking(method, seconds=5)

    async def typing(self, address: Address) -> None:
        """Show for five seconds that somebody writes."""
        method = SendChatAction(
            chat_id=int(address.chat),
            action="typing",
            message_thread_id=_thread(address),
            business_connection_id=_business(address),
        )
        await self._asking(method, seconds=5)

    async def download(self, file_id: str, write: Write) -> None:
        """Hand over a file's bytes. Raises AttachmentRefused, ChannelNotReady and the like."""
        try:
            found = cast(dict[str, Any], await self._asking(_RawFile(file_id=file_id)))
        except NotSupported as error:
            raise AttachmentRefused(f"Telegram does not give this file: {error.detail}") from error
        path = str(found.get("file_path") or "")
        if not path:
            raise AttachmentRefused("Telegram names no place of this file.")
        url = self._session.api.file_url(self._bot.token, path)
        try:
            async for chunk in self._session.stream_content(
                url, timeout=CALL_SECONDS, chunk_size=CHUNK_BYTES, raise_for_status=True
            ):
                await write(chunk)
        except ClientResponseError as error:
            if error.status in (404, 410):
                raise AttachmentRefused("Telegram has this file no more.") from error
            raise ChannelNotReady(f"Telegram does not give a file ({error.status}).") from error
        except (ClientError, OSError) as error:
            raise ChannelNotReady("Telegram broke off in a file.") from error

    async def answer_press(self, press_id: str, *, text: str = "") -> None:
        """Let the customer's button come to rest."""
        method = AnswerCallbackQuery(callback_query_id=press_id, text=text or None)
        await self._asking(method, seconds=5)

    async def _asking(self, method: TelegramMethod[T], *, seconds: int = CALL_SECONDS) -> T:
        try:
            return await self._bot(method, request_timeout=seconds)
        except (ex.AiogramError, OSError) as error:
            raise _while_asking(error) from error

    async def _sending(self, method: TelegramMethod[T], *, seconds: int = CALL_SECONDS) -> T:
        try:
            return await self._bot(method, request_timeout=seconds)
        except (ex.AiogramError, OSError) as error:
            raise _while_sending(error) from error


_TOO_MANY = re.compile(
    r"Too Many Requests|FLOOD(?:_PREMIUM)?_WAIT(?:_(\d+))?|SLOWMODE_WAIT_?(\d+)?"
)
_NO_PLACE = re.compile(r"message thread not found|TOPIC_(?:CLOSED|DELETED|ID_INVALID)")
_TOO_MUCH = re.compile(r"entit(?:y|ies)|\bBUTTON_|reply markup|REPLY_MARKUP|inline keyboard")


def _refusal(words: str) -> type[DeliveryFailed]:
    """The kind of a refusal; two of them may get through in another form."""
    if _NO_PLACE.search(words):
        return PlaceGone
    return Unshowable if _TOO_MUCH.search(words) else DeliveryFailed


def _while_asking(error: Exception) -> ChannelError:
    match error:
        case ex.TelegramUnauthorizedError():
            return ChannelAuthFailed("Telegram refuses the bot token.")
        case ex.TelegramConflictError():
            return PollConflict(error.message)
        case ex.TelegramRetryAfter():
            return DeliveryDeferred(error.message, retry_after=float(error.retry_after))
        case ex.TelegramNotFound() if isinstance(error.method, GetMe):
            return ChannelAuthFailed("Telegram does not know this bot token.")
        case ex.TelegramServerError() | ex.TelegramNetworkError():
            return ChannelNotReady(f"Telegram cannot be reached: {error.message}")
        case ex.TelegramAPIError():
            return NotSupported(error.message)
        case _:
            return ChannelNotReady(f"Telegram answered something unexpected: {error}")


def _while_sending(error: Exception) -> ChannelError:
    match error:
        case ex.TelegramRetryAfter():
            return DeliveryDeferred(error.message, retry_after=float(error.retry_after))
        case ex.TelegramMigrateToChat():
            return ChatMigrated(error.migrate_to_chat_id)
        case ex.TelegramUnauthorizedError() | ex.TelegramNotFound():
            return ChannelAuthFailed("Telegram refuses the bot token.")
        case ex.TelegramForbiddenError():
            return DeliveryFailed(f"The customer cannot be written to: {error.message}", code="403")
        case ex.TelegramBadRequest() if "not modified" in error.message:
            return NotModified(error.message)
        case ex.TelegramServerError():
            return DeliveryDeferred(f"Telegram has a fault: {error.message}")
        case ex.TelegramEntityTooLarge():
            return DeliveryFailed("Telegram takes nothing so large.", code="413")
        case ex.TelegramNetworkError():
            # Only where no connection came about is it certain that nothing was sent.
            if isinstance(error.__cause__, ClientConnectorError):
                return DeliveryDeferred("Telegram cannot be reached.")
            if isinstance(error.__cause__, ServerDisconnectedError):
                return DeliveryUnknown("Telegram broke the connection before it answered.")
            return DeliveryUnknown(f"No answer from Telegram: {error.message}")
        case ex.TelegramAPIError() if found := _TOO_MANY.search(error.message):
            # Not every refusal for haste carries a number that aiogram reads.
            after = next((float(seconds) for seconds in found.groups() if seconds), None)
            return DeliveryDeferred(error.message, retry_after=after)
        case ex.TelegramAPIError():
            refused = _refusal(error.message)
            return refused(f"Telegram refuses the message: {error.message}", code="400")
        case _:
            return DeliveryUnknown(f"Telegram's answer cannot be read: {type(error).__name__}")


def _content(address: Address, part: TelegramPart, buttons: Sequence[Button]) -> dict[str, Any]:
    return {
        "business_connection_id": _business(address),
        "text": part.text,
        "entities": _entities(part),
        "reply_markup": _keyboard(buttons),
        "link_preview_options": LinkPreviewOptions(is_disabled=True),
    }


def _thread(address: Address) -> int | None:
    return int(address.thread) if address.thread.isdigit() else None


def _direct(address: Address) -> int | None:
    topic = address.thread.removeprefix(DIRECT)
    return int(topic) if topic != address.thread and topic.isdigit() else None


def _business(address: Address) -> str | None:
    return address.thread.removeprefix(BUSINESS) if address.thread.startswith(BUSINESS) else None


def _entities(part: TelegramPart) -> list[MessageEntity] | None:
    return [MessageEntity(**entity) for entity in part.entities] or None


def _keyboard(buttons: Sequence[Button]) -> InlineKeyboardMarkup | None:
    rows: list[list[InlineKeyboardButton]] = []
    last = ""
    for button in buttons:
        if not 1 <= len(button.id.encode()) <= 64:
            logger.warning("A button is left out: its id does not fit into 64 bytes.")
            continue
        shown = InlineKeyboardButton(text=button.label, callback_data=button.id)
        name = button.id.partition(":")[0]
        # Choices of one kind (the five ratings) stand side by side.
        if rows and name == last and ":" in button.id:
            rows[-1].append(shown)
        else:
            rows.append([shown])
        last = name
    return InlineKeyboardMarkup(inline_keyboard=rows) if rows else None
