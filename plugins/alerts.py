"""Tells the supervisors' channel in Slack when a channel stops working, and when it is back."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from core.clock import Clock
from core.errors import ContactCenterError
from core.i18n import Words
from core.rendering.slack import SlackMessage
from core.slack.client import Mark
from core.slack.errors import SlackError, SlackUnknown
from core.slack.mrkdwn import escaped
from plugins.host.host import Plugin
from plugins.host.states import State

if TYPE_CHECKING:
    from core.slack.app import SlackApp

log = logging.getLogger(__name__)

MARK = "channel_alert"  #: kind of the marks by which we know an alert again
LOOK_SECONDS = 2.0
NOT_YET = timedelta(seconds=30)  #: for which a channel that just starts may not be up
WELL = timedelta(seconds=60)  #: for which it has to run before it counts as back
MOST_WAITING = 50  #: alerts that are kept while Slack itself is away
REASON = 600  #: characters of it

TROUBLED = frozenset({State.RETRYING, State.NEEDS_ADMIN, State.BROKEN})


@dataclass(slots=True, kw_only=True)
class _Course:
    """How one channel has been doing."""

    down_since: datetime | None = None
    up_since: datetime | None = None
    was_up: bool = False
    told: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One sentence for the supervisors; `id` is the same at every attempt to post it."""

    id: str
    channel: str  #: as people call it
    name: str  #: of its text: "down", "deaf" or "up"
    reason: str
    since: datetime


@dataclass(slots=True)
class Courses:
    """Makes alerts of channels' states; a channel that goes up and down repeatedly is one alert."""

    _known: dict[str, _Course] = field(default_factory=dict)

    def look(self, plugins: Sequence[Plugin], now: datetime) -> list[Alert]:
        """What has to be told now."""
        alerts = []
        for plugin in plugins:
            if not plugin.wanted.enabled:
                self._known.pop(plugin.id, None)
            elif (alert := self._look(plugin, now)) is not None:
                alerts.append(alert)
        return alerts

    def _look(self, plugin: Plugin, now: datetime) -> Alert | None:
        course = self._known.setdefault(plugin.id, _Course())
        status = plugin.status
        if status.state in TROUBLED:
            course.up_since = None
            course.down_since = course.down_since or now
            if course.told or not (course.was_up or now - course.down_since >= NOT_YET):
                return None
            course.told = True
            name = "down" if status.hears else "deaf"
            return self._alert(plugin, name, course.down_since, status.reason)
        if status.state is not State.RUNNING:
            return None
        course.was_up = True
        course.up_since = course.up_since or now
        if course.down_since is None or now - course.up_since < WELL:
            return None
        since, told = course.down_since, course.told
        course.down_since, course.told = None, False
        return self._alert(plugin, "up", since, "") if told else None

    def _alert(self, plugin: Plugin, name: str, since: datetime, reason: str) -> Alert:
        return Alert(
            id=f"{plugin.id}/{name}/{since.isoformat()}",
            channel=plugin.found.manifest.name if plugin.found.manifest else plugin.id,
            name=name,
            reason=reason,
            since=since,
        )


class ChannelAlerts:
    """Looks at the channels as long as we serve, and posts; `attach` with every Slack app."""

    def __init__(
        self, plugins: Callable[[], Sequence[Plugin]], *, words: Words, clock: Clock
    ) -> None:
        self._plugins = plugins
        self._words = words
        self._clock = clock
        self._courses = Courses()
        self._waiting: deque[Alert] = deque(maxlen=MOST_WAITING)
        self._doubtful = ""
        self._slack: SlackApp | None = None

    def attach(self, shared: SlackApp) -> None:
        """Post through this app from now on."""
        self._slack = shared

    async def run(self) -> None:
        """Look and tell until cancelled."""
        while True:
            await self._clock.sleep(LOOK_SECONDS)
            try:
                self._waiting.extend(self._courses.look(self._plugins(), self._clock.now()))
                await self._tell()
            except Exception:
                log.exception("the supervisors could not be told how the channels do")

    async def _tell(self) -> None:
        slack = self._slack
        channel = "" if slack is None else slack.staff.reports_channel or slack.staff.desk_channel
        if slack is None or not channel:
            return  # kept, the newest of them, until there is a channel to say it in
        while self._waiting:
            alert = self._waiting[0]
            mark = Mark(kind=MARK, fields={"id": alert.id})
            try:
                if self._doubtful != alert.id or not await slack.client.find(mark, channel):
                    message = SlackMessage(text=self._said(alert, slack.staff.language), blocks=())
                    await slack.client.post(channel, message, mark=mark)
            except SlackUnknown:
                self._doubtful = alert.id  # it may be there: looked for before it is said again
                return
            except (SlackError, ContactCenterError):
                return  # Slack may be what is down; it is told when it is back
            self._waiting.popleft()

    def _said(self, alert: Alert, locale: str) -> str:
        minutes = max(1, round((self._clock.now() - alert.since).total_seconds() / 60))
        return self._words.text(
            f"plugins.alert.{alert.name}",
            locale,
            name=escaped(alert.channel, 100),
            reason=escaped(alert.reason, REASON),
            minutes=minutes,
        )
