"""A slice of the product: what it brings to the application, and what every slice is given.

A slice is a folder with one `setup(core, …) -> Slice`; the application loops over the slices and
knows no route, job or command of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from config.sections import ServerSettings
from config.settings import Settings
from core.accounts.attempts import Attempts
from core.accounts.audit.log import Audit
from core.accounts.secrets import Passwords
from core.accounts.service import AccountsService
from core.accounts.store import AccountStore
from core.attachments.library import Library
from core.attachments.links import Links
from core.clock import Clock
from core.cluster.node import Node
from core.cluster.rates import RedisRates
from core.company.mail_server import MailServer
from core.company.store import CompanyStore
from core.engine.bus import LocalBus
from core.engine.inbound.inbox import Inbox
from core.engine.outbound.deliveries import Deliveries
from core.engine.ports import PersonalData, Projection
from core.engine.projection.projector import Projector
from core.engine.prometheus import Observe
from core.engine.repository import Conversations
from core.engine.store.commit_log import MongoCommitLog
from core.engine.store.snapshots import MongoSnapshots
from core.engine.wakeups import Wakeups
from core.i18n import Words
from core.runtime.checks import Check
from core.runtime.control_socket import Command
from core.runtime.data_dir import DataDir
from core.runtime.host.disk import DiskSpace
from core.storage.client import Database
from core.web.http.assets import Assets
from core.web.http.routing import Route, Routed
from core.web.http.settings import WebSettings
from core.web.identity.visitor_tokens import VisitorTokens
from core.web.pages import Pages


class Site:
    """The address at which people reach us: the operator's, else where we listen."""

    def __init__(self, server: ServerSettings) -> None:
        self._public_url = server.public_url or ""
        self._host = "127.0.0.1" if server.host in ("0.0.0.0", "::") else server.host  # noqa: S104
        self._port = server.port
        self._is_up = asyncio.Event()

    def url(self) -> str:
        """The address without a slash at its end."""
        return self._public_url or f"http://{self._host}:{self._port}"

    def listens(self, port: int) -> None:
        """We listen, on this port: the settings may leave it open."""
        self._port = port
        self._is_up.set()

    async def up(self) -> None:
        """Return once we listen, so that links lead somewhere."""
        await self._is_up.wait()


class Renames:
    """Passes on that an article's title changed, to slices that keep copies of titles."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[Mapping[str, str]], Awaitable[object]]] = []

    def on_renamed(self, listener: Callable[[Mapping[str, str]], Awaitable[object]]) -> None:
        """Call this with old and new titles, one listener after the other."""
        self._listeners.append(listener)

    async def renamed(self, titles: Mapping[str, str]) -> None:
        """These titles (old to new) have changed."""
        for listener in self._listeners:
            await listener(titles)


class Shared:
    """Passes on objects that channels share with other slices: Slack's app."""

    def __init__(self) -> None:
        self._listeners: dict[str, list[Callable[[Any], None]]] = {}

    def on(self, channel_id: str, listener: Callable[[Any], None]) -> None:
        """Call this with whatever that channel shares from now on, at each of its starts."""
        self._listeners.setdefault(channel_id, []).append(listener)

    def share(self, channel_id: str, thing: object) -> None:
        """A channel shares something."""
        for listener in self._listeners.get(channel_id, ()):
            listener(thing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    """The shared core of all slices: settings, store, accounts, and the path of a message."""

    settings: Settings
    data_dir: DataDir
    disk: DiskSpace
    db: Database
    clock: Clock
    words: Words
    secret_key: str
    previous_key: str
    site: Site
    registry: CollectorRegistry
    observe: Observe
    audit: Audit
    account_store: AccountStore
    attempts: Attempts
    rates: RedisRates | None  #: None: there is one process
    accounts: AccountsService
    passwords: Passwords
    node: Node
    bus: LocalBus
    commit_log: MongoCommitLog
    snapshots: MongoSnapshots
    conversations: Conversations
    projector: Projector
    wakeups: Wakeups
    inbox: Inbox
    deliveries: Deliveries
    shared: Shared
    renames: Renames
    library: Library
    links: Links
    company: CompanyStore
    mail: MailServer


@dataclass(frozen=True, slots=True, kw_only=True)
class Web:
    """The web frame's parts for routes, known once all templates and files are."""

    settings: WebSettings
    pages: Pages
    assets: Assets
    visitors: VisitorTokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A scheduled job: at an interval, or daily at a time."""

    work: Callable[[], Awaitable[object]]
    every: timedelta | None = None
    hour: int | None = None  #: of the day, in the reports' time zone
    first: timedelta | None = None  #: after the start; None: as the interval says


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """One part of the product as the application sees it; whatever it has none of is empty.

    Commands are answered at rest as well; jobs and tasks run while we serve. `tasks` are made at
    the start, by name, and ended at the stop; `closing` is awaited after them, last one first.
    `health` are the parts that must work to serve, each of which raises when it does not;
    `measures` bring numbers up to date, awaited before somebody reads them.
    """

    name: str
    routes: Callable[[Web], Sequence[Routed | Route]] | None = None
    templates: Mapping[str, Path] = field(default_factory=dict)
    static: Mapping[str, Path] = field(default_factory=dict)
    projections: Sequence[Projection] = ()
    jobs: Sequence[Job] = ()
    tasks: Mapping[str, Callable[[], Coroutine[Any, Any, None]]] = field(default_factory=dict)
    """What runs for as long as we serve, by name; of many processes one at a time does it."""
    everywhere: Collection[str] = ()  #: those of the tasks that each of many processes does
    closing: Sequence[Callable[[], Awaitable[None]]] = ()
    commands: Mapping[str, Command] = field(default_factory=dict)
    checks: Callable[[], Awaitable[Sequence[Check]]] | None = None
    health: Mapping[str, Callable[[], Awaitable[None]]] = field(default_factory=dict)
    measures: Sequence[Callable[[], Awaitable[None]]] = ()
    personal_data: Sequence[PersonalData] = ()
    personal_data_after: Sequence[PersonalData] = ()  #: forgotten later, when a vendor takes it
