"""Slack as a customer channel: direct messages, and mentions in their threads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from channels.slack.content import ASKED, NOBODY
from channels.slack.errors import while_sending, while_starting
from channels.slack.missed import DIRECT, FEW, MOST, Missed, bodies
from channels.slack.normalize import (
    Workspace,
    is_customers,
    mentions_of,
    to_inbound,
)
from channels.slack.render import to_posts
from channels.slack.settings import SlackSettings
from channels.slack.sockets import SocketTurns
from channels.slack.writing import WritingStatus
from core.domain.messages import (
    KNOWN,
    Address,
    Attachment,
    Delivery,
    DeliveryState,
    InboundKind,
    InboundMessage,
    OutboundFile,
    OutboundMessage,
)
from core.errors import AttachmentRefused, ChannelNotReady, DeliveryDeferred, DeliveryFailed
from core.rendering.markdown import render_message
from core.rendering.slack import LIMIT, SlackMessage
from core.runtime.lru import LruDict
from core.sdk.channel import ChannelCapabilities, HttpRequest, HttpResponse, Receive, Write
from core.sdk.imports import import_aside
from core.sdk.plugin import ChannelContext, ChannelPlugin
from core.sdk.rate_limit import Pace, Pacer
from core.sdk.state_file import StateFile
from core.slack.client import Mark, SlackClient
from core.slack.errors import (
    SlackError,
    SlackLater,
    SlackRateLimited,
    SlackRefused,
    SlackUnshowable,
)
from core.slack.names import Named, SlackNames
from core.slack.signatures import read_delivery, signed_body

if TYPE_CHECKING:
    from core.slack.app import SlackApp

CAPABILITIES = ChannelCapabilities(text_limit=LIMIT, markup="slack", buttons=True, typing=True)

CHANNEL_PACE = Pace(burst=3, per_second=1)
MARK = "contact_center_message"  #: kind of the marks by which we know a customer's messages again
REMEMBERED = 2000
DESK_WORDS = timedelta(hours=1)
"""An agent's word that could not be brought goes out so long after; later it may mislead."""
SPOKE = frozenset(
    {InboundKind.MESSAGE, InboundKind.UNREADABLE, InboundKind.EDIT, InboundKind.START}
)
MOST_ASKING = 50  #: members of one thread who addressed us; those who did so last
EVERYBODY = "served"  #: stands for all members, in what was noted before members were
NO_PLACE = frozenset(
    {
        "cannot_reply_to_message",
        "invalid_thread_ts",
        "message_not_found",
        "restricted_action_non_threadable_channel",
        "restricted_action_thread_locked",
        "thread_not_found",
    }
)
"""Slack's codes for a thread that takes no answer; its channel may."""


