"""Contents in an S3-compatible store, by obstore; an optional extra."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from config.sections import AttachmentSettings
from core.attachments.blobs import Spooled
from core.errors import NotFound, SetupError

EXTRA = "obstore"  #: its module; `pip install 'contact-center-os[s3]'`


class S3Blobs:
    """`BlobStore` over a bucket; contents lie under the folder by their digests."""

    def __init__(self, settings: AttachmentSettings) -> None:
        """Raises SetupError when the extra is not installed."""
        if importlib.util.find_spec(EXTRA) is None:
            raise SetupError("ATTACHMENT_STORE needs obstore: pip install 'contact-center-os[s3]'.")
        assert settings.attachment_store is not None
        place = urlsplit(settings.attachment_store)
        endpoint = settings.attachment_store_endpoint or ""
        options: dict[str, Any] = {"region": settings.attachment_store_region}
        if endpoint:
            options |= {"endpoint": endpoint, "virtual_hosted_style_request": False}
        if settings.attachment_store_key_id and settings.attachment_store_secret:
            options["access_key_id"] = settings.attachment_store_key_id
            options["secret_access_key"] = settings.attachment_store_secret
        client = {"allow_http": endpoint.startswith("http://"), "timeout": "60s"}
        folder = place.path.strip("/")
        # Imported late: whoever keeps files here needs none of it.
        self._api: Any = importlib.import_module(EXTRA)
        stores: Any = importlib.import_module(f"{EXTRA}.store")
        self._store = stores.S3Store(
            place.netloc, prefix=folder or None, client_options=client, **options
        )
        self._errors: Any = importlib.import_module(f"{EXTRA}.exceptions")
        self._where = settings.attachment_store

    async def add(self, spooled: Spooled) -> None:
        """See `BlobStore.add`."""
        with self._answers():
            await self._api.put_async(self._store, _key(spooled.digest), spooled.path)

    async def read(self, digest: str) -> AsyncIterator[bytes]:
        """See `BlobStore.read`."""
        try:
            with self._answers():
                found = await self._api.get_async(self._store, _key(digest))
        except FileNotFoundError:
            raise NotFound from None
        with self._answers():
            async for chunk in found.stream():
                yield bytes(chunk)

    async def remove(self, digest: str) -> bool:
        """See `BlobStore.remove`."""
        try:
            with self._answers():
                await self._api.head_async(self._store, _key(digest))
                await self._api.delete_async(self._store, _key(digest))
        except FileNotFoundError:
            return False
        return True

    async def digests(self, *, older_than: float) -> list[str]:
        """See `BlobStore.digests`."""
        before = datetime.now(UTC) - timedelta(seconds=older_than)
        found: list[str] = []
        with self._answers():
            async for page in self._api.list(self._store):
                old = (one["path"] for one in page if one["last_modified"] < before)
                found += [path.rpartition("/")[2] for path in old]
        return found

    @contextmanager
    def _answers(self) -> Iterator[None]:
        """What the library raises, as the port says it."""
        try:
            yield
        except self._errors.NotFoundError as error:
            raise FileNotFoundError(str(error)) from error
        except self._errors.BaseError as error:
            raise OSError(f"the store of files does not answer: {error}") from error

    async def check(self) -> str:
        """See `BlobStore.check`."""
        with self._answers():
            async for _ in self._api.list(self._store, chunk_size=1):
                break
        return self._where


def _key(digest: str) -> str:
    return f"{digest[:2]}/{digest}"
