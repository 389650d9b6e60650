"""The answers of `/desk`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from approvals.blocks import Block, context, safe, section
from approvals.cards import Looks
from approvals.home import Queue, matching, next_answer, queue_answer, status_answer
from approvals.service import ApprovalService
from approvals.slack_homes import queue_of
from core.accounts.rules import User
from core.accounts.service import AccountsService
from core.clock import Clock
from core.errors import AlreadyDecided, NotYours

HISTORY = timedelta(days=30)  #: how far back a search looks


class Commands:
    """Does what a member of staff asks for in words."""

    def __init__(
        self,
        *,
        service: ApprovalService,
        accounts: AccountsService,
        clock: Clock,
        base_url: Callable[[], str],
    ) -> None:
        self._service = service
        self._accounts = accounts
        self._clock = clock
        self._base_url = base_url

    async def answer(self, text: str, user: User, looks: Looks) -> tuple[list[Block], str]:
        """Blocks, and the same in plain words."""
        name, _, rest = text.strip().partition(" ")
        match name.lower():
            case "" | "queue":
                blocks = queue_answer((await self._queue(user)).waiting, looks)
                if not name:
                    blocks.append(context(looks.say("desk.help")))
            case "next" | "claim":
                blocks = await self._next(user, looks)
            case "search":
                blocks = await self._search(rest.strip(), user, looks)
            case "status":
                blocks = status_answer(await self._queue(user), looks)
            case "login":
                link = await self._accounts.issue_link(user, actor=user)
                url = f"{self._base_url().rstrip('/')}/login/link/{link}"
                blocks = [section(f"{looks.say('desk.login')}\n{url}")]
            case _:
                blocks = [section(looks.say("desk.help"))]
        first = blocks[0].get("text") or {}
        return blocks, str(first.get("text") or looks.say("desk.help"))

    async def _queue(self, user: User) -> Queue:
        return await queue_of(self._service, user, self._clock)

    async def _next(self, user: User, looks: Looks) -> list[Block]:
        """Claim the most urgent draft that nobody works on."""
        queue = await queue_of(self._service, user, self._clock)
        for a in queue.waiting:
            if a.claimed_by:
                continue
            try:
                await self._service.claim(user, a.id)
            except (AlreadyDecided, NotYours):
                continue  # a colleague was faster: the next one, then
            return next_answer(await self._service.waiting(user, a.id), looks)
        return [section(looks.say("desk.all_claimed"))]

    async def _search(self, query: str, user: User, looks: Looks) -> list[Block]:
        if not query:
            return [section(looks.say("desk.search_how"))]
        since = self._clock.now() - HISTORY
        queue = await queue_of(self._service, user, self._clock, since=since)
        found = matching([*queue.waiting, *queue.decided], query)
        shown = safe(query, 300)
        if not found:
            return [section(looks.say("desk.nothing", query=shown))]
        title = looks.say("desk.found", count=len(found), query=shown)
        return queue_answer(found, looks, title=title)
