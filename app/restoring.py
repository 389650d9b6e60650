"""Restores a backup into an empty place."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from app.attachments import blobs_of, spool_of
from app.opening import opened
from config.settings import Settings
from core.backup.archive import read_manifest
from core.backup.load import behind, load, refuse_unless_unused
from core.engine.store.snapshots import MongoSnapshots
from core.errors import BadInput
from core.rag.knowledge.store import MongoArticles
from core.runtime.control_socket import Out
from core.runtime.data_dir import DataDir
from core.runtime.host.disk import DiskSpace
from core.storage.client import open_database
from core.storage.embedded import EmbeddedStore
from core.storage.stored_format import begin_restore, end_restore


async def restore(
    settings: Settings,
    data_dir: DataDir,
    file: Path,
    *,
    launch: Callable[[], EmbeddedStore | None],
    out: Out,
) -> int:
    """Put a backup into an empty place that the caller holds; `launch` starts the store there.

    Raises BadInput, SetupError, StoreUnavailable; what was begun then cannot be opened.
    """
    key = settings.backups.backup_key or ""
    try:
        manifest = await asyncio.to_thread(read_manifest, file, key=key)
    except OSError as error:
        raise BadInput(f"{file} cannot be read: {error.strerror}.") from error
    store = launch()
    try:
        if store is not None:
            await store.boot()
        db = await open_database(store.uri if store else settings.store.mongodb_uri or "")
        try:
            await refuse_unless_unused(db)
            await begin_restore(db)
            total = sum(manifest.documents.values()) + manifest.attachments
            loaded = await load(
                file,
                key=key,
                db=db,
                data_dir=data_dir.path,
                blobs=blobs_of(settings, data_dir),
                spool=spool_of(data_dir, DiskSpace(data_dir.path)),
                progress=lambda done: out.progress(done, total, "restoring"),
            )
            snapshots = MongoSnapshots(db["conversations"], db["unsettled"], owner="all")
            unfinished = behind(await snapshots.projected(), loaded.heads)
            await snapshots.mark(unfinished)
            await MongoArticles(db["articles"]).unindexed()
            await end_restore(db)
        finally:
            await db.client.close()
        async with opened(settings, data_dir, store=store) as app:
            articles = await (await app.rag.ready()).rebuild(
                progress=lambda done, all_: out.progress(done, all_, "embedding")
            )
            audit = await app.core.audit.verify()
    finally:
        if store is not None:
            await store.stop()
    out.line(f"Restored as of {manifest.as_of}, from release {manifest.release}:")
    out.line(f"  {sum(loaded.documents.values())} documents, {len(loaded.heads)} conversations")
    out.line(f"  {loaded.attachments} attachments, {loaded.files} files")
    out.line(f"  {articles} articles, embedded anew")
    out.line(f"  audit: {audit.entries} entries, {'intact' if audit.is_intact else 'DAMAGED'}")
    out.note(
        f"{len(unfinished)} conversations were under way and go on at the next start: what was sent"
        " since the backup is not known there, and may be sent again. Stop the old one first, and"
        " erase again whoever was erased since."
    )
    return 0 if audit.is_intact else 1
