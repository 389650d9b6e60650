"""Private answers to whoever acts in Slack, in their language."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from approvals.queue.model import ApprovalState, ChangedSince, NotTakenOver, TooLate, Withdrawn
from approvals.slack.views import modals
from approvals.slack.views.cards import ACTION, Looks
from config.languages import DEFAULT
from core.accounts.roles import User
from core.errors import (
    AlreadyDecided,
    BadInput,
    ContactCenterError,
    Forbidden,
    NotFound,
    NotYours,
    StoreUnavailable,
)
from core.i18n import Words
from core.slack.app import SlackApp
from core.slack.blocks import Block
from core.slack.errors import SlackError
from core.slack.mrkdwn import escaped
from core.slack.people import People, SlackSilent

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


class PrivateReplies:
    """Finds who somebody is, and answers them privately in their language."""

    def __init__(self, *, words: Words, base_url: Callable[[], str]) -> None:
        self._words = words
        self._base_url = base_url
        self.shared: SlackApp | None = None
        self.people: People | None = None

    def looks(self, locale: str = "") -> Looks:
        """How things are worded for a reader of this language; by default the channel's."""
        locale = locale or (self.shared.staff.language if self.shared else DEFAULT)
        return Looks(words=self._words, locale=locale, base_url=self._base_url().rstrip("/"))

    async def who(self, slack_id: str) -> tuple[User | None, Looks, Exception | None]:
        """The member of staff, their language, and what kept us from finding out."""
        assert self.people is not None
        try:
            user, locale = await self.people.find(slack_id)
        except (SlackSilent, StoreUnavailable) as error:
            return None, self.looks(), error
        return user, self.looks(locale), None

    def truth(self, error: Exception, looks: Looks, user: User | None) -> str:
        """Why nothing was changed, for the one who tried; in Slack's notation."""
        if isinstance(error, Outsider):
            return looks.say("tell.outsider")
        if isinstance(error, SlackSilent):
            return looks.say("tell.unknown")
        if not isinstance(error, ContactCenterError):
            log.error("a press failed", exc_info=error)
        return error_text(error, looks, me=user.email if user else "")

    async def tell(self, press: Press, text: str) -> None:
        """Only this member sees it."""
        shared = self.shared
        assert shared is not None
        try:
            if press.channel:
                try:
                    await shared.client.whisper(
                        press.channel, press.slack_id, text, thread=press.thread
                    )
                    return
                except SlackError as error:
                    log.info("a private answer failed: %s", error.code)
            if press.response_url:
                await shared.client.respond(press.response_url, text)
            elif press.trigger:
                view = modals.notice(self.looks(), text, title=" ")
                await shared.client.open_view(press.trigger, view)
        except SlackError as error:
            log.info("a private answer failed: %s", error.code)

    async def respond(self, url: str, text: str, blocks: list[Block]) -> None:
        """Answer privately by the address that Slack gave for it."""
        if self.shared is None or not url:
            return
        try:
            await self.shared.client.respond(url, text, blocks)
        except SlackError as error:
            log.info("a private answer failed: %s", error.code)


def error_text(error: Exception, looks: Looks, *, me: str = "") -> str:
    """Why nothing was changed, in Slack's notation; `me` is the reader's e-mail."""
    match error:
        case ChangedSince() if error.decision == "claim":
            return looks.say("tell.claimed", by=escaped(error.decided_by, 300))
        case ChangedSince() if error.decision == "source_changed":
            return looks.say("tell.source_changed")
        case ChangedSince():
            return looks.say("tell.changed")
        case Withdrawn() if error.decision == ApprovalState.SUPERSEDED.value:
            return looks.say("tell.superseded")
        case Withdrawn():
            return looks.say("tell.closed")
        case TooLate():
            return looks.say("tell.too_late")
        case AlreadyDecided():
            what = looks.say(f"done.{error.decision}") if error.decision else ""
            if error.decided_by == me:
                return looks.say("tell.first_you", what=what)
            return looks.say("tell.first", by=escaped(error.decided_by, 300), what=what)
        case Forbidden():
            return looks.say("tell.forbidden")
        case NotTakenOver():
            return looks.say("tell.not_taken")
        case NotYours():
            return looks.say("tell.held", by=escaped(error.held_by, 300))
        case NotFound():
            return looks.say("tell.gone")
        case BadInput():
            return looks.say("tell.bad", why=escaped(error.detail, 500))
        case StoreUnavailable():
            return looks.say("tell.store")
        case _:
            return looks.say("tell.broken")


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
