"""Builds the privacy slice over what all other slices keep of people."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from approvals.autonomy.autonomy import Autonomy
from core.cluster.hints import Hints
from core.console.privacy import PrivacyRoutes
from core.engine.outbound.outbox import Outbox
from core.engine.ports import PersonalData
from core.privacy.beside import ChannelNotes, LogLines, Memories, StatesInMemory
from core.privacy.cli import commands
from core.privacy.erasures import Erasures
from core.privacy.members import ForgettingMembers
from core.privacy.owned import OwnedDocuments
from core.privacy.people import People
from core.privacy.schema import Fate
from core.privacy.service import PrivacyService, Rewrite, Running
from core.privacy.stored import with_fate
from core.slices.slice import Core, Job, Slice, Web
from core.web.http.routing import Routed

log = logging.getLogger(__name__)

RETENTION_HOUR = 3  #: of the day, in the reports' time zone


def setup_privacy(
    core: Core,
    slices: Sequence[Slice],
    *,
    rewrite: Rewrite | None,
    forget: Callable[[], Awaitable[int]],
    states: StatesInMemory,
    hints: Hints | None,
    copies: Callable[[], Awaitable[str]],
) -> tuple[PrivacyService, Slice]:
    """Exports and erases; `rewrite` has the embedded store's files written anew afterwards,
    `forget` empties what the process remembers of answers, `states` what it remembers of
    conversations, `copies` says where copies stay; by `hints` other processes hear of it."""
    kept = [one for part in slices for one in part.personal_data]
    lines, memories = LogLines(core.data_dir.path / "logs"), Memories(forget)
    members = None
    if hints is not None:
        members = ForgettingMembers(
            Erasures(core.db["erasures"], clock=core.clock),
            People(core.db, lambda: (core.conversations, core.snapshots)),
            node=core.node,
            hints=hints,
            parts=(
                *(one for one in kept if isinstance(one, ChannelNotes)),
                lines,
                memories,
                states,
            ),
        )
    privacy = PrivacyService(
        core.db,
        running=Running(
            conversations=core.conversations,
            snapshots=core.snapshots,
            reached=core.projector.reached,
            wake=core.wakeups.wake,
            everybody_forgets=members.ask if members is not None else None,
        ),
        audit=core.audit,
        clock=core.clock,
        rewrite=rewrite,
    )
    special = {one.name for one in kept}
    owned: list[PersonalData] = [
        OwnedDocuments(core.db[one.name], one)
        for one in with_fate(Fate.DELETED)
        if one.name not in special
    ]
    for one in (*owned, *kept, lines, memories, states):
        privacy.register(one)
    for one in (one for part in slices for one in part.personal_data_after):
        privacy.register(one, follows=True)
    wishes = core.settings.server

    async def retain() -> None:
        erased = await privacy.retain(
            days=wishes.retention_days, by_channel=dict(wishes.retention_days_by_channel)
        )
        if erased:
            log.info("%d conversations were old enough to be erased", erased)

    def routes(web: Web) -> Sequence[Routed]:
        return (PrivacyRoutes(privacy, pages=web.pages),)

    return privacy, Slice(
        name="privacy",
        routes=routes,
        jobs=(
            Job(work=privacy.resume, every=timedelta(minutes=1)),
            Job(work=retain, hour=RETENTION_HOUR),
        ),
        tasks={
            "erasures": privacy.resume,
            **({"forgetting": members.run} if members is not None else {}),
        },
        everywhere=("forgetting",),
        commands=commands(privacy, rewrites=core.settings.store.mongodb_uri is None, copies=copies),
    )


def states_in_memory(core: Core, outbox: Outbox, autonomy: Autonomy) -> StatesInMemory:
    """Everything that this process remembers of conversations."""
    keepers = (core.conversations, outbox, autonomy)

    def one(conversation_id: str) -> None:
        for keeper in keepers:
            keeper.forget(conversation_id)

    def everybody() -> None:
        for keeper in keepers:
            keeper.forget_all()

    return StatesInMemory(one=one, everybody=everybody)
