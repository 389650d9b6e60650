"""Everything that can be pressed, sent off or typed in Slack, done by somebody; and what came."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from core.domain.conversation import Conversation, Status
from core.domain.events import DeliveryRecorded, Event
from core.domain.messages import DeliveryState
from core.domain.next_step import released
from tests.approvals.slack_rig import DESK, JOON, Customer, Rig, buttons, until
from tests.support.servers.slack import Message

REFUSED = "for our staff"
NOT_YOURS = "role does not allow"
WORDS = {"": "", "queue": "queue", "status": "status", "search": "search password",
         "login": "login", "next": "next", "past": "past"}  # fmt: skip


class Hand:
    """One member of the workspace, and what they have managed; names as in `rights.SLACK`."""

    def __init__(self, desk: Rig, slack_id: str) -> None:
        self._desk = desk
        self._slack_id = slack_id
        self._drafts: dict[str, tuple[str, int]] = {}
        self.got: dict[str, bool] = {}

    async def press(self, customer: Customer, card: Message, name: str, **more: Any) -> None:
        """Deliver a press of this name on the customer's newest draft."""
        state = await self._desk.state(customer)
        review = state.review
        if review is not None:
            self._drafts[customer.id] = (review.draft_id, review.version)
        draft_id, version = self._drafts[customer.id]
        body = self._desk.slack.press(
            f"desk:{name}", channel=DESK, user=self._slack_id, value=f"{draft_id} {version}",
            message={"ts": card.ts, "text": card.text},
            container={"type": "message", "message_ts": card.ts, "channel_id": DESK},
        )  # fmt: skip
        await self._desk.deliver(body | more)

    async def window(
        self, customer: Customer, card: Message, name: str
    ) -> tuple[str, dict[str, Any]]:
        """Press, and get the window."""
        known = set(self._desk.slack.views)
        await self.press(customer, card, name)
        return await self._desk.opened(known)

    async def sends(self, view: tuple[str, dict[str, Any]], **fields: Any) -> None:
        """Send a window off."""
        await self._desk.submit(*view, by=self._slack_id, **fields)

    async def note(self, name: str, holds: Callable[[], Awaitable[bool]]) -> None:
        """Write down whether it comes to hold."""
        try:
            async with asyncio.timeout(8):
                while not await holds():
                    await asyncio.sleep(0.02)
        except TimeoutError:
            self.got[name] = False
        else:
            self.got[name] = True

    async def types_everything(self) -> None:
        """Each word of /desk."""
        for name, text in WORDS.items():
            told = await self._desk.command(text, by=self._slack_id)
            self.got[name] = REFUSED not in told and NOT_YOURS not in told


def _always(events: Sequence[Event]) -> Callable[[Conversation], Sequence[Event]]:
    return lambda _: events


