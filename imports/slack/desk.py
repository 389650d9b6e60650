"""Offers groups of past questions in the approvals channel, and carries out what is pressed there.

A group is known by its id, version and what it says, all of which a button carries; so a card from
before a restart works, and whoever comes second is told who was first.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from core.accounts.audit.log import Audit
from core.accounts.roles import Action, User
from core.accounts.service import AccountsService
from core.clock import Clock
from core.errors import (
    AlreadyDecided,
    BadInput,
    ContactCenterError,
    Forbidden,
    NotFound,
    StoreUnavailable,
)
from core.i18n import Words
from core.rendering.slack import SlackMessage
from core.runtime.tasks import BackgroundTasks
from core.slack.app import Ack, SlackApp
from core.slack.blocks import Block, section
from core.slack.client import Mark
from core.slack.errors import SlackError, SlackGone
from core.slack.mrkdwn import escaped
from core.slack.people import FindUser, People, SlackSilent
from imports.groups.approving import Approving
from imports.groups.model import Group, GroupState
from imports.slack import cards as views
from imports.slack.cards import ACTION, Press, Typed, Wording
from imports.slack.store import PastCard, PastCards
from imports.slack.windows import Windows

log = logging.getLogger(__name__)

MARK = "contact_center_past"  #: kind of the marks by which these cards are known again
OURS = re.compile(rf"^{re.escape(ACTION)}")
PORTION, MOST = 3, 10  #: cards that are posted at once: by default, and at most
LOOKED_AT = 300  #: groups of which the next ones are chosen
LOST = timedelta(seconds=60)  #: a posting that did not end by then was broken off


class Outsider(ContactCenterError):
    """This Slack member does not belong to the staff."""


class ChangedSince(ContactCenterError):
    """The group asks or answers something else than the card that was pressed on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Slack:
    shared: SlackApp
    people: People
    channel: str


