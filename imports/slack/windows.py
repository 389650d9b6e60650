"""Opens a window within the time that Slack allows, and takes it in when it is sent off."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from core.accounts.roles import User
from core.errors import BadInput, NotFound
from core.slack.app import Ack
from core.slack.blocks import Block, context, literal, modal, section
from core.slack.client import SlackClient
from core.slack.long_text import pieces
from imports.slack.cards import Press, Typed, Wording, typed_in

OPEN_SECONDS = 1.2  #: until a window has to be open, of the three that Slack allows
SUBMIT_SECONDS = 2.0  #: until a submission has to be acknowledged

Who = Callable[[str], Awaitable[tuple[User, Wording]]]
CarryOut = Callable[[User, Typed], Awaitable[None]]
Told = Callable[[Exception, Wording, User | None], str]


class Windows:
    """The windows in which a group is put in better words."""

    def __init__(self, *, who: Who, carry_out: CarryOut, told: Told) -> None:
        self._who = who
        self._carry_out = carry_out
        self._told = told

    async def open(
        self, press: Press, building: Awaitable[Block], wording: Wording, client: SlackClient
    ) -> None:
        """Open what is being built; a moment's notice where that takes long."""
        built = asyncio.ensure_future(building)
        done, _ = await asyncio.wait({built}, timeout=OPEN_SECONDS)
        if done:
            await client.open_view(press.trigger, built.result())
            return
        # Nothing of a customer's is in it: we do not know yet who is looking.
        waiting = modal(wording.say("window"), [section(wording.desk("loading"))])
        view_id = await client.open_view(press.trigger, waiting)
        try:
            view = await built
        except Exception as error:
            view = notice(self._told(error, wording, None), wording)
        await client.update_view(view_id, view)

    async def submitted(
        self,
        ack: Ack,
        body: Mapping[str, Any],
        view: Mapping[str, Any],
        wording: Wording,
        client: SlackClient,
    ) -> None:
        """Do what the window asks for, and acknowledge within the time that Slack allows."""
        working = asyncio.ensure_future(self._take_in(body, view, wording))
        done, _ = await asyncio.wait({working}, timeout=SUBMIT_SECONDS)
        if done:
            await ack(**working.result())
            return
        waiting = modal(wording.say("window"), [section(wording.desk("loading"))])
        await ack(response_action="update", view=waiting)
        answer = await working
        said = next(iter(answer.get("errors", {}).values()), wording.desk("done.window"))
        typed = typed_in(view) if "errors" in answer else None
        shown = answer.get("view") or notice(said, wording, typed=typed.answer if typed else "")
        await client.update_view(str(view.get("id") or ""), shown)

    async def _take_in(
        self, body: Mapping[str, Any], view: Mapping[str, Any], wording: Wording
    ) -> dict[str, Any]:
        """What Slack is to do with the window; what was typed is never lost."""
        typed, user = typed_in(view), None
        try:
            user, wording = await self._who(str((body.get("user") or {}).get("id") or ""))
            if typed is None:
                raise NotFound
            await self._carry_out(user, typed)
        except BadInput as error:
            told = wording.desk("tell.bad", why=error.detail)
            return {"response_action": "errors", "errors": {"text:1": told}}
        except Exception as error:
            shown = notice(
                self._told(error, wording, user), wording, typed=typed.answer if typed else ""
            )
            return {"response_action": "update", "view": shown}
        return {}


def notice(text: str, wording: Wording, *, typed: str = "") -> Block:
    """Tells something, in Slack's notation, and gives back what was typed."""
    blocks = [section(text)]
    if typed:
        blocks.append(context(wording.desk("edit.your_text")))
        blocks += [literal(part) for part in pieces(typed)[0] if part.strip()]
    close = wording.words.text("console.close", wording.locale)
    return modal(wording.desk("edit.stale_title"), blocks, close=close)
