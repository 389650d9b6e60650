"""Builds the slice of sources: what stays fresh by itself."""

from __future__ import annotations

from collections.abc import Sequence

from core.accounts.secret_box import SecretBox
from core.rag.knowledge_base.rag import Rag
from core.runtime.shipped import SOURCES
from core.slices.slice import Core, Slice, Web
from core.web.http.routing import Routed
from plugins.registry.catalog import SOURCE, Catalog
from plugins.sources.api import SourceRoutes
from plugins.sources.cli import source_commands
from plugins.sources.opening import SourceOpener
from plugins.sources.pages import TEMPLATES, SourcePages
from plugins.sources.schedule import SyncSchedule
from plugins.sources.service import SourceService
from plugins.sources.store import SourceRows, SourceStore
from plugins.sources.sync import Syncs


def setup(core: Core, rag: Rag) -> Slice:
    """Sources: their pages, API, commands, and the task that syncs them."""
    store, rows = SourceStore(core.db["sources"]), SourceRows(core.db["source_documents"])
    seal = SecretBox([key for key in (core.secret_key, core.previous_key) if key])
    folder = core.data_dir.path / "sources"
    server = core.settings.server
    opener = SourceOpener(
        Catalog(SOURCE, built_in=SOURCES, folders=core.data_dir.path / "plugins"),
        seal=seal,
        networks=server.private_api_addresses,
        folders=(),
        folder=folder,
        clock=core.clock,
    )
    syncs = Syncs(store, rows, opener, knowledge=rag.ready, folder=folder, clock=core.clock)
    schedule = SyncSchedule(store, syncs, clock=core.clock, alone=core.node.is_alone)
    service = SourceService(
        store,
        rows,
        opener,
        syncs,
        schedule,
        seal=seal,
        audit=core.audit,
        knowledge=rag.ready,
        clock=core.clock,
    )

    def routes(web: Web) -> Sequence[Routed]:
        return (
            SourceRoutes(service),
            SourcePages(service, pages=web.pages, base=core.site.url),
        )

    return Slice(
        name="sources",
        routes=routes,
        templates={"sources": TEMPLATES},
        tasks={"sources": schedule.run},
        commands=source_commands(service),
    )
