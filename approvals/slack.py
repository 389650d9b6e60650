"""The desk in Slack: presses, windows and words of agents, all through the one service."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.response import BoltResponse

from approvals import modals
from approvals.blocks import Block
from approvals.board import Board, Desk
from approvals.board_store import CardStore, ViewerStore
from approvals.cards import ACTION, Looks
from approvals.console.view import thread
from approvals.model import ApprovalState, Ruling, Then, conversation_of
from approvals.service import ApprovalService
from approvals.slack_calls import SharedApp, SlackCalls
from approvals.slack_commands import Commands
from approvals.slack_homes import Homes
from approvals.slack_people import FindUser, People, SlackSilent
from approvals.slack_threads import Threads
from approvals.store import ApprovalStore
from approvals.truths import truth
from core import events as ev
from core.accounts.rules import User
from core.accounts.service import AccountsService
from core.clock import Clock
from core.errors import AlreadyDecided, ContactCenterError, NotFound, StoreUnavailable
from core.events import Decision
from core.ports import Bus, Lease
from core.repository import Conversations
from core.wording import Words

log = logging.getLogger(__name__)

OPEN_SECONDS = 1.2  #: until a window has to be open, of the three that Slack allows
SUBMIT_SECONDS = 2.0  #: until a submission has to be acknowledged
OURS = re.compile(rf"^{re.escape(ACTION)}")
WINDOWS = frozenset({"edit", "reject", "reply", "transfer", "show"})
WATCHED = 500  #: open windows that are told what happens meanwhile


class Outsider(ContactCenterError):
    """This Slack member does not belong to the staff."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Press:
    """A press on something of ours."""

    action: str  #: without the prefix
    draft_id: str
    version: int
    slack_id: str
    channel: str
    thread: str
    trigger: str
    response_url: str
    view: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Window:
    """An open edit window."""

    draft_id: str
    about: modals.About
    locale: str
    me: str


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
        self._service = service
        self._conversations = conversations
        self._approvals = approvals
        self._accounts = accounts
        self._find_user = find_user
        self._bus = bus
        self._words = words
        self._clock = clock
        self._base_url = base_url
        self._cards = cards
        self.board = Board(
            conversations=conversations,
            approvals=approvals,
            cards=cards,
            lease=lease,
            clock=clock,
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
        self._shared: SharedApp | None = None
        self._people: People | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._windows: dict[str, _Window] = {}

    @property
    def trouble(self) -> str:
        """Why cards are not up to date in Slack, "" when they are."""
        return self.board.trouble

    def attach(self, shared: SharedApp) -> None:
        """Work through this app from now on; a new one after each connection of the channel.

        An app without a desk's channel ends the work in Slack.
        """
        if not shared.desk_channel:
            self._shared = None
            self.board.detach()
            return
        self._shared = shared
        self._people = People(
            shared,
            by_email=self._find_user,
            by_slack_id=self._accounts.find_by_slack_id,
            clock=self._clock,
        )
        calls = SlackCalls(shared)
        desk = Desk(
            slack=calls,
            channel=shared.desk_channel,
            looks=lambda: self.looks(shared.language),
            on_duty=shared.on_duty,
            supervisors=shared.supervisors,
        )
        app = shared.app
        app.use(self._words_first)
        app.action(OURS)(self._pressed)
        app.view(OURS)(self._submitted)
        app.command("/desk")(self._commanded)
        app.event("app_home_opened")(self._home_opened)
        self.board.attach(desk)
        self._homes.attach(calls, self._people, self.looks)

    def looks(self, locale: str) -> Looks:
        """How things are worded for a reader of this language."""
        return Looks(words=self._words, locale=locale, base_url=self._base_url().rstrip("/"))

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
                        self._warn_windows(item)
        finally:
            tasks = [board, homes, *self._tasks]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _missed(self) -> None:
        self._homes.changed()
        try:
            await self.board.sweep()
        except StoreUnavailable:
            log.warning("the store is away; the cards in Slack are looked at again in a moment")

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        # Bolt forgets its listeners' tasks; ours are kept until they have ended.
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # Presses

    async def _pressed(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        self._begin(self._act(body))
        await ack()

    async def _act(self, body: Mapping[str, Any]) -> None:
        press = _read_press(body)
        if press is None or press.action in ("remember", "console"):
            return
        user: User | None = None
        looks = self.looks(self._shared.language if self._shared else "en")
        try:
            if press.action in WINDOWS:
                await self._open(press)
                return
            user, looks, problem = await self._who(press.slack_id)
            await self._do(press, _staff(user, problem), looks)
        except Exception as error:
            if press.action in WINDOWS:
                with contextlib.suppress(ContactCenterError):
                    user, looks, _ = await self._who(press.slack_id)
            await self._tell(press, self._truth(error, looks, user))
            if isinstance(error, AlreadyDecided):
                # Whoever pressed looked at an old card.
                self.board.look(conversation_of(press.draft_id))

    async def _do(self, press: _Press, user: User, looks: Looks) -> None:
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
                await self._tell(press, looks.say("tell.undone"))
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

    async def _open(self, press: _Press) -> None:
        """Open a window within the trigger's three seconds, complete if that is quick enough."""
        shared = self._shared
        assert shared is not None
        building = asyncio.ensure_future(self._identified(press))
        looks = self.looks(shared.language)
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
                told = modals.notice(looks, self._truth(error, looks, None))
                await shared.client.views_update(view_id=view_id, view=told)
                return
            await shared.client.views_update(view_id=view_id, view=view)
        else:
            answer = await shared.client.views_open(trigger_id=press.trigger, view=view)
            view_id = str((answer.get("view") or {}).get("id") or "")
        about = modals.unpack(str(view.get("private_metadata") or ""))
        if press.action == "edit" and view_id and about is not None:
            self._watch(view_id, about, looks, user)

    async def _identified(self, press: _Press) -> tuple[User, Looks, Block]:
        user, looks, problem = await self._who(press.slack_id)
        staff = _staff(user, problem)
        return staff, looks, await self._window(press, staff, looks)

    async def _window(self, press: _Press, user: User, looks: Looks) -> Block:
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

    async def _preview(self, press: _Press, user: User, looks: Looks) -> None:
        about = modals.unpack(str(press.view.get("private_metadata") or ""))
        shared = self._shared
        if about is None or shared is None:
            return
        typed = modals.read_state(press.view).text
        a = await self._service.waiting(user, about.draft_id)
        view = modals.edit(a, looks, about, typed=typed)
        await shared.client.views_update(view_id=str(press.view.get("id") or ""), view=view)

    # Windows

    def _watch(self, view_id: str, about: modals.About, looks: Looks, user: User) -> None:
        self._windows[view_id] = _Window(
            draft_id=about.draft_id, about=about, locale=looks.locale, me=user.email
        )
        if len(self._windows) > WATCHED:
            del self._windows[next(iter(self._windows))]

    def _warn_windows(self, commit: ev.Commit) -> None:
        if not self._windows:
            return
        for view_id, window in list(self._windows.items()):
            if conversation_of(window.draft_id) == commit.conversation_id:
                self._begin(self._warn(view_id, window))

    async def _warn(self, view_id: str, window: _Window) -> None:
        """Tell in the open window that it is too late, before anything is sent."""
        shared = self._shared
        approval = await self._service.recall(window.draft_id)
        if shared is None or approval is None or approval.state is ApprovalState.PENDING:
            return
        if approval.decided_by == window.me:
            self._windows.pop(view_id, None)
            return
        looks = self.looks(window.locale)
        why = truth(self._service.too_late(approval), looks, me=window.me)
        view = modals.edit(approval, looks, window.about, warning=why)
        self._windows.pop(view_id, None)
        try:
            await shared.client.views_update(view_id=view_id, view=view)
        except Exception as error:
            # The window is closed by now, or Slack is away; the submission tells the same.
            log.info("a window could not be warned: %s", type(error).__name__)

    async def _submitted(self, ack: AsyncAck, body: dict[str, Any], view: dict[str, Any]) -> None:
        result: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._begin(self._submit(body, view, result))
        try:
            async with asyncio.timeout(SUBMIT_SECONDS):
                answer = await asyncio.shield(result)
        except TimeoutError:
            looks = self.looks(self._shared.language if self._shared else "en")
            waiting = modals.loading(looks, title=looks.say("edit.title"))
            await ack(response_action="update", view=waiting)
            answer = await result
            view_id = str(view.get("id") or "")
            told = next(iter(answer.get("errors", {}).values()), looks.say("done.window"))
            typed = modals.read_state(view).text if "errors" in answer else ""
            done = answer.get("view") or modals.notice(
                looks, told, typed=typed, title=looks.say("edit.title")
            )
            if self._shared is not None and view_id:
                await self._shared.client.views_update(view_id=view_id, view=done)
            return
        await ack(**answer)

    async def _submit(
        self,
        body: Mapping[str, Any],
        view: Mapping[str, Any],
        result: asyncio.Future[dict[str, Any]],
    ) -> None:
        slack_id = str((body.get("user") or {}).get("id") or "")
        typed = modals.read_state(view)
        user, looks, problem = await self._who(slack_id)
        try:
            answer = await self._take_in(view, typed, _staff(user, problem), looks)
        except Exception as error:
            told = self._truth(error, looks, user)
            shown = modals.notice(looks, told, typed=typed.text)
            answer = {"response_action": "update", "view": shown}
        self._windows.pop(str(view.get("id") or ""), None)
        result.set_result(answer)

    async def _take_in(
        self, view: Mapping[str, Any], typed: modals.Typed, user: User, looks: Looks
    ) -> dict[str, Any]:
        """What the window asks for is done; gives what Slack is to do with the window."""
        about = modals.unpack(str(view.get("private_metadata") or ""))
        if about is None:
            raise NotFound
        conversation_id = conversation_of(about.draft_id)
        callback = str(view.get("callback_id") or "").removeprefix(ACTION)
        match callback:
            case "edit":
                if not typed.text.strip():
                    return _error(view, looks.say("edit.empty"))
                if len(typed.text) > 20_000:
                    return _error(view, looks.say("edit.too_long"))
                ruling = Ruling(decision=Decision.EDIT, text=typed.text, remember=typed.remember)
                await self._service.decide(user, about.draft_id, ruling, version=about.version)
            case "reject":
                following = typed.chosen("next") or "tell"
                if following == "own" and not typed.text.strip():
                    return _error(view, looks.say("reject.need_text"))
                if following == "retry" and not typed.text.strip():
                    return _error(view, looks.say("reject.need_hint"))
                ruling = _rejection(typed, following)
                await self._service.decide(user, about.draft_id, ruling, version=about.version)
                if following == "take_over" and typed.text.strip():
                    # Nobody said that it should go out, and nothing typed is lost.
                    await self._service.note(user, conversation_id, typed.text)
            case "reply":
                if not typed.text.strip():
                    return _error(view, looks.say("edit.empty"))
                key = f"slack:{view.get('id')}"
                await self._service.reply(user, conversation_id, typed.text, client_id=key)
            case "transfer":
                assert self._people is not None
                colleague, _ = await self._people.find(typed.user)
                if colleague is None:
                    text = looks.say("transfer.stranger")
                    return {"response_action": "errors", "errors": {"to": text}}
                await self._service.transfer(
                    user, conversation_id, to=colleague.email, note=typed.text
                )
            case _:
                raise NotFound
        return {}

    # Words, commands, homes

    async def _words_first(
        self,
        body: dict[str, Any],
        next: Callable[[], Awaitable[None]],  # noqa: A002 - Bolt hands arguments over by name
    ) -> BoltResponse | None:
        # A listener would be acknowledged before anything is stored; a middleware is awaited.
        shared, people = self._shared, self._people
        event = body.get("event") if body.get("type") == "event_callback" else None
        if shared is not None and people is not None and isinstance(event, Mapping):
            try:
                done = await self._threads.take(event, shared, people, self.looks)
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
            await self._respond(str(body.get("response_url") or ""), text, blocks)
            return
        await ack(text=text, blocks=blocks, response_type="ephemeral")

    async def _answer(self, body: Mapping[str, Any]) -> tuple[list[Block], str]:
        user, looks, problem = await self._who(str(body.get("user_id") or ""))
        try:
            staff = _staff(user, problem)
            return await self._commands.answer(str(body.get("text") or ""), staff, looks)
        except Exception as error:
            told = self._truth(error, looks, user)
            return [{"type": "section", "text": {"type": "mrkdwn", "text": told}}], told

    async def _home_opened(self, event: dict[str, Any]) -> None:
        if event.get("tab") in (None, "home"):
            self._begin(self._homes.opened(str(event.get("user") or "")))

    # Telling

    async def _who(self, slack_id: str) -> tuple[User | None, Looks, Exception | None]:
        assert self._people is not None
        assert self._shared is not None
        try:
            user, locale = await self._people.find(slack_id)
        except (SlackSilent, StoreUnavailable) as error:
            return None, self.looks(self._shared.language), error
        return user, self.looks(locale), None

    def _truth(self, error: Exception, looks: Looks, user: User | None) -> str:
        if isinstance(error, Outsider):
            return looks.say("tell.outsider")
        if isinstance(error, SlackSilent):
            return looks.say("tell.unknown")
        if not isinstance(error, ContactCenterError):
            log.error("a press failed", exc_info=error)
        return truth(error, looks, me=user.email if user else "")

    async def _tell(self, press: _Press, text: str) -> None:
        """Only this member sees it."""
        shared = self._shared
        assert shared is not None
        if press.channel:
            try:
                await shared.client.chat_postEphemeral(
                    channel=press.channel,
                    user=press.slack_id,
                    text=text,
                    thread_ts=press.thread or None,
                )
            except Exception as error:
                log.info("a private answer failed: %s", type(error).__name__)
            else:
                return
        if press.response_url:
            await self._respond(press.response_url, text, [])
        elif press.trigger:
            view = modals.notice(self.looks(shared.language), text, title=" ")
            try:
                await shared.client.views_open(trigger_id=press.trigger, view=view)
            except Exception as error:
                log.info("a private answer failed: %s", type(error).__name__)

    async def _respond(self, url: str, text: str, blocks: list[Block]) -> None:
        shared = self._shared
        if shared is None or not url:
            return
        payload: dict[str, Any] = {
            "text": text,
            "response_type": "ephemeral",
            "replace_original": False,
        }
        if blocks:
            payload["blocks"] = blocks
        session = shared.client.session
        if session is None:
            return
        try:
            async with session.post(url, json=payload) as answer:
                await answer.read()
        except Exception as error:
            log.info("a private answer failed: %s", type(error).__name__)


def _staff(user: User | None, problem: Exception | None) -> User:
    if problem is not None:
        raise problem
    if user is None:
        raise Outsider
    return user


def _rejection(typed: modals.Typed, following: str) -> Ruling:
    reason = typed.chosen("why") or "other"
    match following:
        case "retry":
            return Ruling(decision=Decision.REJECT, reason=reason, then=Then.RETRY, hint=typed.text)
        case "take_over":
            return Ruling(decision=Decision.REJECT, reason=reason, then=Then.TAKE_OVER)
        case _:
            return Ruling(decision=Decision.REJECT, reason=reason, text=typed.text)


def _error(view: Mapping[str, Any], text: str) -> dict[str, Any]:
    """Slack shows the text under the first field and keeps the window open."""
    for block in view.get("blocks") or ():
        block_id = str(block.get("block_id") or "")
        if block.get("type") == "input" and block_id.startswith("text:"):
            return {"response_action": "errors", "errors": {block_id: text}}
    return {"response_action": "errors", "errors": {"text:1": text}}


def _read_press(body: Mapping[str, Any]) -> _Press | None:
    """A press from the body of an interaction; None for none of ours."""
    pressed = (body.get("actions") or [{}])[0]
    action = str(pressed.get("action_id") or "")
    if not action.startswith(ACTION):
        return None
    action = action.removeprefix(ACTION)
    carried = str(pressed.get("value") or "")
    if action == "more":
        carried = str((pressed.get("selected_option") or {}).get("value") or "")
        action, _, carried = carried.partition(" ")
    draft_id, _, version = carried.partition(" ")
    container = body.get("container") or {}
    message = body.get("message") or {}
    channel = str((body.get("channel") or {}).get("id") or container.get("channel_id") or "")
    return _Press(
        action=action,
        draft_id=draft_id,
        version=int(version) if version.isdecimal() else 0,
        slack_id=str((body.get("user") or {}).get("id") or ""),
        channel=channel,
        thread=str(message.get("thread_ts") or container.get("thread_ts") or ""),
        trigger=str(body.get("trigger_id") or ""),
        response_url=str(body.get("response_url") or ""),
        view=body.get("view") or {},
    )
