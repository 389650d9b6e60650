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
from approvals.service import ApprovalService
from approvals.slack_calls import SharedApp
from approvals.slack_people import People, SlackSilent
from approvals.truths import truth
from core.accounts.rules import User
from core.conversations import Status
from core.errors import ContactCenterError, StoreUnavailable
from core.repository import Conversations

log = logging.getLogger(__name__)

SPOKEN = frozenset({"", "thread_broadcast", "file_share", "me_message"})
_MARK = re.compile(r"<([^<>]*)>")
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
        channel = str(event.get("channel") or "")
        if event.get("type") != "message" or channel != shared.desk_channel:
            return False
        ts, thread = str(event.get("ts") or ""), str(event.get("thread_ts") or "")
        author = str(event.get("user") or "")
        spoken = str(event.get("subtype") or "") in SPOKEN
        ours = event.get("bot_id") or author == shared.bot_user_id
        if not (author and ts and thread and spoken) or ours or thread == ts:
            return True
        record = await self._cards.by_message(channel, thread)
        if record is None:
            return True
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
        key = f"slack:{record.channel}:{ts}"
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

    async def _tell(self, shared: SharedApp, record: CardRecord, slack_id: str, text: str) -> None:
        try:
            await shared.client.chat_postEphemeral(
                channel=record.channel, user=slack_id, text=text, thread_ts=record.ts
            )
        except Exception as error:
            log.info("a private answer failed: %s", type(error).__name__)


def to_customer(text: str) -> str | None:
    """The words for the customer of a message that begins with `>`; None for a note.

    Lines that begin with `>` as well lose it too; everything else is kept as it was typed.
    """
    if not _QUOTE.match(text):
        return None
    lines = [_QUOTE.sub("", line, count=1) for line in text.split("\n")]
    return readable("\n".join(lines)).strip()


def readable(text: str) -> str:
    """Slack's notation as people read it."""

    def read(match: re.Match[str]) -> str:
        inner, _, label = match.group(1).partition("|")
        if inner.startswith("!"):
            return label or f"@{inner[1:].partition('^')[0]}"
        if inner.startswith(("@", "#")):
            return f"{inner[0]}{label}" if label else inner
        address = inner.removeprefix("mailto:").removeprefix("tel:")
        return f"{label} ({address})" if label and label != address else address

    text = _MARK.sub(read, text)
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
