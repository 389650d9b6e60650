"""Who presses, and what only he is told: every face of the desk in Slack answers through this."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from approvals import modals
from approvals.blocks import Block
from approvals.cards import ACTION, Looks
from approvals.slack_calls import SharedApp
from approvals.slack_people import People, SlackSilent
from approvals.truths import truth
from core.accounts.rules import User
from core.errors import ContactCenterError, StoreUnavailable
from core.wording import Words

log = logging.getLogger(__name__)


class Outsider(ContactCenterError):
    """This Slack member does not belong to the staff."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
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


class Chores:
    """Work in the background that is kept until it has ended: Bolt forgets its own."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Do this meanwhile."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Cancel what is still being done."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class Telling:
    """Finds who somebody is, and answers him privately in his language."""

    def __init__(self, *, words: Words, base_url: Callable[[], str]) -> None:
        self._words = words
        self._base_url = base_url
        self.shared: SharedApp | None = None
        self.people: People | None = None

    def looks(self, locale: str = "") -> Looks:
        """How things are worded for a reader of this language; by default the channel's."""
        locale = locale or (self.shared.language if self.shared else "en")
        return Looks(words=self._words, locale=locale, base_url=self._base_url().rstrip("/"))

    async def who(self, slack_id: str) -> tuple[User | None, Looks, Exception | None]:
        """The member of staff, his language, and what kept us from finding out."""
        assert self.people is not None
        try:
            user, locale = await self.people.find(slack_id)
        except (SlackSilent, StoreUnavailable) as error:
            return None, self.looks(), error
        return user, self.looks(locale), None

    def truth(self, error: Exception, looks: Looks, user: User | None) -> str:
        """Why nothing was changed, for the one who tried."""
        if isinstance(error, Outsider):
            return looks.say("tell.outsider")
        if isinstance(error, SlackSilent):
            return looks.say("tell.unknown")
        if not isinstance(error, ContactCenterError):
            log.error("a press failed", exc_info=error)
        return truth(error, looks, me=user.email if user else "")

    async def tell(self, press: Press, text: str) -> None:
        """Only this member sees it."""
        shared = self.shared
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
            await self.respond(press.response_url, text, [])
        elif press.trigger:
            view = modals.notice(self.looks(), text, title=" ")
            try:
                await shared.client.views_open(trigger_id=press.trigger, view=view)
            except Exception as error:
                log.info("a private answer failed: %s", type(error).__name__)

    async def respond(self, url: str, text: str, blocks: list[Block]) -> None:
        """Answer privately by the address that Slack gave for it."""
        shared = self.shared
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


def staff(user: User | None, problem: Exception | None) -> User:
    """The member of staff. Raises Outsider, or what kept us from finding out."""
    if problem is not None:
        raise problem
    if user is None:
        raise Outsider
    return user


def read_press(body: Mapping[str, Any]) -> Press | None:
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
    return Press(
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
