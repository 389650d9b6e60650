"""A local S3: objects of one bucket by path, whole or in parts, with signatures taken on trust."""

from __future__ import annotations

import itertools
import re
from datetime import UTC, datetime
from typing import Self
from xml.sax.saxutils import escape

from aiohttp import web

from tests.support.servers.faults import Listening, Script

BUCKET = "files"


class S3Server:
    """Speaks as much of S3 as objects need."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.script = Script()
        self._parts: dict[str, dict[int, bytes]] = {}
        self._numbers = itertools.count(1)
        app = web.Application(client_max_size=60_000_000)
        app.router.add_route("*", "/{bucket}", self._bucket)
        app.router.add_route("*", "/{bucket}/{key:.*}", self._object)
        self._listening = Listening(app)

    async def __aenter__(self) -> Self:
        await self._listening.open()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._listening.close()

    @property
    def url(self) -> str:
        """What ATTACHMENT_STORE_ENDPOINT is set to."""
        return self._listening.url

    async def _bucket(self, request: web.Request) -> web.StreamResponse:
        async def work() -> web.StreamResponse:
            if "delete" not in request.query:
                return self._listed(request.query.get("prefix", ""))
            keys = re.findall(r"<Key>(.*?)</Key>", await request.text())
            for key in keys:
                self.objects.pop(key, None)
            done = "".join(f"<Deleted><Key>{key}</Key></Deleted>" for key in keys)
            xml = f"<DeleteResult>{done}</DeleteResult>"
            return web.Response(text=xml, content_type="application/xml")

        return await self.script.play("list", request, work)

    def _listed(self, prefix: str) -> web.Response:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        found = "".join(
            f"<Contents><Key>{escape(key)}</Key><LastModified>{now}</LastModified>"
            f'<ETag>"e"</ETag><Size>{len(content)}</Size></Contents>'
            for key, content in sorted(self.objects.items())
            if key.startswith(prefix)
        )
        xml = f"<ListBucketResult><IsTruncated>false</IsTruncated>{found}</ListBucketResult>"
        return web.Response(text=xml, content_type="application/xml")

    async def _object(self, request: web.Request) -> web.StreamResponse:
        async def work() -> web.StreamResponse:
            key, query = request.match_info["key"], request.query
            if not key:
                return self._listed(query.get("prefix", ""))
            if not request.headers.get("Authorization", "").startswith("AWS4-HMAC-SHA256"):
                return web.Response(status=403, text="<Error><Code>AccessDenied</Code></Error>")
            match request.method:
                case "PUT" if "partNumber" in query:
                    content = await request.read()
                    self._parts[query["uploadId"]][int(query["partNumber"])] = content
                case "PUT":
                    self.objects[key] = await request.read()
                case "POST" if "uploads" in query:
                    upload = f"u{next(self._numbers)}"
                    self._parts[upload] = {}
                    xml = f"<R><UploadId>{upload}</UploadId></R>"
                    return web.Response(text=xml, content_type="application/xml")
                case "POST":
                    parts = self._parts.pop(query["uploadId"])
                    self.objects[key] = b"".join(parts[number] for number in sorted(parts))
                    xml = "<R><ETag>e</ETag></R>"
                    return web.Response(text=xml, content_type="application/xml")
                case "DELETE":
                    self.objects.pop(key, None)
                    return web.Response(status=204)
                case _:
                    return self._given(key)
            return web.Response(headers={"ETag": '"e"'})

        return await self.script.play(request.method, request, work)

    def _given(self, key: str) -> web.Response:
        if key not in self.objects:
            return web.Response(status=404, text="<Error><Code>NoSuchKey</Code></Error>")
        headers = {"ETag": '"e"', "Last-Modified": "Mon, 30 Nov 2026 12:00:00 GMT"}
        return web.Response(body=self.objects[key], headers=headers)
