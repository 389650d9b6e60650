"""Handles the desk's windows: warns while they are open, carries out their submission."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from approvals.queue.fold import is_said
from approvals.queue.model import ApprovalState, Ruling, Then, conversation_of
from approvals.queue.service import ApprovalService
from approvals.slack.replies import PrivateReplies, error_text, staff
from approvals.slack.views import modals
from approvals.slack.views.cards import ACTION, Looks
from core.accounts.roles import User
from core.domain import events as ev
from core.domain.events import Decision
from core.errors import NotFound
from core.runtime.tasks import BackgroundTasks
from core.slack.app import Ack
from core.slack.errors import SlackError

log = logging.getLogger(__name__)

SUBMIT_SECONDS = 2.0  #: until a submission has to be acknowledged
WATCHED = 500  #: open windows that are told what happens meanwhile


@dataclass(frozen=True, slots=True, kw_only=True)
class _Window:
    """An open edit window."""

    draft_id: str
    about: modals.About
    locale: str
    me: str
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)  #: one update after the other


class SlackSubmissions:
    """Open windows and their submissions."""

    def __init__(
        self, *, service: ApprovalService, replies: PrivateReplies, tasks: BackgroundTasks
    ) -> None:
        self._service = service
        self._replies = replies
        self._tasks = tasks
        self._windows: dict[str, _Window] = {}

    def watch(self, view_id: str, about: modals.About, looks: Looks, user: User) -> None:
        """Tell this window from now on what happens to its draft."""
        self._windows[view_id] = _Window(
            draft_id=about.draft_id, about=about, locale=looks.locale, me=user.email
        )
        if len(self._windows) > WATCHED:
            del self._windows[next(iter(self._windows))]

    def warn(self, commit: ev.Commit) -> None:
        """Something happened: windows that it makes useless, or old, are told."""
        if not self._windows:
            return
        said = any(is_said(event) for event in commit.events)
        versions = {
            e.draft_id: e.version for e in commit.events if isinstance(e, ev.ReviewExtended)
        }
        for view_id, window in list(self._windows.items()):
            if conversation_of(window.draft_id) != commit.conversation_id:
                continue
            # Who writes while the customer adds something reads it here, and may send then.
            extended = versions.get(window.draft_id, 0) == window.about.version + 1
            if extended:
                about = replace(window.about, version=versions[window.draft_id])
                window = self._windows[view_id] = replace(window, about=about)
            warning = self._warn_one(view_id, window, more=said or extended)
            self._tasks.start(warning, name="a warning in a window")

    async def _warn_one(self, view_id: str, window: _Window, *, more: bool) -> None:
        """Tell in the open window what was said, or that it is too late, before it is sent."""
        async with window.turn:
            await self._update(view_id, self._windows.get(view_id, window), more=more)

    async def _update(self, view_id: str, window: _Window, *, more: bool) -> None:
        shared = self._replies.shared
        approval = await self._service.recall(window.draft_id)
        if shared is None or approval is None:
            return
        looks = self._replies.looks(window.locale)
        if approval.state is ApprovalState.PENDING:
            if not more:
                return
            view = modals.edit(approval, looks, window.about)
        else:
            self._windows.pop(view_id, None)
            if approval.decided_by == window.me:
                return
            why = error_text(self._service.too_late(approval), looks, me=window.me)
            view = modals.edit(approval, looks, window.about, warning=why)
        try:
            await shared.client.update_view(view_id, view)
        except SlackError as error:
            # The window is closed by now, or Slack is away; the submission tells the same.
            log.info("a window could not be warned: %s", error.code)

    async def submitted(self, ack: Ack, body: dict[str, Any], view: dict[str, Any]) -> None:
        """Do what the window asks for, and acknowledge within the time that Slack allows."""
        result: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._tasks.start(self._submit(body, view, result), name="a window sent off")
        try:
            async with asyncio.timeout(SUBMIT_SECONDS):
                answer = await asyncio.shield(result)
        except TimeoutError:
            looks = self._replies.looks()
            waiting = modals.loading(looks, title=looks.say("edit.title"))
            await ack(response_action="update", view=waiting)
            answer = await result
            view_id = str(view.get("id") or "")
            told = next(iter(answer.get("errors", {}).values()), looks.say("done.window"))
            typed = modals.read_state(view).text if "errors" in answer else ""
            done = answer.get("view") or modals.notice(
                looks, told, typed=typed, title=looks.say("edit.title")
            )
            if self._replies.shared is not None and view_id:
                await self._replies.shared.client.update_view(view_id, done)
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
        user, looks, problem = await self._replies.who(slack_id)
        try:
            answer = await self._take_in(view, typed, staff(user, problem), looks)
        except Exception as error:
            told = self._replies.truth(error, looks, user)
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
            case "consent_in" | "consent_out":
                if not typed.text.strip():
                    return _error(view, looks.say("edit.empty"))
                await self._service.set_consent(
                    user,
                    conversation_id,
                    opted_out=callback == "consent_out",
                    reason=typed.text,
                )
            case "transfer":
                assert self._replies.people is not None
                colleague, _ = await self._replies.people.find(typed.user)
                if colleague is None:
                    text = looks.say("transfer.stranger")
                    return {"response_action": "errors", "errors": {"to": text}}
                await self._service.transfer(
                    user, conversation_id, to=colleague.email, note=typed.text
                )
            case _:
                raise NotFound
        return {}


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
