"""Builds the slice of past conversations."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from core.domain.messages import SLACK
from core.rag.knowledge_base.rag import Rag
from core.slices.slice import Core, Job, Slice, Web
from core.web.http.routing import Routed
from imports.cli import commands
from imports.groups.approving import Approving
from imports.groups.store import PastStore
from imports.importing import Importer
from imports.pages import ImportPages
from imports.parts import Parts
from imports.personal_data import PastOfPeople
from imports.slack.face import PastInSlack
from imports.uploads import Uploads

RECOVERY = timedelta(seconds=30)  #: between two looks for what a kill has left undone
TEMPLATES = Path(__file__).with_name("templates")


def build(core: Core, rag: Rag) -> Parts:
    """The parts on this core."""
    store = PastStore(core.db)
    importer = Importer(
        store,
        embedder=rag.embedder,
        secret_key=core.secret_key,
        audit=core.audit,
        clock=core.clock,
        alone=core.node.is_alone,
    )
    approving = Approving(store, knowledge=rag.knowledge, audit=core.audit, clock=core.clock)
    people = PastOfPeople(store, importer=importer, approving=approving, knowledge=rag.ready)
    return Parts(
        store=store,
        importer=importer,
        approving=approving,
        people=people,
        open=rag.open,
        url=core.site.url,
    )


def setup(core: Core, rag: Rag) -> Slice:
    """Past conversations: their command, their page, and what of them is somebody's."""
    parts = build(core, rag)
    uploads = Uploads(parts, folder=core.data_dir.path / "imports", clock=core.clock)

    slack = PastInSlack(core, parts.approving, ready=parts.open)
    core.shared.on(SLACK, slack.take)

    async def recover() -> None:
        if await parts.store.unfinished():
            await parts.open()
            await parts.approving.recover()

    def routes(web: Web) -> Sequence[Routed]:
        return (ImportPages(parts, uploads=uploads, pages=web.pages),)

    return Slice(
        name="imports",
        routes=routes,
        templates={"imports": TEMPLATES},
        static={"imports": Path(__file__).with_name("static")},
        tasks={"imports": uploads.run},
        everywhere=("imports",),
        jobs=(
            Job(work=recover, every=RECOVERY, first=timedelta(seconds=5)),
            Job(work=slack.sweep, every=RECOVERY),
        ),
        closing=(slack.leave,),
        commands=commands(parts),
        personal_data=(parts.people,),
    )
