"""Handles button presses on cards, opens windows, and answers the slash command `/desk`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from approvals.queue.model import Ruling, Then, conversation_of
from approvals.queue.service import ApprovalService
from approvals.queue.wording import thread
from approvals.slack.home import queue_of
from approvals.slack.replies import Press, PrivateReplies, read_press, staff
from approvals.slack.submissions import SlackSubmissions
from approvals.slack.sync import CardSync
from approvals.slack.views import modals
from approvals.slack.views.cards import Looks
from approvals.slack.views.home import Queue, matching, next_answer, queue_answer, status_answer
from core.accounts.roles import User
from core.accounts.service import AccountsService
from core.clock import Clock
from core.domain.events import Decision
from core.engine.outbound.deliveries import Deliveries
from core.engine.repository import Conversations
from core.errors import AlreadyDecided, ContactCenterError, NotFound, NotYours
from core.i18n import Words
from core.slack.app import AnswerWord
from core.slack.blocks import Block, context, section
from core.slack.mrkdwn import escaped

OPEN_SECONDS = 1.2  #: until a window has to be open, of the three that Slack allows
HISTORY = timedelta(days=30)  #: how far back a search looks
WINDOWS = frozenset({"edit", "reject", "reply", "transfer", "show", "consent_in", "consent_out"})


class SlackActions:
    """Carries out what a press asks for; whoever is refused is told why."""

    def __init__(
        self,
        *,
        service: ApprovalService,
        deliveries: Deliveries,
        conversations: Conversations,
        board: CardSync,
        replies: PrivateReplies,
        windows: SlackSubmissions,
        words: Words,
    ) -> None:
        self._service = service
        self._deliveries = deliveries
        self._conversations = conversations
        self._board = board
        self._replies = replies
        self._windows = windows
        self._words = words

    async def act(self, body: Mapping[str, Any]) -> None:
        """Do what this interaction asks for; never raises."""
        press = read_press(body)
        if press is None or press.action in ("remember", "console"):
            return
        user: User | None = None
        looks = self._replies.looks()
        try:
            if press.action in WINDOWS:
                await self._open(press)
                return
            user, looks, problem = await self._replies.who(press.slack_id)
            await self._do(press, staff(user, problem), looks)
        except Exception as error:
            if press.action in WINDOWS:
                with contextlib.suppress(ContactCenterError):
                    user, looks, _ = await self._replies.who(press.slack_id)
            await self._replies.tell(press, self._replies.truth(error, looks, user))
            if isinstance(error, AlreadyDecided):
                # Whoever pressed looked at an old card.
                self._board.look(conversation_of(press.draft_id))

    async def _do(self, press: Press, user: User, looks: Looks) -> None:
        draft_id, version = press.draft_id, press.version
        match press.action:
            case "approve":
                ruling = Ruling(decision=Decision.APPROVE)
                await self._service.decide(user, draft_id, ruling, version=version)
            case "take_over":
                ruling = Ruling(decision=Decision.TAKE_OVER)
                await self._service.decide(user, draft_id, ruling, version=version)
            case "opt_out":
                ruling = Ruling(decision=Decision.REJECT, reason="opted_out", then=Then.OPT_OUT)
                await self._service.decide(user, draft_id, ruling, version=version)
            case "again":
                a = await self._service.get(user, draft_id)
                if a.arrival is None:
                    raise NotFound
                await self._deliveries.retry(user, f"{a.conversation_id}.{a.arrival.seq}")
            case "another_way":
                await self._service.take_over(user, conversation_of(draft_id))
            case "undo":
                await self._service.undo(user, draft_id)
                await self._replies.tell(press, looks.say("tell.undone"))
            case "claim":
                await self._service.claim(user, draft_id)
            case "release":
                await self._service.release(user, draft_id)
            case "hand_back":
                await self._service.hand_back(user, conversation_of(draft_id))
            case "resolve":
                await self._service.resolve(user, conversation_of(draft_id))
            case "preview":
                await self._preview(press, user, looks)
            case _:
                raise NotFound

    async def _open(self, press: Press) -> None:
        """Open a window within the trigger's three seconds, complete if that is quick enough."""
        building = asyncio.ensure_future(self._identified(press))
        try:
            await self._open_built(press, building)
        finally:
            # Whatever kept the window from opening: nobody else asks what has become of it.
            if not building.cancel() and not building.cancelled():
                building.exception()

    async def _open_built(
        self, press: Press, building: asyncio.Future[tuple[User, Looks, Block]]
    ) -> None:
        shared = self._replies.shared
        assert shared is not None
        looks = self._replies.looks()
        view_id = ""
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                user, looks, view = await asyncio.shield(building)
        except TimeoutError:
            # Nothing of the customer's is in it: we do not know yet who is looking.
            first = modals.loading(looks, title=_title(press.action, looks))
            view_id = await shared.client.open_view(press.trigger, first)
            try:
                user, looks, view = await building
            except Exception as error:
                told = modals.notice(looks, self._replies.truth(error, looks, None))
                await shared.client.update_view(view_id, told)
                return
            await shared.client.update_view(view_id, view)
        else:
            view_id = await shared.client.open_view(press.trigger, view)
        about = modals.unpack(str(view.get("private_metadata") or ""))
        if press.action == "edit" and view_id and about is not None:
            self._windows.watch(view_id, about, looks, user)

    async def _identified(self, press: Press) -> tuple[User, Looks, Block]:
        user, looks, problem = await self._replies.who(press.slack_id)
        colleague = staff(user, problem)
        return colleague, looks, await self._window(press, colleague, looks)

    async def _window(self, press: Press, user: User, looks: Looks) -> Block:
        conversation_id = conversation_of(press.draft_id)
        about = modals.About(
            draft_id=press.draft_id,
            version=press.version,
            channel=press.channel,
            thread=press.thread,
        )
        match press.action:
            case "edit" | "reject":
                a = await self._service.waiting(user, press.draft_id)
                about = modals.About(
                    draft_id=a.id, version=a.version, channel=press.channel, thread=press.thread
                )
                make = modals.edit if press.action == "edit" else modals.reject
                return make(a, looks, about)
            case "consent_in" | "consent_out":
                return modals.consent(looks, about, opted_out=press.action == "consent_out")
            case "transfer":
                return modals.transfer(looks, about)
            case _:
                await self._service.conversation(user, conversation_id)
                commits = await self._conversations.history(conversation_id)
                entries = thread(commits, words=self._words, locale=looks.locale)
                if press.action == "reply":
                    return modals.reply(looks, about, entries=entries)
                return modals.conversation(entries, looks, title=looks.say("show.title"))

    async def _preview(self, press: Press, user: User, looks: Looks) -> None:
        about = modals.unpack(str(press.view.get("private_metadata") or ""))
        shared = self._replies.shared
        if about is None or shared is None:
            return
        typed = modals.read_state(press.view).text
        a = await self._service.waiting(user, about.draft_id)
        view = modals.edit(a, looks, about, typed=typed)
        await shared.client.update_view(str(press.view.get("id") or ""), view)


def _title(action: str, looks: Looks) -> str:
    consent = action.startswith("consent_")
    return looks.word("consent.title") if consent else looks.say(f"{action}.title")


class Commands:
    """Answers what a member of staff asks for in words, by `/desk`."""

    def __init__(
        self,
        *,
        service: ApprovalService,
        accounts: AccountsService,
        clock: Clock,
        base_url: Callable[[], str],
        words: Callable[[], Mapping[str, AnswerWord]],
    ) -> None:
        """`words` are those that other slices answer, at this moment."""
        self._service = service
        self._accounts = accounts
        self._clock = clock
        self._base_url = base_url
        self._words = words

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
            case word if other := self._words().get(word):
                blocks = await other(user, looks.locale, rest.strip())
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
        shown = escaped(query, 300)
        if not found:
            return [section(looks.say("desk.nothing", query=shown))]
        title = looks.say("desk.found", count=len(found), query=shown)
        return queue_answer(found, looks, title=title)
