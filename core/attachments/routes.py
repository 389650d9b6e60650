"""The addresses of files: uploads, the API's, and the signed ones."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from urllib.parse import quote

from aiohttp import web
from pydantic import BaseModel, Field

from core.accounts.roles import Action
from core.attachments.blobs import CHUNK_BYTES, drop
from core.attachments.fetcher import Fetcher
from core.attachments.library import Library
from core.attachments.links import PREFIX, Expired, Links
from core.attachments.reading.media_types import served_as
from core.attachments.records import FileRecord, State
from core.attachments.views import PICTURES
from core.clock import Clock
from core.engine.repository import Conversations
from core.errors import NotFound, StoreUnavailable
from core.runtime.token_bucket import RateLimit, network_of
from core.web.http.problems import Problem, TooMuch
from core.web.http.responses import json_answer
from core.web.http.routing import Access, Fields, Route, address_of, query_of, user_of

MOST_WAITING = 20  #: uploads of one conversation that no message has taken up
MEGABYTE = 1_000_000
CLOSED_SECONDS = 15.0  #: until a page looks again whether the chat has been opened
LATE_SECONDS = 2.0  #: that a file's document may come after its message
LOOK_SECONDS = 0.05
ADDRESS_MEGABYTES = 300  #: that one address may upload at once
ADDRESS_RATE = 0.05  #: megabytes a second after that
HEADERS = {
    # What a stranger sent is never a page of ours: not drawn, not run, not guessed at.
    "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, no-store",
}


class UploadQuery(Fields):
    """The file's name."""

    name: str = Field(default="", max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")


class UploadedFile(BaseModel):
    """A file that has come in; a message takes it up by its id, within a day."""

    id: str
    name: str
    type: str = Field(description="Media type, by the content.")
    size: int = Field(description="Bytes.")


class AttachmentRoutes:
    """The handlers of files."""

    def __init__(
        self,
        library: Library,
        *,
        fetcher: Fetcher,
        links: Links,
        conversations: Conversations,
        clock: Clock,
        is_open: Callable[[], bool] = lambda: True,
    ) -> None:
        """`is_open` says whether visitors may write: the web chat can be switched off."""
        self._is_open = is_open
        self._library = library
        self._fetcher = fetcher
        self._links = links
        self._conversations = conversations
        self._allowance = RateLimit(rate=ADDRESS_RATE, burst=ADDRESS_MEGABYTES, clock=clock)

    def routes(self) -> Sequence[Route]:
        """Uploading, opening, and what signed links lead to."""
        one = "/api/conversations/{id}/attachments"
        return (
            Route(
                method="POST",
                path=one,
                handler=self.upload,
                access=Access.PARTICIPANT,
                action=Action.CONVERSATION_READ,
                summary="Upload a file for the next message",
                query=UploadQuery,
                responses={201: UploadedFile},
                upload=True,
                max_body=self._library.limit + CHUNK_BYTES,
            ),
            Route(
                method="GET",
                path=one + "/{file:[0-9]{1,9}-[0-9]{1,3}}",
                handler=self.read,
                access=Access.PARTICIPANT,
                action=Action.CONVERSATION_READ,
                summary="Open a file of a message",
                responses={200: None, 206: None, 409: None, 410: None, 416: None},
                media_type="application/octet-stream",
            ),
            Route(
                method="GET",
                path=PREFIX + "{token}",
                handler=self.open,
                access=Access.PUBLIC,
                summary="Open a file by a signed link",
                responses={200: None, 410: None},
                page=True,
            ),
        )

    async def upload(self, request: web.Request) -> web.StreamResponse:
        """POST /api/conversations/{id}/attachments."""
        conversation_id = request.match_info["id"]
        state = await self._conversations.peek(conversation_id)
        if state.seq == 0 or state.erased:
            raise Problem(404, "There is no such conversation, or it is not yours.")
        user = user_of(request)
        if user is not None:
            user.require(Action.CONVERSATION_REPLY)
        elif not self._is_open():
            raise TooMuch(
                "The web chat is closed at the moment",
                limit="closed",
                scope="everybody",
                wait=CLOSED_SECONDS,
                status=503,
            )
        await self._check_waiting(conversation_id)
        length = request.content_length
        if length is not None and length > self._library.limit:
            raise Problem(413, f"At most {self._library.limit / MEGABYTE:g} MB are taken.")
        try:
            upload = await self._library.upload(
                conversation_id,
                self._body(request),
                name=query_of(request, UploadQuery).name,
                by=user.email if user else "",
            )
        except ConnectionError:
            raise
        except OSError as error:
            raise StoreUnavailable(f"The file cannot be kept: {error.strerror}") from error
        found = upload.attachment
        answer = UploadedFile(
            id=upload.id,
            name=found.name or found.kind,
            type=found.media_type,
            size=found.size or 0,
        )
        return json_answer(answer, status=201)

    async def read(self, request: web.Request) -> web.StreamResponse:
        """GET /api/conversations/{id}/attachments/{seq}-{index}."""
        seq, _, index = request.match_info["file"].partition("-")
        key = f"{request.match_info['id']}.{int(seq)}.{int(index)}"
        record = await self._record(key)
        if record.state is State.REFUSED:
            raise Problem(410, "This file never reached us; the conversation says why.")
        if not record.digest:
            raise Problem(409, "This file is still being fetched.", headers={"Retry-After": "2"})
        return await self._original(request, record)

    async def open(self, request: web.Request) -> web.StreamResponse:
        """GET /files/{token}."""
        try:
            opened = self._links.opened(request.match_info["token"])
        except Expired as expired:
            raise Problem(410, expired.detail) from None
        record = await self._record(opened.file_id)
        if not record.digest:
            raise NotFound
        if opened.what == "original":
            return await self._original(request, record)
        digest = record.preview or await self._drawn(record)
        if not digest:
            raise NotFound
        return await self._streamed(request, digest, {"Content-Type": "image/jpeg"})

    async def _record(self, file_id: str) -> FileRecord:
        """The file. Raises NotFound.

        Its message is shown in the very moment it is stored, its document is made a moment later.
        """
        patience = LATE_SECONDS
        while (record := await self._library.records.get(file_id)) is None:
            conversation_id, seq, _ = file_id.rsplit(".", 2)
            state = await self._conversations.peek(conversation_id)
            if state.erased or state.seq < int(seq) or patience <= 0:
                raise NotFound
            patience -= LOOK_SECONDS
            await asyncio.sleep(LOOK_SECONDS)
        return record

    async def _drawn(self, record: FileRecord) -> str:
        """The digest of a preview that nobody has made yet; "" where there can be none."""
        if record.media_type not in PICTURES:
            return ""
        spooled = await self._library.spooled(record.digest)
        try:
            await self._fetcher.make_preview(record, spooled)
        finally:
            await drop(spooled)
        again = await self._library.records.get(record.id)
        return again.preview if again else ""

    async def _original(self, request: web.Request, record: FileRecord) -> web.StreamResponse:
        name = record.name or record.kind
        plain = "".join(s if s.isascii() and s not in '"\\' else "_" for s in name)
        headers = {
            "Content-Type": served_as(record.media_type),
            "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''"
            + quote(name, safe=""),
            "Accept-Ranges": "bytes",
        }
        part = _asked_part(request, record.size)
        if part is None:
            headers["Content-Length"] = str(record.size)
            return await self._streamed(request, record.digest, headers)
        headers["Content-Length"] = str(part.stop - part.start)
        headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{record.size}"
        return await self._streamed(request, record.digest, headers, part=part)

    async def _streamed(
        self,
        request: web.Request,
        digest: str,
        headers: dict[str, str],
        *,
        part: range | None = None,
    ) -> web.StreamResponse:
        chunks = self._library.read(digest)
        if part is not None:
            chunks = _only(chunks, part)
        first = await anext(chunks, b"")  # says NotFound before the answer has begun
        status = 200 if part is None else 206
        response = web.StreamResponse(status=status, headers={**HEADERS, **headers})
        await response.prepare(request)
        if request.method != "HEAD":
            await response.write(first)
            async for chunk in chunks:
                await response.write(chunk)
        await response.write_eof()
        return response

    async def _check_waiting(self, conversation_id: str) -> None:
        there = await self._library.records.of([conversation_id])
        # An upload stays for a while after a message has taken it up: it may be asked for again.
        waiting = Counter(one.digest for one in there if one.state is State.UPLOAD)
        waiting -= Counter(one.digest for one in there if one.state is not State.UPLOAD)
        if waiting.total() >= MOST_WAITING:
            raise TooMuch(
                "Too many files wait for their message",
                limit="files",
                scope="conversation",
                wait=60.0,
            )

    async def _body(self, request: web.Request) -> AsyncIterator[bytes]:
        """The body in chunks; each begun megabyte counts against its address."""
        network, counted, size = network_of(address_of(request)), 0, 0
        async for chunk in request.content.iter_chunked(CHUNK_BYTES):
            size += len(chunk)
            while counted * MEGABYTE < size:
                if wait := self._allowance.take(network):
                    raise TooMuch(
                        "Too many files at once", limit="files", scope="address", wait=wait
                    )
                counted += 1
            yield chunk


def _asked_part(request: web.Request, size: int) -> range | None:
    """The bytes that are asked for; None for all. Some browsers play no sound without it.

    Raises Problem 416 where there are none.
    """
    if "Range" not in request.headers:
        return None
    try:
        asked = request.http_range
    except ValueError:
        return None  # what cannot be understood is as good as nothing (RFC 9110)
    start, stop, _ = asked.indices(size)
    if start >= stop:
        raise Problem(
            416, "This file is not so long.", headers={"Content-Range": f"bytes */{size}"}
        )
    return range(start, stop)


async def _only(chunks: AsyncIterator[bytes], part: range) -> AsyncIterator[bytes]:
    """Those of the bytes that are in this part."""
    at = 0
    async for chunk in chunks:
        found = chunk[max(0, part.start - at) : max(0, part.stop - at)]
        at += len(chunk)
        if found:
            yield found
        if at >= part.stop:
            return
