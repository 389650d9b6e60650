"""What people type in a card's thread: `>` goes to the customer, all else is a note."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from approvals.board import Board
from approvals.board_store import CardRecord, CardStore
from approvals.cards import Looks
from approvals.mrkdwn import from_mrkdwn, readable
from approvals.service import ApprovalService, reply_key
from approvals.slack_calls import SharedApp
from approvals.slack_people import People, SlackSilent
from approvals.truths import truth
from core.accounts.rules import User
from core.conversations import Status
from core.errors import ContactCenterError, StoreUnavailable
from core.repository import Conversations

log = logging.getLogger(__name__)

CHANGED = frozenset({"message_changed", "message_deleted"})
KEPT = 100  #: changed messages of one thread that are remembered
SPOKEN = frozenset({"", "thread_broadcast", "file_share", "me_message"})
_QUOTE = re.compile(r"^(?:>|&gt;)[ \t]?")


class Threads:
    """Takes in what is typed; a note can never slip out, because only `>` opens the way."""

    def __init__(
        self,
        *,
        service: ApprovalService,
        conversations: Conversations,
        cards: CardStore,
        board: Board,
    ) -> None:
        self._service = service
        self._conversations = conversations
        self._cards = cards
        self._board = board

    async def take(
        self,
        event: Mapping[str, Any],
        shared: SharedApp,
        people: People,
        looks: Callable[[str], Looks],
    ) -> bool:
        """Whether this was typed at the desk; it is stored then.

        Raises StoreUnavailable, so that Slack brings it again.
        """
        if event.get("type") != "message":
            return False
        channel, at_desk = (
            str(event.get("channel") or ""),
            event.get("channel") == shared.desk_channel,
        )
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
        if record is None:
            return at_desk
        user: User | None = None
        reader = looks(shared.language)
        try:
            user, locale = await people.find(author)
            reader = looks(locale)
            if user is None:
                await self._tell(shared, record, author, reader.say("tell.outsider"))
                return True
            told = await self._said(event, record, user, reader)
        except StoreUnavailable:
            raise
        except SlackSilent:
            told = reader.say("tell.unknown")
        except ContactCenterError as error:
            why = truth(error, reader, me=user.email if user else "")
            told = reader.say("tell.not_sent", why=why)
        if told:
            await self._tell(shared, record, author, told)
        return True

    async def _said(
        self, event: Mapping[str, Any], record: CardRecord, user: User, looks: Looks
    ) -> str:
        """Store it; gives what its writer has to be told, if anything."""
        ts = str(event.get("ts"))
        raw = str(event.get("text") or "")
        reply = to_customer(raw)
        told = looks.say("thread.files") if event.get("files") else ""
        key = _key(record.channel, ts)
        if reply is not None:
            if reply.strip():
                await self._service.reply(user, record.conversation_id, reply, client_id=key)
            return told
        text = readable(raw)
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

    async def _changed(
        self,
        event: Mapping[str, Any],
        shared: SharedApp,
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
            user, locale = None, shared.language
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

    async def _tell(self, shared: SharedApp, record: CardRecord, slack_id: str, text: str) -> None:
        try:
            await shared.client.chat_postEphemeral(
                channel=record.channel, user=slack_id, text=text, thread_ts=record.ts
            )
        except Exception as error:
            log.info("a private answer failed: %s", type(error).__name__)


def _key(channel: str, ts: str) -> str:
    return f"slack:{channel}:{ts}"


def to_customer(text: str) -> str | None:
    """The words for the customer of a message that begins with `>`; None for a note.

    Lines that begin with `>` as well lose it too; bold, links and the like become the Markdown
    that every channel draws in its own way; everything else is kept as it was typed.
    """
    if not _QUOTE.match(text):
        return None
    lines = [_QUOTE.sub("", line, count=1) for line in text.split("\n")]
    return from_mrkdwn("\n".join(lines)).strip()
