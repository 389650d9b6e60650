"""Builds the slice of files: where they are kept, who fetches them, and their addresses."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from config.settings import Settings
from core.attachments.blobs import BlobStore, FileBlobs, Spool
from core.attachments.fetcher import Fetcher, Heard
from core.attachments.library import Library
from core.attachments.outbound import CarriesOf, OutgoingFiles
from core.attachments.personal_data import Files
from core.attachments.reading.reader import Reader
from core.attachments.reading.speech import installed
from core.attachments.records import Records
from core.attachments.routes import AttachmentRoutes
from core.attachments.s3 import S3Blobs
from core.clock import Clock
from core.domain.messages import WEB_CHAT
from core.engine.ports import ChannelDirectory
from core.engine.repository import Conversations
from core.runtime.checks import Check
from core.runtime.data_dir import DataDir
from core.runtime.host.disk import DiskSpace
from core.slices.slice import Core, Job, Slice, Web
from core.storage.client import Database
from core.web.http.routing import Routed

SWEEP_HOUR = 4  #: of the day, in the reports' time zone
MEGABYTE = 1_000_000


def build_library(
    settings: Settings,
    data_dir: DataDir,
    db: Database,
    *,
    conversations: Conversations,
    clock: Clock,
    disk: DiskSpace,
) -> Library:
    """The library over the settings' store. Raises SetupError."""
    own = settings.attachments
    return Library(
        Records(db["attachments"], peek=conversations.peek),
        blobs=blobs_of(settings, data_dir),
        spool=spool_of(data_dir, disk),
        clock=clock,
        limit=own.attachment_max_mb * MEGABYTE,
    )


def blobs_of(settings: Settings, data_dir: DataDir) -> BlobStore:
    """Where contents lie, by the settings. Raises SetupError."""
    own = settings.attachments
    return S3Blobs(own) if own.attachment_store else FileBlobs(data_dir.shared / "attachments")


def spool_of(data_dir: DataDir, disk: DiskSpace) -> Spool:
    """Where they are while they come in."""
    return Spool(data_dir.path / "attachments" / "incoming", room=disk.require)


def outgoing_files(core: Core, *, carries: CarriesOf) -> OutgoingFiles:
    """Agents' files on their way out; `carries` says what each channel takes."""
    life = timedelta(days=core.settings.attachments.attachment_link_days)
    return OutgoingFiles(core.library, links=core.links, carries=carries, life=life)


def setup_attachments(core: Core, *, channels: ChannelDirectory, heard: Heard) -> Slice:
    """Fetching, addresses, erasure; `heard` hears of recordings that have become text."""
    own = core.settings.attachments
    fetcher = Fetcher(
        core.library,
        conversations=core.conversations,
        channels=channels,
        reader=Reader(transcriber=installed(own.transcription_model)),
        clock=core.clock,
        heard=heard,
    )

    def routes(web: Web) -> Sequence[Routed]:
        del web
        return (
            AttachmentRoutes(
                core.library,
                fetcher=fetcher,
                links=core.links,
                conversations=core.conversations,
                clock=core.clock,
                is_open=lambda: channels.get(WEB_CHAT) is not None,
            ),
        )

    async def checks() -> Sequence[Check]:
        remedy = "Look at ATTACHMENT_STORE and what belongs to it."
        return (Check(name="files", attempt=core.library.check, remedy=remedy),)

    return Slice(
        name="attachments",
        routes=routes,
        projections=(core.library.records,),
        tasks={"attachments": fetcher.run},
        jobs=(Job(work=core.library.sweep, hour=SWEEP_HOUR),),
        checks=checks,
        personal_data=(
            Files(core.library, links=core.links, life=timedelta(days=own.attachment_link_days)),
        ),
    )