class SlackChannel:
    """`core.sdk.channel.Channel` over Slack: takes webhooks, and can read its threads again."""

    def __init__(self, settings: SlackSettings, context: ChannelContext) -> None:
        self._settings = settings
        self._context = context
        self._slack: SlackApp | None = None
        self._has_fetched = False
        self._is_up = False  #: from then on the app itself takes what Slack posts
        self._workspace = Workspace(team_id="", bot_user_id="")
        self._receive: Receive | None = None
        self._pacer = Pacer(context.clock, shared=context.rates)
        self._parts_found: LruDict[str, int] = LruDict(REMEMBERED)
        self._writing = WritingStatus(
            clock=context.clock,
            text=context.words.text("channels.slack.writing", settings.language),
            logger=context.logger,
        )
        self._names = SlackNames(logger=context.logger)
        self._places: LruDict[tuple[str, str], str] = LruDict(REMEMBERED)  # messages' threads
        # Direct messages, and threads in which we were addressed, and by whom: what they write
        # there is for us.
        self._threads = StateFile(context.data_dir / "threads.jsonl")
        self._identity = StateFile(context.data_dir / "identity.jsonl")

    @property
    def capabilities(self) -> ChannelCapabilities:
        """What Slack can do."""
        return CAPABILITIES

    async def listen(self, receive: Receive) -> bool:
        """From now on customers' events are taken, where Slack calls us, with the secret alone."""
        await self._threads.open()
        await self._identity.open()
        self._workspace = self._called(self._identity.get("team"), self._identity.get("bot"))
        self._receive = receive
        by_socket = bool(self._settings.app_token.get_secret_value())
        return bool(self._settings.signing_secret.get_secret_value()) and not by_socket

    async def start(self, receive: Receive) -> None:
        """Connect, lend the app to the desk, and only then let Slack speak."""
        await self.listen(receive)
        self._slack = slack = await self._app()
        slack.take_first(self._take)
        try:
            await slack.identify()
        except SlackError as error:
            raise while_starting(error) from error
        await self._identity.put("team", slack.team_id)
        await self._identity.put("bot", slack.bot_user_id)
        self._workspace = self._called(slack.team_id, slack.bot_user_id)
        self._context.share(slack)
        self._is_up = True
        if self._settings.app_token.get_secret_value():
            sockets = SocketTurns(slack, lease=self._context.lease, clock=self._context.clock)
            self._context.spawn(sockets.run(), name="slack socket")
            await sockets.begun()

    async def stop(self) -> None:
        """Close every connection."""
        slack, self._slack = self._slack, None
        self._receive, self._is_up = None, False
        if slack is not None:
            await slack.close()

    async def probe(self) -> None:
        """Whether the token still holds, and the socket is open."""
        slack = self._app_or_not_ready()
        try:
            await slack.identify()
        except SlackRateLimited:
            pass  # it answers
        except SlackError as error:
            raise while_starting(error) from error
        if not await slack.connected():
            raise ChannelNotReady("The connection to Slack (Socket Mode) is gone.")

    async def fetch_missed(self, since: datetime) -> None:
        """Take in what stands in our conversations and at the desk, as if Slack had brought it."""
        slack = self._app_or_not_ready()
        team, bot = slack.team_id, slack.bot_user_id
        missed = Missed(slack.client, bot_user_id=bot, clock=self._context.clock)
        desk = "" if self._has_fetched else self._settings.approvals_channel
        lately = max(since, self._context.clock.now() - DESK_WORDS)
        try:
            most = FEW if self._has_fetched else MOST
            notes = self._threads.facts()
            customers = self._settings.customers
            events = await missed.events(notes, since, most=most) if customers else ()
            words = await missed.at_desk(desk, lately) if desk else ()
        except SlackError as error:
            raise while_starting(error) from error
        for body in bodies(events, team=team):
            await self._take(body)
        for body in bodies(words, team=team):
            await slack.offer(body, but=self._take)
        self._has_fetched = True

    async def forget(self, address: Address) -> int:
        """Know nothing of this chat any more."""
        return await self._threads.forget(address)

    async def check(self) -> str:
        """With which workspace the token connects us."""
        slack = await self._app()
        try:
            await slack.identify()
        except SlackError as error:
            raise while_starting(error) from error
        finally:
            await slack.close()
        way = "Socket Mode" if self._settings.app_token.get_secret_value() else "HTTP"
        return f"Connected to {slack.team_name or slack.team_id} ({way})."

    async def handle_http(self, request: HttpRequest) -> HttpResponse:
        """Take an event, an interaction or a command from Slack."""
        if self._is_up and self._slack is not None:
            return await self._slack.handle_http(request)
        if request.method != "POST":
            return HttpResponse(status=405)
        secret = self._settings.signing_secret.get_secret_value()
        body = read_delivery(request, signed_body(request, signing_secret=secret))
        if body.get("type") == "url_verification":
            return HttpResponse(body=str(body.get("challenge") or "").encode())
        if await self._take(body):
            return HttpResponse()
        # It may be the desk's, who is not there yet; nobody took it.
        return HttpResponse(status=503, headers={"Retry-After": "5"})

    async def typing(self, address: Address) -> None:
        """Show under the customer's message that an answer is being written."""
        if self._slack is not None and address.chat not in self._workspace.desks:
            await self._writing.show(self._slack.client, address)

    async def fetch(self, address: Address, attachment: Attachment, write: Write) -> None:
        """Hand over a file that a customer shared."""
        del address
        if not attachment.ref:
            raise AttachmentRefused("This file does not lie at Slack, or it was removed there.")
        try:
            client = self._connected().client
            place = attachment.ref
            if place.startswith(ASKED):
                place = await client.file_place(place.removeprefix(ASKED))
            await client.download(place, write)
        except SlackRefused as error:
            raise AttachmentRefused(f"Slack does not give this file ({error.code}).") from error
        except SlackError as error:
            raise ChannelNotReady(f"Slack does not give a file ({error.code}).") from error

    async def send(self, message: OutboundMessage) -> Delivery:
        """Post the message part by part into its thread, each carrying our id."""
        slack = self._connected()
        parts = self._parts(message)
        if not parts and not message.files:
            raise DeliveryFailed("There is nothing in this message that could be shown.")
        chat = message.address.chat
        if chat in self._workspace.desks:
            raise DeliveryFailed("The agents' desk is no place for a customer's message.")
        first = max(message.skip_parts, self._parts_found.pop(message.id, 0))
        posted: list[str] = []
        for number, part in enumerate(parts):
            if number < first:
                continue
            await self._pacer.wait((f"channel:{chat}", CHANNEL_PACE), parts_done=number)
            try:
                ts = await self._post(slack.client, message, part, number)
            except SlackError as error:
                if isinstance(error, SlackLater) and error.after:
                    self._pacer.close(f"channel:{chat}", error.after)
                raise while_sending(error, parts_done=number) from error
            posted.append(ts)
        for number, file in enumerate(message.files, start=len(parts)):
            if number >= first:
                await self._pacer.wait((f"channel:{chat}", CHANNEL_PACE), parts_done=number)
                posted.append(await self._upload(slack, message, file, number))
        await self._writing.clear(slack.client, message.address)
        return Delivery(state=DeliveryState.SENT, external_ids=tuple(posted))

    async def _post(
        self, client: SlackClient, message: OutboundMessage, part: SlackMessage, number: int
    ) -> str:
        """Post one part; where Slack refuses its form or its place, once more without that."""
        chat, thread = message.address.chat, message.address.thread
        mark = _mark(message, number)
        try:
            ts = await client.post(chat, part, thread=thread, mark=mark)
        except SlackUnshowable as error:
            self._context.logger.warning("An answer goes out as plain text (%s).", error.code)
            plainer = SlackMessage(text=part.text, blocks=())
            ts = await client.post(chat, plainer, thread=thread, mark=mark)
        except SlackRefused as error:
            if not thread or error.code not in NO_PLACE:
                raise
            self._context.logger.info("An answer goes out without its thread (%s).", error.code)
            thread, ts = "", await client.post(chat, part, mark=mark)
        if thread:
            self._places[chat, ts] = thread
        return ts

    async def _upload(
        self, slack: SlackApp, message: OutboundMessage, file: OutboundFile, number: int
    ) -> str:
        to, name = message.address, file.name or "file"
        try:
            try:
                return await slack.client.upload(
                    to.chat, file.content, name=name, title=name, thread=to.thread
                )
            except SlackRefused as error:
                if not to.thread or error.code not in NO_PLACE:
                    raise
                self._context.logger.info("A file goes out without its thread (%s).", error.code)
                return await slack.client.upload(to.chat, file.content, name=name, title=name)
        except SlackError as error:
            raise while_sending(error, parts_done=number) from error

    async def find(self, message: OutboundMessage) -> Delivery | None:
        """What stands in the thread of this message; `send` goes on after those parts."""
        parts = self._parts(message)[message.skip_parts :]
        there = await self._read(message)
        found: list[str] = []
        for number, part in enumerate(parts, start=message.skip_parts):
            ts = next(
                (
                    str(seen.get("ts"))
                    for seen in there
                    if str(seen.get("ts")) not in found
                    and _is(seen, message, part, number, bot=self._workspace.bot_user_id)
                ),
                "",
            )
            if not ts:
                break
            found.append(ts)
        if len(found) == len(parts):
            found += _files_there(there, message.files)
        if len(found) < len(parts) + len(message.files):
            self._parts_found[message.id] = message.skip_parts + len(found)
            return None
        return Delivery(state=DeliveryState.SENT, external_ids=tuple(found))

    async def _read(self, message: OutboundMessage) -> Sequence[Mapping[str, Any]]:
        client = self._connected().client
        to = message.address
        try:
            there = await client.messages(to.chat, thread=to.thread, since=message.queued_at)
        except SlackError as error:
            raise ChannelNotReady(f"Slack cannot be asked ({error.code}).") from error
        if there is None:
            # A scope is missing. Twice is better than never.
            self._context.logger.warning("A thread cannot be read again.")
        return there or ()

    async def _take(self, body: Mapping[str, Any]) -> bool:
        receive = self._receive
        if receive is None:
            raise ChannelNotReady("Slack is not connected.")
        if not self._settings.customers:
            return False
        message = self._read_delivery(body)
        if message is None:
            # A press on an old button of ours still has to come to rest.
            return is_customers(body)
        slack = self._slack if self._is_up else None
        if slack is not None:
            # Only now, because the desk's windows open within three seconds or not at all.
            named = await self._names.of(slack.client, mentions_of(body))
            message = self._read_delivery(body, named) or message
        self._writing.heard(body)
        await receive(message)
        await self._note_asker(message)
        if message.address.chat.startswith("D"):
            await self._threads.put(message.address.chat, DIRECT)
        return True

    def _read_delivery(
        self, body: Mapping[str, Any], names: Mapping[str, Named] = NOBODY
    ) -> InboundMessage | None:
        return to_inbound(
            body,
            self._workspace_of(body),
            serves=self._serves,
            thread_of=lambda channel, ts: self._places.get((channel, ts), ""),
            names=names,
        )

    def _workspace_of(self, body: Mapping[str, Any]) -> Workspace:
        """Who we are; before Slack was ever asked, as the delivery itself says it."""
        if self._workspace.team_id:
            return self._workspace
        given = body.get("authorizations")
        first = given[0] if isinstance(given, list) and given else None
        about = first if isinstance(first, Mapping) else {}
        return self._called(str(about.get("team_id") or ""), str(about.get("user_id") or ""))

    def _called(self, team: str, bot: str) -> Workspace:
        desks = {self._settings.approvals_channel, self._settings.reports_channel} - {""}
        return Workspace(team_id=team, bot_user_id=bot, desks=frozenset(desks))

    async def _note_asker(self, message: InboundMessage) -> None:
        """From now on what this member writes in this thread is for us."""
        address, user = message.address, message.sender.id
        spoke = message.kind in SPOKE
        if not (address.thread and user and spoke and message.value != KNOWN):
            return
        self._places[address.chat, message.message_id] = address.thread
        place = f"{address.chat}:{address.thread}"
        asking = (self._threads.get(place) or "").split()
        if user not in asking:
            await self._threads.put(place, " ".join([*asking, user][-MOST_ASKING:]))

    def _serves(self, channel: str, thread: str, user: str) -> bool:
        asking = (self._threads.get(f"{channel}:{thread}") or "").split()
        return user in asking or EVERYBODY in asking

    def _parts(self, message: OutboundMessage) -> tuple[SlackMessage, ...]:
        label = self._context.words.text("channels.sources", message.locale)
        blocks = render_message(message, sources_label=label, site=self._context.public_url)
        return to_posts(blocks, message.buttons)

    async def _app(self) -> SlackApp:
        # The SDK takes a while to import; meanwhile everybody else goes on.
        module = await import_aside("core.slack.app")
        app: SlackApp = module.SlackApp(
            bot_token=self._settings.bot_token.get_secret_value(),
            app_token=self._settings.app_token.get_secret_value(),
            signing_secret=self._settings.signing_secret.get_secret_value(),
            base_url=self._settings.api_base_url,
            logger=self._context.logger,
            may_connect=self._context.may_connect,
            staff=module.StaffSettings(
                desk_channel=self._settings.approvals_channel,
                reports_channel=self._settings.reports_channel,
                on_duty=self._settings.on_duty,
                supervisors=self._settings.supervisors,
                language=self._settings.language,
            ),
        )
        return app

    def _app_or_not_ready(self) -> SlackApp:
        if self._slack is None:
            raise ChannelNotReady("Slack is not connected.")
        return self._slack

    def _connected(self) -> SlackApp:
        if self._slack is None:
            raise DeliveryDeferred("Slack is not connected.")
        return self._slack


