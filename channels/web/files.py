"""A folder of files for browsers, at an address that changes with their content."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from core.errors import NotFound

_TYPES: Mapping[str, str] = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
_FOREVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    content: bytes
    packed: bytes
    media_type: str


class VersionedFiles:
    """Reads the folder once; the version in the address lets browsers keep it for ever.

    The version covers all files together, so modules may import each other by relative names.
    """

    def __init__(self, folder: Path, *, mount: str) -> None:
        self._files = {
            file.name: _read(file) for file in sorted(folder.iterdir()) if file.suffix in _TYPES
        }
        digest = hashlib.blake2b(digest_size=8)
        for name, file in self._files.items():
            digest.update(name.encode() + b"\0" + file.content + b"\0")
        self._mount = mount
        self._version = digest.hexdigest()

    @property
    def path(self) -> str:
        """The route's path."""
        return self._mount + "/{version}/{name}"

    def url(self, name: str) -> str:
        """Where a browser finds this file. Raises KeyError for one that is not there."""
        self._files[name]
        return f"{self._mount}/{self._version}/{name}"

    def names(self, suffix: str) -> list[str]:
        """The files of this kind."""
        return [name for name in self._files if name.endswith(suffix)]

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """GET of one file; an outdated version gets what is there now, but does not keep it."""
        file = self._files.get(request.match_info["name"])
        if file is None:
            raise NotFound
        known = request.match_info["version"] == self._version
        return answer(request, file, _FOREVER if known else "no-store")

    async def serve_named(
        self, request: web.Request, name: str, *, cache: str
    ) -> web.StreamResponse:
        """One file under another address, kept as long as `cache` says."""
        return answer(request, self._files[name], cache)


def answer(request: web.Request, file: _File, cache: str) -> web.Response:
    """The file, packed for those who can unpack it."""
    headers = {"Cache-Control": cache, "Vary": "Accept-Encoding"}
    packed = "gzip" in request.headers.get("Accept-Encoding", "")
    if packed:
        headers["Content-Encoding"] = "gzip"
    return web.Response(
        body=file.packed if packed else file.content,
        headers=headers,
        content_type=file.media_type,
        charset="utf-8",
    )


def _read(file: Path) -> _File:
    content = file.read_bytes()
    # Without a time stamp, so that every process packs to the same bytes.
    return _File(
        content=content, packed=gzip.compress(content, mtime=0), media_type=_TYPES[file.suffix]
    )
