"""The desk in Slack: presses, windows and words of agents, all through the one service."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.response import BoltResponse

from approvals.blocks import Block
from approvals.board import Board
from approvals.board_port import Desk
from approvals.board_store import CardStore, ViewerStore
from approvals.cards import ACTION
from approvals.service import ApprovalService
from approvals.slack_calls import SharedApp, SlackCalls
from approvals.slack_commands import Commands
from approvals.slack_homes import Homes
from approvals.slack_people import FindUser, People
from approvals.slack_presses import Presses
from approvals.slack_telling import Chores, Telling, staff
from approvals.slack_threads import Threads
from approvals.slack_windows import SUBMIT_SECONDS, Windows
from approvals.store import ApprovalStore
from core import events as ev
from core.accounts.service import AccountsService
from core.clock import Clock
from core.errors import StoreUnavailable
from core.ports import Bus, Lease
from core.repository import Conversations
from core.wording import Words

log = logging.getLogger(__name__)

OURS = re.compile(rf"^{re.escape(ACTION)}")


class SlackDesk:
    """One desk: `attach` when Slack is there, `run` for as long as we serve."""

    def __init__(
        self,
        *,
        service: ApprovalService,
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
    ) -> None:
        self._accounts = accounts
        self._find_user = find_user
        self._bus = bus
        self._clock = clock
        self._telling = Telling(words=words, base_url=base_url)
        self._chores = Chores()
        self.board = Board(
            conversations=conversations,
            approvals=approvals,
            cards=cards,
            held_now=service.held_now,
            lease=lease,
            clock=clock,
        )
        self._windows = Windows(service=service, telling=self._telling, chores=self._chores)
        self._presses = Presses(
            service=service,
            conversations=conversations,
            board=self.board,
            telling=self._telling,
            windows=self._windows,
            words=words,
        )
        self._homes = Homes(
            service=service, conversations=conversations, viewers=viewers, clock=clock
        )
        self._commands = Commands(
            service=service, accounts=accounts, clock=clock, base_url=base_url
        )
        self._threads = Threads(
            service=service, conversations=conversations, cards=cards, board=self.board
        )

    @property
    def trouble(self) -> str:
        """Why cards are not up to date in Slack, "" when they are."""
        return self.board.trouble

    def attach(self, shared: SharedApp) -> None:
        """Work through this app from now on; a new one after each connection of the channel.

        An app without a desk's channel ends the work in Slack.
        """
        if not shared.desk_channel:
            self._telling.shared = None
            self.board.detach()
            return
        people = People(
            shared,
            by_email=self._find_user,
            by_slack_id=self._accounts.find_by_slack_id,
            clock=self._clock,
        )
        self._telling.shared, self._telling.people = shared, people
        calls = SlackCalls(shared)
        desk = Desk(
            slack=calls,
            channel=shared.desk_channel,
            looks=self._telling.looks,
            on_duty=shared.on_duty,
            supervisors=shared.supervisors,
            member_of=people.member_of,
        )
        app = shared.app
        app.use(self._words_first)
        app.action(OURS)(self._pressed)
        app.view(OURS)(self._windows.submitted)
        app.command("/desk")(self._commanded)
        app.event("app_home_opened")(self._home_opened)
        self.board.attach(desk)
        self._homes.attach(calls, people, self._telling.looks)

    async def run(self) -> None:
        """Keep cards, homes and windows up to date until cancelled."""
        board = asyncio.create_task(self.board.run(), name="cards in Slack")
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
            await self._chores.stop()
            for task in (board, homes):
                task.cancel()
            await asyncio.gather(board, homes, return_exceptions=True)

    async def _missed(self) -> None:
        self._homes.changed()
        try:
            await self.board.sweep()
        except StoreUnavailable:
            log.warning("the store is away; the cards in Slack are looked at again in a moment")

    async def _pressed(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        self._chores.begin(self._presses.act(body))
        await ack()

    async def _words_first(
        self,
        body: dict[str, Any],
        next: Callable[[], Awaitable[None]],  # noqa: A002 - Bolt hands arguments over by name
    ) -> BoltResponse | None:
        # A listener would be acknowledged before anything is stored; a middleware is awaited.
        shared, people = self._telling.shared, self._telling.people
        event = body.get("event") if body.get("type") == "event_callback" else None
        if shared is not None and people is not None and isinstance(event, Mapping):
            try:
                done = await self._threads.take(event, shared, people, self._telling.looks)
            except StoreUnavailable:
                return BoltResponse(status=503, body="", headers={"Retry-After": "5"})
            except Exception:
                log.exception("a word in the desk's channel could not be taken in")
                done = True
            if done:
                return BoltResponse(status=200, body="")
        await next()
        return None

    async def _commanded(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        answering = asyncio.ensure_future(self._answer(body))
        try:
            async with asyncio.timeout(SUBMIT_SECONDS):
                blocks, text = await asyncio.shield(answering)
        except TimeoutError:
            await ack()
            blocks, text = await answering
            await self._telling.respond(str(body.get("response_url") or ""), text, blocks)
            return
        await ack(text=text, blocks=blocks, response_type="ephemeral")

    async def _answer(self, body: Mapping[str, Any]) -> tuple[list[Block], str]:
        user, looks, problem = await self._telling.who(str(body.get("user_id") or ""))
        try:
            colleague = staff(user, problem)
            return await self._commands.answer(str(body.get("text") or ""), colleague, looks)
        except Exception as error:
            told = self._telling.truth(error, looks, user)
            return [{"type": "section", "text": {"type": "mrkdwn", "text": told}}], told

    async def _home_opened(self, event: dict[str, Any]) -> None:
        if event.get("tab") in (None, "home"):
            self._chores.begin(self._homes.opened(str(event.get("user") or "")))
