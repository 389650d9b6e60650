"""Contents are kept once, read whole and removed, as files and in an S3-compatible store."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from config.sections import AttachmentSettings
from core.attachments.blobs import BlobStore, FileBlobs, Spool, Spooled, TooLarge
from core.attachments.s3 import S3Blobs
from core.errors import NotFound
from tests.support.servers.faults import Fault
from tests.support.servers.s3 import BUCKET, S3Server

pytestmark = pytest.mark.apart


@pytest.fixture
async def server() -> AsyncIterator[S3Server]:
    async with S3Server() as one:
        yield one


@pytest.fixture(params=["files", "s3"])
async def blobs(request: pytest.FixtureRequest, tmp_path: Path, server: S3Server) -> BlobStore:
    if request.param == "files":
        return FileBlobs(tmp_path / "attachments")
    return in_s3(server)


def in_s3(server: S3Server) -> S3Blobs:
    return S3Blobs(
        AttachmentSettings.model_validate(
            {
                "attachment_store": f"s3://{BUCKET}/desk",
                "attachment_store_endpoint": server.url,
                "attachment_store_key_id": "key",
                "attachment_store_secret": "secret",
            }
        )
    )


async def spooled(tmp_path: Path, content: bytes, *, limit: int = 100_000_000) -> Spooled:
    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(content), 65_536):
            yield content[start : start + 65_536]

    return await Spool(tmp_path / "incoming").take(chunks(), limit=limit)


@pytest.mark.parametrize("size", [1, 300_000, 15_000_000])
async def test_what_is_kept_is_read_whole_and_removed(
    blobs: BlobStore, tmp_path: Path, size: int
) -> None:
    content = os.urandom(size)
    one = await spooled(tmp_path, content)
    assert one.digest == hashlib.sha256(content).hexdigest()
    await blobs.add(one)
    await blobs.add(one)
    assert b"".join([chunk async for chunk in blobs.read(one.digest)]) == content
    assert await blobs.digests(older_than=-60.0) == [one.digest]
    assert await blobs.digests(older_than=3600.0) == []
    assert await blobs.check()
    assert await blobs.remove(one.digest)
    assert not await blobs.remove(one.digest)
    with pytest.raises(NotFound):
        await anext(blobs.read(one.digest))


async def test_a_name_that_is_no_digest_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    for name in ("../secret", "secret", "", "a" * 63, "A" * 64):
        with pytest.raises(NotFound):
            await anext(FileBlobs(tmp_path).read(name))


async def test_what_is_too_large_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(TooLarge):
        await spooled(tmp_path, bytes(1_000_001), limit=1_000_000)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


async def test_a_store_that_refuses_is_an_error_of_the_store(
    server: S3Server, tmp_path: Path
) -> None:
    server.script.plan("PUT", *[Fault(status=403, body=b"<Error/>")] * 20)
    with pytest.raises(OSError, match="does not answer"):
        async with asyncio.timeout(60):
            await in_s3(server).add(await spooled(tmp_path, b"x"))
