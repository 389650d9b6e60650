"""Keeps App Homes up to date for everybody who has looked at theirs lately."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from approvals.queue.model import Approval
from approvals.queue.service import ApprovalService
from approvals.slack.sync_store import ViewerStore
from approvals.slack.views.cards import Looks
from approvals.slack.views.home import Queue, home, strangers_home
from core.accounts.roles import User
from core.clock import Clock
from core.domain.conversation import Conversation, Status
from core.engine.repository import Conversations
from core.errors import ContactCenterError, NotFound, StoreUnavailable
from core.slack.app import SlackApp
from core.slack.errors import SlackLater
from core.slack.people import People

log = logging.getLogger(__name__)

LATELY = timedelta(hours=12)
TOGETHER_SECONDS = 0.3  #: changes within it are one
AT_ONCE = 8
QUEUE = 200  #: drafts that are looked at for a Home or a command
AFTER_TROUBLE_SECONDS = 5.0


async def queue_of(
    service: ApprovalService,
    user: User,
    clock: Clock,
    *,
    since: datetime | None = None,
    held: Sequence[Conversation] = (),
) -> Queue:
    """What waits and what was decided since then (today, in UTC, by default)."""
    now = clock.now()
    since = since or now.replace(hour=0, minute=0, second=0, microsecond=0)
    waiting = await service.pending(user, limit=QUEUE)
    decided: list[Approval] = []
    cursor = ""
    while len(decided) < 1000:
        page = await service.decided(user, since=since, cursor=cursor, limit=QUEUE)
        decided += page.items
        cursor = page.next
        if not cursor:
            break
    return Queue(waiting=waiting.items, decided=decided, held=held, now=now)


class AppHomes:
    """Publishes App Homes; `changed` only marks them as stale."""

    def __init__(
        self,
        *,
        service: ApprovalService,
        conversations: Conversations,
        viewers: ViewerStore,
        clock: Clock,
    ) -> None:
        self._service = service
        self._conversations = conversations
        self._viewers = viewers
        self._clock = clock
        self._shared: SlackApp | None = None
        self._people: People | None = None
        self._looks: Callable[[str], Looks] | None = None
        self._shown: dict[str, str] = {}
        self._taken: dict[str, None] = {}
        self._changed = asyncio.Event()

    def attach(self, shared: SlackApp, people: People, looks: Callable[[str], Looks]) -> None:
        """Homes are there from now on."""
        self._shared, self._people, self._looks = shared, people, looks
        self._shown.clear()
        self._changed.set()

    def changed(self) -> None:
        """Something in the queue is not as it was."""
        self._changed.set()

    async def opened(self, slack_id: str) -> None:
        """A member looks at their Home."""
        if not slack_id:
            return
        self._shown.pop(slack_id, None)
        try:
            await self._publish(slack_id)
            await self._viewers.add(slack_id, self._clock.now())
        except ContactCenterError as error:
            log.info("a Home could not be shown: %s", error.detail)

    async def run(self) -> None:
        """Bring Homes up to date until cancelled."""
        while True:
            await self._changed.wait()
            await asyncio.sleep(TOGETHER_SECONDS)
            self._changed.clear()
            try:
                viewers = await self._viewers.since(self._clock.now() - LATELY)
                gate = asyncio.Semaphore(AT_ONCE)
                results = await asyncio.gather(
                    *(self._gated(gate, one) for one in viewers), return_exceptions=True
                )
                if any(isinstance(r, SlackLater | StoreUnavailable) for r in results):
                    raise SlackLater
            except ContactCenterError as error:
                log.info("the Homes wait: %s", error.detail)
                await asyncio.sleep(AFTER_TROUBLE_SECONDS)
                self._changed.set()

    async def _gated(self, gate: asyncio.Semaphore, slack_id: str) -> None:
        async with gate:
            await self._publish(slack_id)

    async def _publish(self, slack_id: str) -> None:
        shared, people, looks = self._shared, self._people, self._looks
        if shared is None or people is None or looks is None:
            return
        user, locale = await people.find(slack_id)
        if user is None:
            view = strangers_home(looks(locale))
        else:
            held = await self._held(user)
            queue = await queue_of(self._service, user, self._clock, held=held)
            others = [block for part in shared.home_parts for block in await part(user, locale)]
            view = home(queue, user, looks(locale), others=others)
        shown = json.dumps(view, sort_keys=True, ensure_ascii=False).encode("utf-8", "replace")
        stamp = hashlib.blake2b(shown, digest_size=12).hexdigest()
        if self._shown.get(slack_id) == stamp:
            return
        await shared.client.publish_home(slack_id, view)
        self._shown[slack_id] = stamp

    async def _held(self, user: User) -> list[Conversation]:
        found: dict[str, Conversation] = {}
        for conversation_id in await self._service.held_by(user):
            try:
                c = await self._conversations.load(conversation_id)
            except NotFound:
                continue
            if c.status is Status.HUMAN and c.assignee == user.email:
                found[c.id] = c
        return sorted(found.values(), key=lambda c: c.updated_at or self._clock.now())
