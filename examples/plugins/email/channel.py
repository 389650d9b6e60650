"""The channel e-mail: a mailbox is read by IMAP, and answered by SMTP in the same thread."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Literal

from pydantic import BaseModel, Field, SecretStr, field_validator

from core.domain.messages import Address, Delivery, DeliveryState, OutboundMessage
from core.errors import ChannelNotReady, DeliveryFailed, StoreUnavailable
from core.rendering.markdown import render_message
from core.sdk.channel import ChannelCapabilities, Receive, ReceiveReceipt
from core.sdk.plugin import ChannelContext, ChannelPlugin
from core.sdk.state_file import StateFile

from .letters import Bounce, Letter, NotForUs, read_letter
from .mailbox import Mailbox
from .post import Post
from .replies import Thread, id_of, write_letter

TEXT_LIMIT = 1_000_000  #: far above what anybody writes: a letter scrolls
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
CAPABILITIES = ChannelCapabilities(text_limit=TEXT_LIMIT, markup="html", receipts=True)


class Settings(BaseModel):
    """What an admin fills in; the console draws the form from this class."""

    address: str = Field(
        title="Mail address",
        description="Customers write to it, and answers come from it.",
        pattern=r"^[^@\s<>]+@[^@\s<>]+$",
    )
    display_name: str = Field(default="", title="Sender's name", max_length=100)
    user: str = Field(default="", title="User name", description="Empty: the mail address.")
    password: SecretStr = Field(
        title="Password", description="An app password, where the mail service offers one."
    )
    imap_host: str = Field(title="IMAP server", min_length=1)
    imap_port: int = Field(default=993, title="IMAP port", ge=1, le=65535)
    imap_tls: bool = Field(
        default=True,
        title="IMAP encrypted (TLS)",
        description="Off only for a server on this machine.",
    )
    folder: str = Field(
        default="INBOX", title="Folder", description="Only what comes here is answered."
    )
    smtp_host: str = Field(title="SMTP server", min_length=1)
    smtp_port: int = Field(default=465, title="SMTP port", ge=1, le=65535)
    smtp_security: Literal["tls", "starttls", "none"] = Field(
        default="tls",
        title="SMTP encryption",
        description="tls: from the start (465); starttls: after connecting (587); none: only for "
        "a server on this machine.",
    )
    poll_seconds: float = Field(
        default=30,
        title="Seconds between looks",
        description="Where the server does not tell of new mail by itself.",
        ge=0.1,
        le=600,
    )

    @field_validator("user", "folder", "display_name")
    @classmethod
    def _on_one_line(cls, text: str) -> str:
        if any(ord(char) < 32 for char in text):
            raise ValueError("use one line of plain characters")
        return text


class EmailChannel:
    """Keeps `core.sdk.channel.Channel`; tells of bounces, and can try its credentials."""

    capabilities = CAPABILITIES

    def __init__(self, settings: Settings, context: ChannelContext) -> None:
        self._settings = settings
        self._context = context
        self._address = settings.address.lower()
        self._password = settings.password.get_secret_value()
        self._user = settings.user or settings.address
        self._post = Post(
            host=settings.smtp_host,
            port=settings.smtp_port,
            security=settings.smtp_security,
            user=self._user,
            password=self._password,
        )
        self._threads = StateFile(context.data_dir / "threads.jsonl")
        self._places = StateFile(context.data_dir / "places.jsonl")
        self._receipts: ReceiveReceipt | None = None
        self._mailbox: Mailbox | None = None
        self._watching: asyncio.Task[None] | None = None
        self._trouble = ""  #: why the mailbox cannot be read just now

    def on_receipt(self, receive: ReceiveReceipt) -> None:
        """Tell of every bounce there."""
        self._receipts = receive

    async def start(self, receive: Receive) -> None:
        """Try both servers, then read what comes."""
        await self._threads.open()
        await self._places.open()
        await self._post.check()
        self._mailbox = await self._open()
        self._watching = self._context.spawn(self._watch(receive), name="email mailbox")

    async def stop(self) -> None:
        """Let go of the mailbox."""
        watching, self._watching = self._watching, None
        if watching is not None:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        await self._hang_up()

    async def check(self) -> str:
        """Both servers, tried."""
        await self._post.check()
        mailbox = await self._open()
        await mailbox.close()
        return f"Connected to {self._settings.imap_host} and {self._settings.smtp_host}."

    async def probe(self) -> None:
        """Whether the mailbox is being read; asked often, so without signing in anew."""
        if self._trouble:
            raise ChannelNotReady(self._trouble)

    async def forget(self, address: Address) -> int:
        """Know nothing of this thread any more."""
        return await self._threads.forget(address)

    async def send(self, message: OutboundMessage) -> Delivery:
        """One letter in the customer's thread, whole."""
        if message.skip_parts:
            return Delivery(state=DeliveryState.SENT)
        label = self._context.words.text("channels.sources", message.locale)
        blocks = render_message(message, sources_label=label, site=self._context.public_url)
        if not blocks:
            raise DeliveryFailed("There is nothing in this message that could be shown.")
        letter = write_letter(
            message,
            blocks,
            Thread.from_line(self._threads.get(message.address.thread)),
            sender=self._settings.address,
            display_name=self._settings.display_name,
            at=self._context.clock.now(),
        )
        await self._post.send(letter, sender=self._settings.address, recipient=message.address.chat)
        sent = id_of(message, sender=self._settings.address)
        return Delivery(state=DeliveryState.SENT, external_ids=(sent,))

    async def _watch(self, receive: Receive) -> None:
        """Never ends. A broken connection is made anew; one process at a time reads a mailbox."""
        pause = FIRST_PAUSE
        key = f"email:{self._user}@{self._settings.imap_host}/{self._settings.folder}"
        while True:
            try:
                async with self._context.lease.hold(key) as ours:
                    if not ours:
                        await self._context.clock.sleep(self._settings.poll_seconds)
                        continue
                    if self._mailbox is None:
                        self._mailbox = await self._open()
                    await self._take_new(self._mailbox, receive)
                    pause, self._trouble = FIRST_PAUSE, ""
                    await self._mailbox.wait(self._settings.poll_seconds)
            except (ChannelNotReady, StoreUnavailable) as error:
                self._context.logger.warning("The mailbox waits %g s: %s", pause, error)
                if isinstance(error, ChannelNotReady):
                    self._trouble = error.detail
                    await self._hang_up()
                await self._context.clock.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    async def _take_new(self, mailbox: Mailbox, receive: Receive) -> None:
        place = f"{self._settings.folder}:{mailbox.validity}"
        known = self._places.get(place)
        if not known:
            # The first time: what nobody has read since yesterday; older letters are people's.
            yesterday = (self._context.clock.now() - timedelta(days=1)).date()
            for uid in await mailbox.unread_since(yesterday):
                if uid < mailbox.next_uid:
                    await self._take(mailbox, uid, receive)
            known = str(mailbox.next_uid - 1)
            await self._places.put(place, known)
        for uid in await mailbox.after(int(known)):
            await self._take(mailbox, uid, receive)
            await self._places.put(place, str(uid))

    async def _take(self, mailbox: Mailbox, uid: int, receive: Receive) -> None:
        raw = await mailbox.fetch(uid)
        if raw is None:
            return
        read = read_letter(
            raw,
            channel_id=self._context.channel_id,
            account=self._address,
            fallback_id=f"uid:{mailbox.validity}:{uid}",
        )
        match read:
            case Letter():
                await self._note(read)
                await receive(read.message)
                # Only now: what is not stored stays unread, and comes again.
                await mailbox.mark_read(uid)
            case Bounce():
                if self._receipts is not None:
                    await self._receipts(read.receipt)
                await mailbox.mark_read(uid)
            case NotForUs():
                # It stays unread, for whoever looks after the mailbox.
                self._context.logger.info("A letter is not answered: %s", read.reason)

    async def _note(self, letter: Letter) -> None:
        thread = letter.message.address.thread
        known = Thread.from_line(self._threads.get(thread))
        now = Thread(
            subject=known.subject or letter.subject,
            last=letter.message_id,
            references=letter.references,
        )
        await self._threads.put(thread, now.to_line())

    async def _open(self) -> Mailbox:
        return await Mailbox.open(
            host=self._settings.imap_host,
            port=self._settings.imap_port,
            tls=self._settings.imap_tls,
            user=self._user,
            password=self._password,
            folder=self._settings.folder,
        )

    async def _hang_up(self) -> None:
        mailbox, self._mailbox = self._mailbox, None
        if mailbox is not None:
            await mailbox.close()


plugin = ChannelPlugin(settings=Settings, create=EmailChannel)
