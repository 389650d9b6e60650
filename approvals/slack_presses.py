"""Presses on cards: what each button does, and the windows that some of them open."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

from approvals import modals
from approvals.blocks import Block
from approvals.board import Board
from approvals.cards import Looks
from approvals.console.view import thread
from approvals.model import Ruling, conversation_of
from approvals.service import ApprovalService
from approvals.slack_telling import Press, Telling, read_press, staff
from approvals.slack_windows import Windows
from core.accounts.rules import User
from core.errors import AlreadyDecided, ContactCenterError, NotFound
from core.events import Decision
from core.repository import Conversations
from core.wording import Words

OPEN_SECONDS = 1.2  #: until a window has to be open, of the three that Slack allows
WINDOWS = frozenset({"edit", "reject", "reply", "transfer", "show"})


class Presses:
    """Carries out what a press asks for; whoever is refused is told why."""

    def __init__(
        self,
        *,
        service: ApprovalService,
        conversations: Conversations,
        board: Board,
        telling: Telling,
        windows: Windows,
        words: Words,
    ) -> None:
        self._service = service
        self._conversations = conversations
        self._board = board
        self._telling = telling
        self._windows = windows
        self._words = words

    async def act(self, body: Mapping[str, Any]) -> None:
        """Do what this interaction asks for; never raises."""
        press = read_press(body)
        if press is None or press.action in ("remember", "console"):
            return
        user: User | None = None
        looks = self._telling.looks()
        try:
            if press.action in WINDOWS:
                await self._open(press)
                return
            user, looks, problem = await self._telling.who(press.slack_id)
            await self._do(press, staff(user, problem), looks)
        except Exception as error:
            if press.action in WINDOWS:
                with contextlib.suppress(ContactCenterError):
                    user, looks, _ = await self._telling.who(press.slack_id)
            await self._telling.tell(press, self._telling.truth(error, looks, user))
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
            case "undo":
                await self._service.undo(user, draft_id)
                await self._telling.tell(press, looks.say("tell.undone"))
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
        shared = self._telling.shared
        assert shared is not None
        looks = self._telling.looks()
        view_id = ""
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                user, looks, view = await asyncio.shield(building)
        except TimeoutError:
            # Nothing of the customer's is in it: we do not know yet who is looking.
            first = modals.loading(looks, title=looks.say(f"{press.action}.title"))
            answer = await shared.client.views_open(trigger_id=press.trigger, view=first)
            view_id = str((answer.get("view") or {}).get("id") or "")
            try:
                user, looks, view = await building
            except Exception as error:
                told = modals.notice(looks, self._telling.truth(error, looks, None))
                await shared.client.views_update(view_id=view_id, view=told)
                return
            await shared.client.views_update(view_id=view_id, view=view)
        else:
            answer = await shared.client.views_open(trigger_id=press.trigger, view=view)
            view_id = str((answer.get("view") or {}).get("id") or "")
        about = modals.unpack(str(view.get("private_metadata") or ""))
        if press.action == "edit" and view_id and about is not None:
            self._windows.watch(view_id, about, looks, user)

    async def _identified(self, press: Press) -> tuple[User, Looks, Block]:
        user, looks, problem = await self._telling.who(press.slack_id)
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
        shared = self._telling.shared
        if about is None or shared is None:
            return
        typed = modals.read_state(press.view).text
        a = await self._service.waiting(user, about.draft_id)
        view = modals.edit(a, looks, about, typed=typed)
        await shared.client.views_update(view_id=str(press.view.get("id") or ""), view=view)
