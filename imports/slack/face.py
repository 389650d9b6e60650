"""Past conversations in Slack, at work while the Slack channel shares its app."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from core.slices.slice import Core
from imports.groups.approving import Approving
from imports.slack.store import PastCards

if TYPE_CHECKING:
    from core.slack.app import SlackApp
    from imports.slack.desk import PastDesk


class PastInSlack:
    """Opens the cards when the Slack channel shares its app; `leave` once, at the end."""

    def __init__(
        self, core: Core, approving: Approving, *, ready: Callable[[], Awaitable[Any]]
    ) -> None:
        """`ready` opens the model and the index, once."""
        self._core = core
        self._approving = approving
        self._ready = ready
        self._desk: PastDesk | None = None

    def take(self, shared: SlackApp) -> None:
        """Groups are offered through this app from now on, if it has a channel for approvals."""
        if not shared.staff.desk_channel and self._desk is None:
            return
        if self._desk is None:
            self._desk = self._opened()
        self._desk.attach(shared)

    async def sweep(self) -> None:
        """Bring cards up to date that were left behind."""
        if self._desk is not None:
            await self._desk.sweep()

    async def leave(self) -> None:
        """Work no more."""
        if self._desk is not None:
            await self._desk.leave()

    def _opened(self) -> PastDesk:
        # Here, because only who has Slack should wait for its SDK to be imported.
        from imports.slack.desk import PastDesk

        core = self._core
        return PastDesk(
            self._approving,
            PastCards(core.db["past_cards"]),
            ready=self._ready,
            accounts=core.accounts,
            find_user=core.accounts.lookup,
            audit=core.audit,
            words=core.words,
            clock=core.clock,
            base_url=core.site.url,
        )
