"""Handles messages in a card's thread: `>` goes to the customer, all else is a note."""

from __future__ import annotations

import functools
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from approvals.queue.service import ApprovalService, reply_key
from approvals.slack.replies import error_text
from approvals.slack.sync import CardSync
from approvals.slack.sync_store import CardRecord, CardStore
from approvals.slack.views.cards import Looks
from core.accounts.roles import User
from core.attachments.library import Library
from core.domain.conversation import Status
from core.domain.messages import Attachment
from core.engine.repository import Conversations
from core.errors import BadInput, ContactCenterError, StoreUnavailable
from core.slack.app import SlackApp
from core.slack.errors import SlackError
from core.slack.mrkdwn import NOBODY, from_mrkdwn, named_in, readable
from core.slack.names import SlackNames
from core.slack.people import People, SlackSilent

log = logging.getLogger(__name__)

CHANGED = frozenset({"message_changed", "message_deleted"})
KEPT = 100  #: changed, and refused, messages of one thread that are remembered
SPOKEN = frozenset({"", "thread_broadcast", "file_share", "me_message"})
_QUOTE = re.compile(r"^(?:>|&gt;)[ \t]?")


class Threads:
    """Takes in what is typed; only `>` opens the way to the customer."""

    def __init__(
        self,
        *,
        service: ApprovalService,
        conversations: Conversations,
        cards: CardStore,
        board: CardSync,
        library: Library | None = None,
    ) -> None:
        """`library` takes in the files that go to customers; without it none go."""
        self._library = library
        self._service = service
        self._conversations = conversations
        self._cards = cards
        self._board = board
        self._names = SlackNames(logger=log)

    async def take(
        self,
        event: Mapping[str, Any],
        shared: SlackApp,
        people: People,
        looks: Callable[[str], Looks],
    ) -> bool:
        """Whether this was typed at the desk; it is stored then.

        Raises StoreUnavailable, so that Slack brings it again.
        """
        if event.get("type") != "message":
            return False
        channel = str(event.get("channel") or "")
        at_desk = channel == shared.staff.desk_channel
        if event.get("subtype") in CHANGED:
            return await self._changed(event, shared, people, looks) or at_desk
        ts, thread = str(event.get("ts") or ""), str(event.get("thread_ts") or "")
        author = str(event.get("user") or "")
        spoken = str(event.get("subtype") or "") in SPOKEN
        ours = event.get("bot_id") or author == shared.bot_user_id
        if not (author and ts and thread and spoken) or ours or thread == ts:
            return at_desk
        # The desk may have moved: its old threads go on where they are.
        record = await self._cards.by_message(channel, thread)
        if record is None or ts in record.refused:
            return at_desk or record is not None
        user: User | None = None
        reader = looks(shared.staff.language)
        try:
            user, locale = await people.find(author)
            reader = looks(locale)
            if user is None:
                await self._refuse(shared, record, event, reader.say("tell.outsider"))
                return True
            told = await self._said(event, record, user, reader, shared)
        except StoreUnavailable:
            raise
        except SlackSilent:
            await self._refuse(shared, record, event, reader.say("tell.unknown"))
            return True
        except ContactCenterError as error:
            why = error_text(error, reader, me=user.email if user else "")
            await self._refuse(shared, record, event, reader.say("tell.not_sent", why=why))
            return True
        if told:
            await self._tell(shared, record, author, told)
        return True

    async def _refuse(
        self, shared: SlackApp, record: CardRecord, event: Mapping[str, Any], why: str
    ) -> None:
        """Tell the writer that it did not go out; then it does not, whoever brings it again."""
        ts = str(event.get("ts"))
        async with self._board.lock(record.conversation_id):
            newest = await self._cards.get(record.id) or record
            await self._cards.save(replace(newest, refused=(*newest.refused, ts)[-KEPT:]))
        await self._tell(shared, record, str(event.get("user")), why)

    async def _said(
        self,
        event: Mapping[str, Any],
        record: CardRecord,
        user: User,
        looks: Looks,
        shared: SlackApp,
    ) -> str:
        """Store it; gives what its writer has to be told, if anything."""
        ts = str(event.get("ts"))
        raw = str(event.get("text") or "")
        named = await self._names.of(shared.client, named_in(raw))
        names = {one: known.name for one, known in named.items() if known.name}
        reply = to_customer(raw, names=names)
        key = _key(record.channel, ts)
        if reply is not None:
            files = await self._attached(event, record, user, shared)
            if reply.strip() or files:
                await self._service.reply(
                    user, record.conversation_id, reply, client_id=key, attachments=files
                )
            return ""
        told = looks.say("thread.files") if event.get("files") else ""
        text = readable(raw, names=names)
        if not text.strip():
            return told
        async with self._board.lock(record.conversation_id):
            seq = await self._service.note(user, record.conversation_id, text, client_id=key)
            newest = await self._cards.get(record.id) or record
            if seq in newest.own:
                return ""  # Slack brought it again
            first = not newest.explained
            await self._cards.save(replace(newest, own=(*newest.own, seq), explained=True))
        state = await self._conversations.peek(record.conversation_id)
        if first and state.status is Status.HUMAN:
            told = f"{looks.say('thread.note')} {told}".strip()
        return told

    async def _attached(
        self, event: Mapping[str, Any], record: CardRecord, user: User, shared: SlackApp
    ) -> tuple[Attachment, ...]:
        """The files of a message to the customer, taken in. Raises BadInput where one cannot be."""
        found: list[Attachment] = []
        for file in event.get("files") or ():
            if self._library is None or not isinstance(file, Mapping):
                continue
            url = str(file.get("url_private_download") or file.get("url_private") or "")
            name = str(file.get("name") or "file")
            try:
                found.append(
                    await self._library.download(
                        record.conversation_id,
                        functools.partial(shared.client.download, url),
                        name=name,
                        by=user.email,
                    )
                )
            except SlackError as error:
                raise BadInput(f"Slack does not give {name} ({error.code}).") from error
        return tuple(found)

    async def _changed(
        self,
        event: Mapping[str, Any],
        shared: SlackApp,
        people: People,
        looks: Callable[[str], Looks],
    ) -> bool:
        """What was typed is changed or deleted: its writer is told, once, where that leads astray.

        Nothing is ever sent because of it, and nothing that went out is taken back by it. Gives
        whether it was typed at the desk.
        """
        before = event.get("previous_message")
        after = event.get("message")
        before = before if isinstance(before, Mapping) else {}
        after = after if isinstance(after, Mapping) else {}
        author, ts = str(before.get("user") or ""), str(before.get("ts") or "")
        thread = str(before.get("thread_ts") or "")
        was, now = str(before.get("text") or ""), str(after.get("text") or "")
        if not (author and ts and thread) or ts == thread or before.get("bot_id") or was == now:
            return False  # a link has unfurled, or it is a message of ours
        meant = to_customer(was) is not None, to_customer(now) is not None
        record = (
            await self._cards.by_message(str(event.get("channel")), thread) if any(meant) else None
        )
        if record is None or ts in record.changed:
            return record is not None
        try:
            user, locale = await people.find(author)
        except SlackSilent:
            user, locale = None, shared.staff.language
        sent = meant[0] and await self._has_gone(record, user, ts)
        if not sent and not meant[1]:
            return True  # it never went out, and it asks for nothing now
        async with self._board.lock(record.conversation_id):
            newest = await self._cards.get(record.id) or record
            if ts in newest.changed:
                return True
            changed = (*newest.changed, ts)[-KEPT:]
            await self._cards.save(replace(newest, changed=changed))
        deleted = event.get("subtype") == "message_deleted"
        name = ("thread.deleted" if deleted else "thread.edited") if sent else "thread.edited_note"
        await self._tell(shared, record, author, looks(locale).say(name))
        return True

    async def _has_gone(self, record: CardRecord, user: User | None, ts: str) -> bool:
        """Whether this message went out to the customer."""
        if user is None:
            return False
        key = reply_key(record.conversation_id, user, client_id=_key(record.channel, ts))
        history = await self._conversations.history(record.conversation_id)
        return any(commit.key == key for commit in history)

    async def _tell(self, shared: SlackApp, record: CardRecord, slack_id: str, text: str) -> None:
        try:
            await shared.client.whisper(record.channel, slack_id, text, thread=record.ts)
        except SlackError as error:
            log.info("a private answer failed: %s", error.code)


def _key(channel: str, ts: str) -> str:
    return f"slack:{channel}:{ts}"


def to_customer(text: str, *, names: Mapping[str, str] = NOBODY) -> str | None:
    """The words for the customer of a message that begins with `>`; None for a note.

    Lines that begin with `>` as well lose it too; bold, links and the like become the Markdown
    that every channel draws in its own way; everything else is kept as it was typed.
    """
    if not _QUOTE.match(text):
        return None
    lines = [_QUOTE.sub("", line, count=1) for line in text.split("\n")]
    return from_mrkdwn("\n".join(lines), names=names).strip()