async def by_staff(desk: Rig, slack_id: str, email: str) -> dict[str, bool]:
    """Whether each deed of a colleague had its effect."""
    hand, live = Hand(desk, slack_id), desk.live
    account = await live.core.accounts.find(email)

    async def claimed_by(customer: Customer) -> str:
        state = await desk.state(customer)
        assert state.review is not None
        return (await live.desk.service.waiting(account, state.review.draft_id)).claimed_by

    async def status(customer: Customer) -> Status:
        return (await desk.state(customer)).status

    async def said(customer: Customer, text: str) -> bool:
        return any(text in told for _, told in await customer.said())

    one, card = await desk.waiting()
    await hand.press(one, card, "claim")
    await hand.note("claim", lambda: _is(claimed_by(one), email))
    await hand.press(one, card, "release")
    await hand.note("release", lambda: _is(claimed_by(one), ""))
    known = set(desk.slack.views)
    await hand.press(one, card, "show")
    await hand.note("show", lambda: _now("reset" in _opened(desk, known)))
    view = await hand.window(one, card, "edit")
    before = json.dumps(desk.slack.views[view[0]])
    typed = desk.submission(*view, by=slack_id, text="Another text, as it will look.")["view"]
    await hand.press(one, card, "preview", view=typed)
    await hand.note("preview", lambda: _now(json.dumps(desk.slack.views[view[0]]) != before))
    await hand.sends(view, text="Edited by hand.")
    await hand.note("edit", lambda: _gone(desk, one))
    await hand.press(one, card, "undo")
    await hand.note("undo", lambda: _back(desk, one))
    await hand.press(one, card, "approve")
    await hand.note("approve", lambda: _gone(desk, one))

    two, card = await desk.waiting()
    view = await hand.window(two, card, "reject")
    asked = len(desk.responder.asked)
    await hand.sends(view, text="Name the button.", choices={"next": "retry"})
    await hand.note("retry", lambda: _now(len(desk.responder.asked) > asked))
    async with asyncio.timeout(8):
        while not await _back(desk, two):
            await asyncio.sleep(0.02)
    view = await hand.window(two, card, "reject")
    await hand.sends(view, text="Own words.", choices={"next": "own"})
    await hand.note("reject", lambda: _gone(desk, two))

    three, card = await desk.waiting()
    await hand.press(three, card, "take_over")
    await hand.note("take_over", lambda: _is(status(three), Status.HUMAN))
    view = await hand.window(three, card, "reply")
    await hand.sends(view, text="Here I am.")
    await hand.note("reply", lambda: said(three, "Here I am."))
    view = await hand.window(three, card, "transfer")
    await hand.sends(view, user=JOON)
    await hand.note("transfer", lambda: _held_by(desk, three, "joon@example.com"))
    await live.desk.service.transfer(
        await live.core.accounts.find("joon@example.com"), three.id, to=email
    )
    await hand.press(three, card, "hand_back")
    await hand.note("hand_back", lambda: _is(status(three), Status.AI))

    four, card = await desk.waiting()
    await hand.press(four, card, "take_over")
    await hand.note("take_over", lambda: _is(status(four), Status.HUMAN))
    await hand.press(four, card, "resolve")
    await hand.note("resolve", lambda: _is(status(four), Status.RESOLVED))
    six = await desk.texts("How do I reset my password?", number=f"+1555{next(desk.numbers):07}")
    card = await desk.card(six)
    await hand.press(six, card, "approve")
    await hand.note("approve", lambda: _gone(desk, six))

    async def fails() -> None:
        # Nobody waits here until the decision can no longer be taken back.
        await live.core.conversations.update(
            six.id, lambda c: released(c, c.held.until) if c.held else ()
        )
        for outgoing in (await desk.state(six)).outgoing:
            failed = (DeliveryRecorded(seq=outgoing.seq, state=DeliveryState.FAILED),)
            await live.core.conversations.update(six.id, _always(failed))

    async def on_its_way() -> bool:
        return bool((await desk.state(six)).outgoing)

    await fails()
    await until(lambda: "again" in str(buttons(card)), seconds=8, what="a card with another way")
    await hand.press(six, card, "again")
    await hand.note("again", on_its_way)
    await hand.press(six, card, "another_way")
    await hand.note("another_way", lambda: _is(status(six), Status.HUMAN))

    five = await desk.texts("Leave me alone!", number=f"+1555124{next(desk.numbers):04}")
    card = await desk.card(five)

    async def out() -> bool:
        return (await desk.state(five)).opted_out

    async def back_in() -> bool:
        return not await out()

    await hand.press(five, card, "opt_out")
    await hand.note("opt_out", out)
    view = await hand.window(five, card, "consent_in")
    await hand.sends(view, text="They said so on the phone.")
    await hand.note("consent_in", back_in)
    view = await hand.window(five, card, "consent_out")
    await hand.sends(view, text="They asked us to, on the phone.")
    await hand.note("consent_out", out)
    await hand.types_everything()
    return hand.got


async def by_a_stranger(desk: Rig, slack_id: str, names: set[str]) -> dict[str, bool]:
    """Whether any deed of somebody outside had an effect, or was answered as a colleague's."""
    hand = Hand(desk, slack_id)
    customer, card = await desk.waiting()
    [seq, views] = [(await desk.state(customer)).seq, dict(desk.slack.views)]
    for name in sorted(names - set(WORDS) - {"retry"}):
        told = len(desk.private(slack_id))
        await hand.press(customer, card, name)
        await until(lambda told=told: len(desk.private(slack_id)) > told, what=f"no to {name}")  # type: ignore[misc]
        refused = REFUSED in desk.private(slack_id)[-1]
        hand.got[name] = not refused or (await desk.state(customer)).seq != seq
    # Windows that a colleague has open, sent off by somebody else.
    view = await desk.window(card, "reject")
    await desk.submit(*view, by=slack_id, text="Try again.", choices={"next": "retry"})
    await asyncio.sleep(0.2)
    hand.got["retry"] = (await desk.state(customer)).seq != seq
    assert set(desk.slack.views) - set(views) == {view[0]}
    await hand.types_everything()
    return hand.got


def _opened(desk: Rig, known: set[str]) -> str:
    return json.dumps([view for key, view in desk.slack.views.items() if key not in known])


async def _is(value: Awaitable[Any], wanted: object) -> bool:
    return bool(await value == wanted)


async def _now(value: bool) -> bool:
    return value


async def _gone(desk: Rig, customer: Customer) -> bool:
    return (await desk.state(customer)).review is None


async def _back(desk: Rig, customer: Customer) -> bool:
    return (await desk.state(customer)).review is not None


async def _held_by(desk: Rig, customer: Customer, email: str) -> bool:
    return (await desk.state(customer)).assignee == email
