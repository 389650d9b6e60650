"""A trial instance of a channel: made to check its settings, and never started."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

from pydantic import BaseModel

from core.sdk.channel import Channel
from core.sdk.plugin import ChannelPlugin, Manifest
from plugins.host.instance import ChannelEnvironment, context_for, thread_lane
from plugins.isolation.loop_bridge import LoopBridge
from plugins.isolation.loop_thread import LoopThread
from plugins.isolation.proxy import ChannelProxy, guarded

log = logging.getLogger(__name__)


class Trial:
    """An instance that only checks its settings, and is never started."""

    def __init__(
        self, manifest: Manifest, around: ChannelEnvironment, *, restricted: bool = False
    ) -> None:
        self._manifest = manifest
        self._around = around
        self._restricted = restricted
        self._lane: LoopThread = thread_lane(f"{manifest.id}-trial", around, restricted=restricted)
        self._channel: Channel | None = None
        self._errors: list[BaseException] = []

    async def create(self, code: ChannelPlugin[BaseModel], settings: BaseModel) -> ChannelProxy:
        """The channel behind a guard."""
        context = await context_for(
            self._manifest.id,
            replace(self._around, on_shared=lambda _id, _thing: None),
            lane=self._lane,
            crossing=LoopBridge(asyncio.get_running_loop()),
            failed=self._errors.append,
            restricted=self._restricted,
        )

        async def make() -> Channel:
            return code.create(settings, context)

        channel = self._channel = await self._lane.run(make, within=self._around.pace.start)
        return guarded(channel, self._lane, watcher=self)

    async def end(self) -> None:
        """Let go of it."""
        channel = self._channel
        if channel is not None:
            try:
                await self._lane.run(channel.stop, within=self._around.pace.stop)
            except Exception as error:
                log.warning("a trial of %s does not stop: %s", self._manifest.id, error)
        await self._lane.close()

    def accepted(self) -> None:
        """Nothing comes in on a trial."""

    def delivered(self) -> None:
        """Nothing goes out on a trial."""

    def troubled(self, error: BaseException) -> None:
        """Whoever tries it sees the error itself."""
        self._errors.append(error)

    def failed(self, error: Exception) -> None:
        """Whoever tries it sees the error itself."""
        self._errors.append(error)
