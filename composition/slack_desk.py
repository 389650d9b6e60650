"""The agents' desk in Slack, at work while a Slack app is lent to us."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from approvals.board_store import CardStore, ViewerStore
from composition.background import logged

if TYPE_CHECKING:
    from approvals.slack import SlackDesk
    from composition.live import Serving


class DeskInSlack:
    """Opens the desk at the first app that has one; `leave` once, at the end."""

    def __init__(self, live: Serving) -> None:
        self._live = live
        self.desk: SlackDesk | None = None
        self._at_work: asyncio.Task[None] | None = None

    def take(self, shared: Any) -> None:
        """Agents work in Slack through this app from now on (a `SharedApp`), if it has a desk."""
        if not shared.desk_channel and self.desk is None:
            return
        if self.desk is None:
            self.desk = self._opened()
            self._at_work = asyncio.create_task(
                logged("the desk in Slack", self._work(self.desk)), name="desk in Slack"
            )
        self.desk.attach(shared)

    def trouble(self) -> str:
        """What keeps the desk in Slack from working; empty when nothing does."""
        if self.desk is not None and self.desk.trouble:
            return self.desk.trouble
        center = self._live.center
        wanted = center.settings.slack.slack_approvals_channel or self.desk
        return "away" if wanted and center.host.get("slack") is None else ""

    async def leave(self) -> None:
        """Work no more."""
        if self._at_work is not None:
            self._at_work.cancel()
            await asyncio.gather(self._at_work, return_exceptions=True)

    async def _work(self, desk: SlackDesk) -> None:
        await self._live.web_is_up.wait()  # cards carry links to the console
        await desk.run()

    def _opened(self) -> SlackDesk:
        # Here, because only who has Slack should wait for its SDK to be imported.
        from approvals.slack import SlackDesk

        live, center = self._live, self._live.center
        return SlackDesk(
            service=live.approvals,
            conversations=live.conversations,
            approvals=live.approval_store,
            cards=CardStore(center.db["cards"]),
            viewers=ViewerStore(center.db["desk_viewers"]),
            accounts=center.accounts,
            find_user=live.find_user,
            bus=live.bus,
            lease=center.lease,
            words=center.words,
            clock=center.clock,
            base_url=lambda: center.base_url,
        )
