"""The agents' desk in Slack, at work while the Slack channel shares its app."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from approvals.queue.service import ApprovalService
from approvals.queue.store import ApprovalStore
from approvals.slack.sync_store import CardStore, ViewerStore
from core.engine.ports import ChannelDirectory
from core.runtime.tasks import BackgroundTasks
from core.slices.slice import Core

if TYPE_CHECKING:
    from approvals.slack.desk import SlackDesk
    from approvals.slack.direct import DirectMessages
    from core.slack.app import SlackApp


class DeskInSlack:
    """Opens the desk when the Slack channel shares its app; `leave` once, at the end."""

    def __init__(
        self,
        core: Core,
        *,
        service: ApprovalService,
        store: ApprovalStore,
        channels: ChannelDirectory,
        is_wanted: Callable[[], bool],
    ) -> None:
        """`is_wanted` says whether a channel for approvals is set, wherever that was done."""
        self._is_wanted = is_wanted
        self._core = core
        self._service = service
        self._store = store
        self._channels = channels
        self.desk: SlackDesk | None = None
        self._at_work = BackgroundTasks()

    def take(self, shared: SlackApp) -> None:
        """Agents work in Slack through this app from now on, if it has a desk."""
        if not shared.staff.desk_channel and self.desk is None:
            return
        if self.desk is None:
            self.desk = self._opened()
            self._at_work.start(self._work(self.desk), name="desk in Slack")
        self.desk.attach(shared)

    def trouble(self) -> str:
        """What keeps the desk in Slack from working; empty when nothing does."""
        if self.desk is not None and self.desk.trouble:
            return self.desk.trouble
        wanted = self.desk is not None or self._is_wanted()
        return "away" if wanted and self._channels.get("slack") is None else ""

    async def leave(self) -> None:
        """Work no more."""
        await self._at_work.end()

    async def _work(self, desk: SlackDesk) -> None:
        await self._core.site.up()  # cards carry links to the console
        await desk.run()

    def _opened(self) -> SlackDesk:
        # Here, because only who has Slack should wait for its SDK to be imported.
        from approvals.slack.desk import SlackDesk

        core = self._core
        return SlackDesk(
            service=self._service,
            deliveries=core.deliveries,
            conversations=core.conversations,
            approvals=self._store,
            cards=CardStore(core.db["cards"]),
            viewers=ViewerStore(core.db["desk_viewers"]),
            accounts=core.accounts,
            find_user=core.accounts.lookup,
            bus=core.bus,
            lease=core.node,
            words=core.words,
            clock=core.clock,
            base_url=core.site.url,
            library=core.library,
        )


def direct_messages(core: Core, shared: SlackApp) -> DirectMessages:
    """Direct messages to members of staff by this app."""
    # Here for the same reason.
    from approvals.slack.direct import DirectMessages

    return DirectMessages(
        shared,
        by_email=core.accounts.lookup,
        by_slack_id=core.accounts.find_by_slack_id,
        clock=core.clock,
    )
