"""Socket Mode among many processes: two of them hold a socket each, by leases."""

from __future__ import annotations

import asyncio

from channels.slack.errors import while_starting
from core.clock import Clock
from core.sdk.plugin import Lease
from core.slack.app import SlackApp
from core.slack.errors import SlackError

SLOTS = 2  #: sockets of one app; when one goes the other one hears
TURN_SECONDS = 2.0  #: between two looks whether a slot has become free


class SocketTurns:
    """Opens the app's socket while one of the slots is ours; a process alone always has one.

    Slack gives each event to any one of an app's sockets, ten at most. More than two help nobody;
    with one alone nothing would be heard while its process is taken for dead.
    """

    def __init__(self, slack: SlackApp, *, lease: Lease, clock: Clock) -> None:
        self._slack = slack
        self._lease = lease
        self._clock = clock
        self._began: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def begun(self) -> None:
        """Return once a socket is open, or others have both. Raises as opening it does."""
        await self._began

    async def run(self) -> None:
        """Take turns until cancelled. Raises as opening a socket does, once it has begun."""
        try:
            while True:
                for number in range(SLOTS):
                    await self._hold(f"slack:{self._slack.bot_user_id}:socket#{number}")
                self._said()
                await self._clock.sleep(TURN_SECONDS)
        except Exception as error:
            raised = while_starting(error) if isinstance(error, SlackError) else error
            if self._began.done():
                raise raised from error
            self._began.set_exception(raised)  # whoever starts us tells it
        finally:
            self._began.cancel()  # nobody waits for it any more, or it is done

    async def _hold(self, key: str) -> None:
        """Have the socket open for as long as this slot is ours."""
        async with self._lease.hold(key) as ours:
            if not ours:
                return
            try:
                await self._slack.connect()
                self._said()
                await asyncio.Event().wait()
            finally:
                await self._slack.disconnect()

    def _said(self) -> None:
        if not self._began.done():
            self._began.set_result(None)