class PastDesk:
    """The face of past conversations in Slack, while its channel is there."""

    def __init__(
        self,
        approving: Approving,
        cards: PastCards,
        *,
        ready: Callable[[], Awaitable[Any]],
        accounts: AccountsService,
        find_user: FindUser,
        audit: Audit,
        words: Words,
        clock: Clock,
        base_url: Callable[[], str],
    ) -> None:
        """`ready` opens the model and the index, once."""
        self._approving = approving
        self._cards = cards
        self._ready = ready
        self._accounts = accounts
        self._find_user = find_user
        self._audit = audit
        self._words = words
        self._clock = clock
        self._base_url = base_url
        self._slack: _Slack | None = None
        self._tasks = BackgroundTasks()
        self._windows = Windows(who=self._colleague, carry_out=self._edited, told=self._truth)
        approving.on_decided(self._decided)

    def attach(self, shared: SlackApp) -> None:
        """Work through this app from now on, if it has a channel for approvals."""
        if not shared.staff.desk_channel:
            self._slack = None
            return
        people = People(
            shared,
            by_email=self._find_user,
            by_slack_id=self._accounts.find_by_slack_id,
            clock=self._clock,
        )
        self._slack = _Slack(shared=shared, people=people, channel=shared.staff.desk_channel)
        shared.on_action(OURS, self._pressed)
        shared.on_view(OURS, self._submitted)
        shared.words["past"] = self._asked
        shared.home_parts.append(self._home)

    async def leave(self) -> None:
        """Work no more."""
        await self._tasks.end()

    async def sweep(self) -> None:
        """Bring cards up to date that were left behind: by a kill, the console, an import."""
        slack = self._slack
        if slack is None:
            return
        for card in await self._cards.open():
            try:
                if card.ts:
                    await self._look(slack, card)
                elif card.at < self._clock.now() - LOST:
                    await self._settle(slack, card)
            except SlackError as error:
                log.info("a card of past questions waits: %s", error.code)
                return

    # What is asked for.

    async def _asked(self, user: User, locale: str, rest: str) -> list[Block]:
        """`/desk past [N]`."""
        wording = self._wording(locale)
        wanted = min(max(int(rest), 1), MOST) if rest.isdecimal() else PORTION
        count, posted = await self._offer(user, wanted)
        told = wording.say("none") if not count else wording.say("posted", count=posted, all=count)
        return [section(told)]

    async def _home(self, user: User, locale: str) -> list[Block]:
        if not user.may(Action.LEARNING_CONFIRM):
            return []
        count = await self._approving.count(user)
        return views.home_part(count, self._wording(locale)) if count else []

    async def _offer(self, user: User, wanted: int) -> tuple[int, int]:
        """Post the next cards; how many groups wait, and how many cards came."""
        user.require(Action.LEARNING_CONFIRM)
        slack = self._slack
        assert slack is not None
        await self._ready()
        waiting, count = await self._approving.waiting(user, limit=LOOKED_AT)
        known = await self._cards.all()
        posted = 0
        for group in _next(waiting, known):
            if posted == wanted:
                break
            now = self._clock.now()
            if not await self._cards.claim(group.id, channel=slack.channel, at=now):
                continue
            message = await self._drawn(group)
            ts = await slack.shared.client.post(slack.channel, message, mark=_mark(group.id, now))
            await self._cards.shown(group.id, ts=ts, stamp=views.seen_of(group))
            posted += 1
        return count, posted

    # What is pressed.

    async def _pressed(self, ack: Ack, body: dict[str, Any]) -> None:
        press = views.read_press(body)
        if press is not None:
            self._tasks.start(self._act(press), name="a press on a past question")
        await ack()

    async def _act(self, press: Press) -> None:
        """Do what this press asks for; never raises."""
        user, wording = None, self._wording()
        try:
            if press.action == "edit":
                await self._windows.open(press, self._window(press), wording, self._shared().client)
                return
            user, wording = await self._colleague(press.slack_id)
            await self._do(press, user, wording)
        except Exception as error:
            await self._tell(press, self._truth(error, wording, user))
            if press.group_id:
                await self._show(press.group_id, press.channel, press.ts)

    async def _do(self, press: Press, user: User, wording: Wording) -> None:
        # What we know of is brought up to date when it is decided, by whomever.
        is_known = await self._cards.get(press.group_id) is not None
        match press.action:
            case "approve" | "into":
                group = await self._seen(user, press.group_id, press.seen)
                await self._ready()
                await self._approving.approve(
                    user, group.id, version=press.version, into=press.article
                )
            case "reject":
                await self._approving.reject(user, press.group_id, version=press.version)
            case "skip":
                await self._skip(press, user)
                return
            case "more":
                count, posted = await self._offer(user, PORTION)
                told = wording.say("posted", count=posted, all=count) if count else ""
                await self._tell(press, told or wording.say("none"))
                return
            case _:
                raise NotFound
        if not is_known:
            await self._show(press.group_id, press.channel, press.ts)

    async def _skip(self, press: Press, user: User) -> None:
        group = await self._seen(user, press.group_id, press.seen)
        if not await self._cards.put_off(group.id, at=self._clock.now()):
            return
        await self._audit.record("import.skip", who=user.email, subject=group.id)
        message = views.put_off(group, user.email, self._wording())
        await self._update(press.channel, press.ts, message)

    async def _seen(self, user: User, group_id: str, seen: str) -> Group:
        """The group that was looked at. Raises AlreadyDecided, ChangedSince, NotFound."""
        group = await self._approving.group(user, group_id)
        if group.state is not GroupState.WAITING:
            raise AlreadyDecided(decided_by=group.decided_by, decision=group.state.value)
        if views.seen_of(group) != seen:
            raise ChangedSince
        return group

    # Windows.

    async def _window(self, press: Press) -> Block:
        user, wording = await self._colleague(press.slack_id)
        group = await self._seen(user, press.group_id, press.seen)
        return views.window(group, wording)

    async def _submitted(self, ack: Ack, body: dict[str, Any], view: dict[str, Any]) -> None:
        await self._windows.submitted(ack, body, view, self._wording(), self._shared().client)

    async def _edited(self, user: User, typed: Typed) -> None:
        """A window was sent off."""
        await self._seen(user, typed.group_id, typed.seen)
        await self._ready()
        await self._approving.approve(
            user,
            typed.group_id,
            version=typed.version,
            question=typed.question,
            answer=typed.answer,
        )

    # What is shown.

    async def _decided(self, group_id: str) -> None:
        if self._slack is not None:
            self._tasks.start(self._bring_up(group_id), name="a card of past questions")

    async def _bring_up(self, group_id: str) -> None:
        slack, card = self._slack, await self._cards.get(group_id)
        if slack is None or card is None or not card.open or not card.ts:
            return
        try:
            await self._look(slack, card)
        except SlackError as error:
            log.info("a card of past questions waits: %s", error.code)

    async def _look(self, slack: _Slack, card: PastCard) -> None:
        """Have an open card show what is, and forget it once that changes no more."""
        stamp = ""
        try:
            group = await self._approving.stored(card.id)
        except NotFound:
            message, is_over = views.gone(self._wording()), True
        else:
            is_over, stamp = group.state is not GroupState.WAITING, views.seen_of(group)
            if not is_over and card.stamp == stamp:
                return
            message = await self._drawn(group)
        try:
            await slack.shared.client.update(card.channel, card.ts, message)
        except SlackGone:
            is_over = True  # whoever deleted it may ask for it again
        if is_over:
            await self._cards.drop(card)
        else:
            await self._cards.shown(card.id, ts=card.ts, stamp=stamp)

    async def _settle(self, slack: _Slack, card: PastCard) -> None:
        """Look in Slack how a posting ended that was broken off."""
        mark = _mark(card.id, card.at)
        ts = await slack.shared.client.find(mark, card.channel, since=card.at)
        if ts:
            await self._cards.shown(card.id, ts=ts, stamp="")
        else:
            await self._cards.drop(card)

    async def _show(self, group_id: str, channel: str, ts: str) -> None:
        """Have the message that was pressed on show the truth, whether it is still known or not."""
        try:
            try:
                message = await self._drawn(await self._approving.stored(group_id))
            except NotFound:
                message = views.gone(self._wording())
            await self._update(channel, ts, message)
        except ContactCenterError as error:
            log.info("a card of past questions waits: %s", error)

    async def _update(self, channel: str, ts: str, message: SlackMessage) -> None:
        if self._slack is not None and channel and ts:
            await self._slack.shared.client.update(channel, ts, message)

    async def _drawn(self, group: Group) -> SlackMessage:
        wording = self._wording()
        if group.state is not GroupState.WAITING:
            return views.decided(group, wording)
        await self._ready()
        return views.card(await self._approving.described(group), wording)

    # Who it is, and what they are told.

    def _shared(self) -> SlackApp:
        assert self._slack is not None
        return self._slack.shared

    def _wording(self, locale: str = "") -> Wording:
        locale = locale or (self._slack.shared.staff.language if self._slack else "")
        return Wording(words=self._words, locale=locale, base_url=self._base_url().rstrip("/"))

    async def _colleague(self, slack_id: str) -> tuple[User, Wording]:
        """The member of staff, and their language. Raises Outsider, SlackSilent."""
        assert self._slack is not None
        user, locale = await self._slack.people.find(slack_id)
        if user is None:
            raise Outsider
        return user, self._wording(locale)

    async def _tell(self, press: Press, text: str) -> None:
        """Only this member sees it."""
        slack = self._slack
        if slack is None:
            return
        try:
            await slack.shared.client.whisper(press.channel or slack.channel, press.slack_id, text)
        except SlackError as error:
            log.info("a private answer failed: %s", error.code)

    def _truth(self, error: Exception, wording: Wording, user: User | None) -> str:
        """Why nothing was changed, in Slack's notation."""
        match error:
            case Outsider():
                return wording.desk("tell.outsider")
            case SlackSilent():
                return wording.desk("tell.unknown")
            case ChangedSince():
                return wording.say("changed")
            case AlreadyDecided() if not error.decided_by:
                return wording.say("changed")
            case AlreadyDecided() if user is not None and error.decided_by == user.email:
                return wording.say("first_you", what=wording.say(error.decision))
            case AlreadyDecided():
                what = wording.say(error.decision or "waiting")
                return wording.say("first", by=escaped(error.decided_by, 300), what=what)
            case Forbidden():
                return wording.desk("tell.forbidden")
            case NotFound():
                return wording.say("gone")
            case BadInput():
                return wording.desk("tell.bad", why=escaped(error.detail, 500))
            case StoreUnavailable():
                return wording.desk("tell.store")
            case _:
                log.error("a press on a past question failed", exc_info=error)
                return wording.desk("tell.broken")


def _next(waiting: Sequence[Group], known: Mapping[str, PastCard]) -> list[Group]:
    """Groups without an open card: the largest first, those that were put off last."""

    def put_off(group: Group) -> float:
        at: datetime | None = known[group.id].skipped_at if group.id in known else None
        return at.timestamp() if at else 0.0

    free = [g for g in waiting if g.id not in known or not known[g.id].open]
    return sorted(free, key=put_off)


def _mark(group_id: str, at: datetime) -> Mark:
    return Mark(kind=MARK, fields={"group": group_id, "at": int(at.timestamp())})
