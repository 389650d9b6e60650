"""Static files, served under a path that changes when any of them does."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from core.web.http.base_path import NONE, BasePath
from core.web.http.problems import Problem
from core.web.http.routing import Access, Route

PREFIX = "/assets"
FOR_EVER = "public, max-age=31536000, immutable"
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_COMPRESSED = ("text/", "image/svg+xml", "application/json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """One file as it goes over the wire."""

    body: bytes
    gzipped: bytes  #: empty where compression gains nothing
    media_type: str


class Assets:
    """All slices' static files, read once. A file of the folder "core" is "core/console.css".

    The version stands in front of the path, so scripts import each other by relative paths
    ("./api.js", "../core/api.js") and are still cached for ever.
    """

    def __init__(
        self,
        folders: Mapping[str, Path],
        *,
        extra: Mapping[str, bytes] | None = None,
        base: BasePath = NONE,
    ) -> None:
        self._base = base
        files: dict[str, bytes] = dict(extra or {})
        for name, folder in folders.items():
            for file in sorted(folder.rglob("*")):
                if file.is_file():
                    files[f"{name}/{file.relative_to(folder).as_posix()}"] = file.read_bytes()
        digest = hashlib.blake2b(digest_size=8)
        for name in sorted(files):
            digest.update(name.encode() + b"\0" + hashlib.blake2b(files[name]).digest())
        self._version = digest.hexdigest()
        self._assets = {name: _asset(name, body) for name, body in files.items()}

    def url(self, name: str) -> str:
        """The address of a file. Raises KeyError for a file that is not there."""
        if name not in self._assets:
            raise KeyError(name)
        return self._base.at(f"{PREFIX}/{self._version}/{name}")

    def routes(self) -> Sequence[Route]:
        """The one route that serves them all."""
        return (
            Route(
                method="GET",
                path=PREFIX + "/{version}/{name:.+}",
                handler=self._serve,
                access=Access.PUBLIC,
                summary="A stylesheet, script or picture",
                media_type="*/*",
                hidden=True,
            ),
        )

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        asset = self._assets.get(request.match_info["name"])
        if asset is None:
            raise Problem(404, "There is no such file.")
        current = request.match_info["version"] == self._version
        headers = {
            "Content-Type": asset.media_type,
            # A page of an earlier version may still ask; it must not keep the new file as the old.
            "Cache-Control": FOR_EVER if current else "no-cache",
            "Vary": "Accept-Encoding",
        }
        if asset.gzipped and "gzip" in request.headers.get("Accept-Encoding", ""):
            headers["Content-Encoding"] = "gzip"
            return web.Response(body=asset.gzipped, headers=headers)
        return web.Response(body=asset.body, headers=headers)


def _asset(name: str, body: bytes) -> Asset:
    suffix = Path(name).suffix
    media_type = _TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    gzipped = b""
    if media_type.startswith(_COMPRESSED):
        gzipped = gzip.compress(body, compresslevel=6, mtime=0)
        if len(gzipped) > len(body) * 0.9:
            gzipped = b""
        media_type += "; charset=utf-8"
    return Asset(body=body, gzipped=gzipped, media_type=media_type)
