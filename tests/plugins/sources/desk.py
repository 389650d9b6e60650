"""Sources as one deployment has them, and what its customers get from them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.accounts.audit.log import Audit
from core.accounts.roles import Role, User
from core.accounts.secret_box import SecretBox
from core.accounts.service import OPERATOR
from core.clock import SystemClock
from core.rag.knowledge_base.service import Knowledge
from core.runtime.shipped import SOURCES
from core.storage.client import Database
from plugins.registry.catalog import SOURCE, Catalog
from plugins.sources.model import ConfiguredSource
from plugins.sources.opening import SourceOpener
from plugins.sources.schedule import SyncSchedule
from plugins.sources.service import SourceChoice, SourceService
from plugins.sources.store import SourceRows, SourceStore
from plugins.sources.sync import Syncs

ADMIN = User(id="u1", email="ada@example.com", role=Role.ADMIN)


class SourceDesk:
    """The service, what it stands on, and the knowledge behind it."""

    def __init__(self, db: Database, knowledge: Knowledge, *, folder: Path, plugins: Path) -> None:
        clock, seal = SystemClock(), SecretBox(["k" * 32])
        self.db, self.knowledge, self.folder = db, knowledge, folder
        self.store, self.rows = SourceStore(db["sources"]), SourceRows(db["source_documents"])
        self.audit = Audit(db, clock=clock)
        catalog = Catalog(SOURCE, built_in=SOURCES, folders=plugins)
        opener = SourceOpener(
            catalog, seal=seal, networks=(), folders=(), folder=folder, clock=clock
        )

        async def ready() -> Knowledge:
            return knowledge

        self.syncs = Syncs(
            self.store, self.rows, opener, knowledge=ready, folder=folder, clock=clock
        )
        self.schedule = SyncSchedule(self.store, self.syncs, clock=clock, alone=True)
        self.service = SourceService(
            self.store, self.rows, opener, self.syncs, self.schedule,
            seal=seal, audit=self.audit, knowledge=ready, clock=clock,
        )  # fmt: skip

    async def add(
        self, kind: str, settings: Mapping[str, Any], *, user: User = OPERATOR, **more: Any
    ) -> ConfiguredSource:
        """Set up a source and sync it once."""
        source = await self.service.add(user, kind, SourceChoice(settings=settings, **more))
        return await self.sync(source.id)

    async def sync(self, source_id: str) -> ConfiguredSource:
        """Sync it; its state afterwards."""
        return await self.service.sync_here(OPERATOR, source_id)

    async def website(self, root: str, **more: Any) -> ConfiguredSource:
        """A website of this machine."""
        settings = {"url": f"{root}/", "pause": 0.0}
        return await self.add("website", settings, private_hosts=["127.0.0.1"], **more)

    async def best(self, question: str) -> str:
        """What answers a customer's question best, "" for nothing."""
        hits = (await self.knowledge.search(question)).hits
        return hits[0].passage.text if hits else ""

    async def titles(self) -> set[str]:
        """The titles of all articles."""
        return {stored.article.title for stored in await self.knowledge.list()}
