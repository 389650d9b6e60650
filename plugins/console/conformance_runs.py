"""Conformance runs that an admin started over the API, with their progress."""

from __future__ import annotations

import asyncio
import enum
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from core.accounts.roles import User
from core.clock import Clock
from core.errors import ContactCenterError
from core.runtime.tasks import end
from plugins.conformance.runner import Line
from plugins.host.service import PluginService

log = logging.getLogger(__name__)


class Stage(enum.StrEnum):
    """The stage of a run."""

    NEVER = "never"  #: nobody has run them
    RUNNING = "running"  #: they run, or wait for another plugin's to end
    DONE = "done"  #: there is a result
    FAILED = "failed"  #: they could not be run


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """The newest run of one plugin's tests."""

    stage: Stage
    at: datetime | None = None  #: when it began; when it ended, for one before our start
    passed: int = 0
    lines: Sequence[Line] = ()  #: of a run before our start only what failed is known
    trouble: str = ""  #: why it could not be run


class ConformanceRuns:
    """One run a plugin, one at a time: each takes a process and most of a processor."""

    def __init__(self, service: PluginService, *, clock: Clock) -> None:
        self._service = service
        self._clock = clock
        self._trials: dict[str, Trial] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._turn = asyncio.Lock()

    def is_running(self, plugin_id: str) -> bool:
        """Whether its tests run, or are about to."""
        return plugin_id in self._tasks

    async def start(self, user: User, plugin_id: str) -> Trial:
        """Begin, unless it runs already. Raises NotFound, BadInput for one without tests."""
        await self._service.require_tests(user, plugin_id)
        if plugin_id not in self._tasks:
            trial = Trial(stage=Stage.RUNNING, at=self._clock.now())
            self._trials[plugin_id] = trial
            task = asyncio.create_task(
                self._run(user, plugin_id, trial), name=f"conformance of {plugin_id}"
            )
            self._tasks[plugin_id] = task
            task.add_done_callback(lambda _: self._ended(plugin_id))
        return self._trials[plugin_id]

    async def newest(self, user: User, plugin_id: str) -> Trial:
        """How far it is, or what came out last, before our start too. Raises NotFound."""
        kept = (await self._service.plugin(user, plugin_id)).choice.contract
        trial = self._trials.get(plugin_id)
        if trial is not None:
            return trial
        if kept is None:
            return Trial(stage=Stage.NEVER)
        lines = [Line(name=name, outcome="failed") for name in kept.failures]
        return Trial(stage=Stage.DONE, at=kept.at, passed=kept.passed, lines=lines)

    async def stop(self) -> None:
        """End what runs, its processes too; safe twice."""
        await end(*self._tasks.values())

    async def _run(self, user: User, plugin_id: str, trial: Trial) -> None:
        try:
            async with self._turn:
                run = await self._service.test(user, plugin_id)
            ended = replace(trial, stage=Stage.DONE, passed=run.passed, lines=run.lines)
        except ContactCenterError as error:
            ended = replace(trial, stage=Stage.FAILED, trouble=error.detail)
        except Exception:
            log.exception("the tests of %s could not be run", plugin_id)
            trouble = "The tests could not be run; the log says why."
            ended = replace(trial, stage=Stage.FAILED, trouble=trouble)
        self._trials[plugin_id] = ended

    def _ended(self, plugin_id: str) -> None:
        self._tasks.pop(plugin_id, None)
        trial = self._trials[plugin_id]
        if trial.stage is Stage.RUNNING:
            stopped = replace(trial, stage=Stage.FAILED, trouble="The tests were stopped.")
            self._trials[plugin_id] = stopped
