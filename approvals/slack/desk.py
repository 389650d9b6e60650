"""The agents' desk in Slack: wires cards, windows, threads, Home and commands."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Mapping
from typing import Any

from approvals.queue.service import ApprovalService
from approvals.queue.store import ApprovalStore
from approvals.slack.actions import Commands, SlackActions
from approvals.slack.home import AppHomes
from approvals.slack.posts import Desk
from approvals.slack.replies import PrivateReplies, staff
from approvals.slack.submissions import SUBMIT_SECONDS, SlackSubmissions
from approvals.slack.sync import CardSync
from approvals.slack.sync_store import CardStore, ViewerStore
from approvals.slack.threads import Threads
from approvals.slack.views.cards import ACTION
from core.accounts.service import AccountsService
from core.attachments.library import Library
from core.clock import Clock
from core.domain import events as ev
from core.engine.outbound.deliveries import Deliveries
from core.engine.ports import Bus
from core.engine.repository import Conversations
from core.errors import StoreUnavailable
from core.i18n import Words
from core.runtime import tasks
from core.runtime.tasks import BackgroundTasks
from core.sdk.plugin import Lease
from core.slack.app import Ack, AnswerWord, SlackApp
from core.slack.blocks import Block, section
from core.slack.people import FindUser, People

log = logging.getLogger(__name__)

LEASE_SECONDS = 2.0  #: until we ask again whether the cards are ours to keep
OURS = re.compile(rf"^{re.escape(ACTION)}")


class SlackDesk:
    """One desk: `attach` when Slack is there, `run` for as long as we serve."""

    def __init__(
        self,
        *,
        service: ApprovalService,
        deliveries: Deliveries,
        conversations: Conversations,
        approvals: ApprovalStore,
        cards: CardStore,
        viewers: ViewerStore,
        accounts: AccountsService,
        find_user: FindUser,
        bus: Bus,
        lease: Lease,
        words: Words,
        clock: Clock,
        base_url: Callable[[], str],
        library: Library | None = None,
    ) -> None:
        """`library` has customers' files and takes agents'; without it the desk shows none."""
        self._accounts = accounts
        self._find_user = find_user
        self._bus = bus
        self._lease = lease
        self._clock = clock
        self._replies = PrivateReplies(words=words, base_url=base_url)
        self._tasks = BackgroundTasks()
        self.board = CardSync(
            conversations=conversations,
            approvals=approvals,
            cards=cards,
            held_now=service.held_now,
            content=library.content if library else None,
            escalated=service.supervisors_told,
            clock=clock,
        )
        self._windows = SlackSubmissions(service=service, replies=self._replies, tasks=self._tasks)
        self._presses = SlackActions(
            service=service,
            deliveries=deliveries,
            conversations=conversations,
            board=self.board,
            replies=self._replies,
            windows=self._windows,
            words=words,
        )
        self._homes = AppHomes(
            service=service, conversations=conversations, viewers=viewers, clock=clock
        )
        self._commands = Commands(
            service=service, accounts=accounts, clock=clock, base_url=base_url, words=self._words
        )
        self._threads = Threads(
            service=service,
            conversations=conversations,
            cards=cards,
            board=self.board,
            library=library,
        )

    @property
    def trouble(self) -> str:
        """Why cards are not up to date in Slack, "" when they are."""
        return self.board.trouble

    def attach(self, shared: SlackApp) -> None:
        """Work through this app from now on; a new one after each connection of the channel.

        An app without a desk's channel ends the work in Slack.
        """
        if not shared.staff.desk_channel:
            self._replies.shared = None
            self.board.detach()
            return
        people = People(
            shared,
            by_email=self._find_user,
            by_slack_id=self._accounts.find_by_slack_id,
            clock=self._clock,
        )
        self._replies.shared, self._replies.people = shared, people
        desk = Desk(
            slack=shared.client,
            channel=shared.staff.desk_channel,
            looks=self._replies.looks,
            on_duty=shared.staff.on_duty,
            supervisors=shared.staff.supervisors,
            member_of=people.member_of,
        )
        shared.take_first(self._take_words)
        shared.on_action(OURS, self._pressed)
        shared.on_view(OURS, self._windows.submitted)
        shared.on_command("/desk", self._commanded)
        shared.on_event("app_home_opened", self._home_opened)
        self.board.attach(desk)
        self._homes.attach(shared, people, self._replies.looks)

    async def run(self) -> None:
        """Keep cards, homes and windows up to date until cancelled."""
        board = asyncio.create_task(self._keep_cards(), name="cards in Slack")
        homes = asyncio.create_task(self._homes.run(), name="homes in Slack")
        try:
            async with self._bus.listen() as happenings:
                async for item in happenings:
                    if item is None:
                        await self._missed()
                    elif isinstance(item, ev.Commit) and self.board.concerns(item):
                        self.board.look(item.conversation_id)
                        self._homes.changed()
                        self._windows.warn(item)
        finally:
            await self._tasks.end()
            await tasks.end(board, homes)

    def _words(self) -> Mapping[str, AnswerWord]:
        return self._replies.shared.words if self._replies.shared is not None else {}

    async def _keep_cards(self) -> None:
        """Of many processes one keeps the cards; every one hears what is pressed."""
        while True:
            async with self._lease.hold("desk") as ours:
                if ours:
                    await self.board.run()
            await self._clock.sleep(LEASE_SECONDS)

    async def _missed(self) -> None:
        self._homes.changed()
        try:
            await self.board.sweep()
        except StoreUnavailable:
            log.warning("the store is away; the cards in Slack are looked at again in a moment")

    async def _pressed(self, ack: Ack, body: dict[str, Any]) -> None:
        self._tasks.start(self._presses.act(body), name="a press in Slack")
        await ack()

    async def _take_words(self, body: Mapping[str, Any]) -> bool:
        """What was typed at the desk is stored. Raises StoreUnavailable: Slack brings it again."""
        shared, people = self._replies.shared, self._replies.people
        event = body.get("event") if body.get("type") == "event_callback" else None
        if shared is None or people is None or not isinstance(event, Mapping):
            return False
        try:
            return await self._threads.take(event, shared, people, self._replies.looks)
        except StoreUnavailable:
            raise
        except Exception:
            log.exception("a word in the desk's channel could not be taken in")
            return True

    async def _commanded(self, ack: Ack, body: dict[str, Any]) -> None:
        answering = asyncio.ensure_future(self._answer(body))
        try:
            async with asyncio.timeout(SUBMIT_SECONDS):
                blocks, text = await asyncio.shield(answering)
        except TimeoutError:
            await ack()
            blocks, text = await answering
            await self._replies.respond(str(body.get("response_url") or ""), text, blocks)
            return
        await ack(text=text, blocks=blocks, response_type="ephemeral")

    async def _answer(self, body: Mapping[str, Any]) -> tuple[list[Block], str]:
        user, looks, problem = await self._replies.who(str(body.get("user_id") or ""))
        try:
            colleague = staff(user, problem)
            return await self._commands.answer(str(body.get("text") or ""), colleague, looks)
        except Exception as error:
            told = self._replies.truth(error, looks, user)
            return [section(told)], told

    async def _home_opened(self, event: dict[str, Any]) -> None:
        if event.get("tab") in (None, "home"):
            opened = self._homes.opened(str(event.get("user") or ""))
            self._tasks.start(opened, name="a Home in Slack")
