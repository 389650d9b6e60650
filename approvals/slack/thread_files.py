"""Customers' files in a card's thread: uploaded once each, and taken away when they are erased."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from approvals.slack.history import ConversationHistory, Strand
from approvals.slack.sync_store import CardRecord, CardStore
from approvals.slack.views.cards import Looks
from core.domain import events as ev
from core.domain.messages import Attachment
from core.errors import NotFound
from core.rendering.slack import SlackMessage
from core.slack.blocks import context
from core.slack.client import Mark, SlackClient
from core.slack.errors import SlackError, SlackRefused
from core.slack.mrkdwn import escaped

log = logging.getLogger(__name__)

Content = Callable[[str], Awaitable[bytes]]
"""The bytes with this digest. Raises NotFound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One thing that a thread is told of a file; `key` is the same at every look."""

    key: str
    attachment: Attachment | None = None  #: to be uploaded
    name: str = ""
    problem: str = ""  #: a name of `approvals.attachment`
    detail: str = ""


def of_strand(strand: Strand, past: ConversationHistory) -> Iterator[Shown]:
    """What this strand's thread has to show of files, in order."""
    theirs = {item.seq for item in strand.items if isinstance(item.event, ev.Received)}
    theirs |= set(strand.approval.answers) if strand.approval else set()
    edits = {i.seq: i.event.seq for i in past.items if isinstance(i.event, ev.Edited)}
    theirs |= {seq for seq, message in edits.items() if message in theirs}
    digests: set[tuple[int, str]] = set()
    names = {
        (item.seq, index): attachment.name or attachment.kind
        for item in past.items
        if isinstance(item.event, ev.Received | ev.Edited)
        for index, attachment in enumerate(item.event.attachments)
    }
    for item in past.items:
        match item.event:
            case ev.AttachmentFetched(seq=seq, index=index) as e if seq in theirs:
                # A changed message brings its files again; the same content is shown once.
                content = edits.get(seq, seq), e.attachment.digest if e.attachment else f"{index}"
                if content in digests:
                    continue
                digests.add(content)
                name = names.get((seq, index), "")
                yield Shown(
                    key=f"{seq}-{index}",
                    attachment=e.attachment,
                    name=name,
                    problem=e.problem,
                    detail=e.detail,
                )
            case ev.AttachmentRead(seq=seq, index=index, problem=problem) as e if (
                seq in theirs and problem
            ):
                yield Shown(key=f"{seq}-{index}!", name=e.name, problem=problem)
            case _:
                pass


class ThreadFiles:
    """Uploads files into threads; what Slack refuses is named there with its place here."""

    def __init__(self, *, content: Content, cards: CardStore) -> None:
        self._content = content
        self._cards = cards

    async def share(
        self,
        slack: SlackClient,
        r: CardRecord,
        wanted: Sequence[Shown],
        looks: Looks,
        *,
        mark: Mark,
    ) -> CardRecord:
        """Show what the thread does not show yet. Raises what Slack does, but refusals."""
        for one in wanted:
            if any(known.partition(":")[0] == one.key for known in r.files):
                continue
            file_id = ""
            if one.attachment is not None:
                file_id = await self._uploaded(slack, r, one.attachment, looks, mark=mark)
            else:
                await slack.post(r.channel, _said(one, looks), thread=r.ts, mark=mark)
            r = replace(r, files=(*r.files, f"{one.key}:{file_id}"))
            await self._cards.save(r)
        return r

    async def remove(self, slack: SlackClient, r: CardRecord) -> None:
        """Take the uploads of an erased customer away."""
        for file_id in (known.partition(":")[2] for known in r.files):
            if file_id:
                with contextlib.suppress(SlackRefused):
                    await slack.delete_file(file_id)

    async def _uploaded(
        self,
        slack: SlackClient,
        r: CardRecord,
        attachment: Attachment,
        looks: Looks,
        *,
        mark: Mark,
    ) -> str:
        name = attachment.name or attachment.kind
        try:
            content = await self._content(attachment.digest)
            return await slack.upload(r.channel, content, name=name, title=name, thread=r.ts)
        except (SlackRefused, NotFound) as error:
            code = error.code if isinstance(error, SlackError) else "not_here"
            log.warning("a file is not shown in Slack (%s)", code)
            there = looks.say(
                "thread.file_on_console",
                name=escaped(name, 200),
                url=looks.console(r.conversation_id),
            )
            await slack.post(r.channel, _line(there), thread=r.ts, mark=mark)
            return ""


def _said(one: Shown, looks: Looks) -> SlackMessage:
    why = looks.word(f"attachment.{one.problem}")
    detail = f" ({escaped(one.detail, 300)})" if one.detail else ""
    return _line(f":paperclip: *{escaped(one.name, 200)}*: {escaped(why, 500)}{detail}")


def _line(text: str) -> SlackMessage:
    return SlackMessage(text=text, blocks=(context(text),))