def _files_there(there: Sequence[Mapping[str, Any]], files: Sequence[OutboundFile]) -> list[str]:
    """Ids of those of the files that stand in the thread, as far as they follow each other."""
    shared = [f for seen in there for f in seen.get("files") or () if isinstance(f, Mapping)]
    found: list[str] = []
    for file in files:
        ids = [str(f.get("id")) for f in shared if f.get("name") == file.name]
        fresh = next((one for one in ids if one not in found), "")
        if not fresh:
            break
        found.append(fresh)
    return found


def _mark(message: OutboundMessage, number: int) -> Mark:
    return Mark(kind=MARK, fields={"id": message.id, "part": number})


def _is(
    seen: Mapping[str, Any], message: OutboundMessage, part: SlackMessage, number: int, *, bot: str
) -> bool:
    mark = Mark.of(seen)
    if mark is not None:
        return mark == _mark(message, number)
    # Where the metadata is kept from us: our own words, not older than the message.
    return (
        message.queued_at is not None
        and (seen.get("user") == bot or bool(seen.get("bot_id")))
        and seen.get("text") == part.text
    )


def verify(settings: SlackSettings, request: HttpRequest, _public_url: str) -> None:
    """Whether a delivery comes from Slack, as long as the app cannot say it itself."""
    signed_body(request, signing_secret=settings.signing_secret.get_secret_value())


plugin = ChannelPlugin(settings=SlackSettings, create=SlackChannel, verify=verify)
