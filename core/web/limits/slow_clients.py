"""An HTTP connection with deadlines against slow clients."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import re
import socket
import sys
import termios
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, cast

from aiohttp import web

from core.web.http.problems import BodyTooSlow, Problem
from core.web.http.settings import Deadlines
from core.web.limits.connections import Connections

if TYPE_CHECKING:
    from aiohttp.streams import StreamReader

log = logging.getLogger(__name__)

HEAD_LIMIT = 65_536  #: bytes of a request's head; aiohttp limits each field, but hardly all of them
MOST_MORSELS = (
    5_000  #: chunks of less than 256 bytes in one body; each costs as much as a large one
)
_MORSEL = re.compile(rb"\r\n[0-9A-Fa-f]{1,2}(?:;[^\r\n]{0,200})?\r\n")
LINGER_SECONDS = 5.0  #: for the rest of a body that nobody wants, so that the answer is read
#: for what we sent to be acknowledged: whoever vanishes without a word is gone after so long
UNACKNOWLEDGED_SECONDS = 60.0


class Connection(web.RequestHandler):
    """A client's connection.

    The head of a request is aiohttp's own business (`keepalive_timeout` counts from the
    connection's start, and a head that drips does not prolong it). Ours: the body (`receives`),
    answers that nobody takes, heads without end, and a place among the other connections. aiohttp's
    refusals (a broken request line) have the same shape as ours.
    """

    __slots__ = (
        "_body", "_connections", "_deadlines", "_head_bytes", "_is_chunked", "_morsels", "_taking",
        "lost", "network",
    )  # fmt: skip

    def __init__(
        self,
        manager: web.Server,
        *,
        loop: asyncio.AbstractEventLoop,
        connections: Connections,
        deadlines: Deadlines,
    ) -> None:
        super().__init__(
            manager,
            loop=loop,
            access_log=None,  # type: ignore[arg-type]  # documented: none is written
            keepalive_timeout=deadlines.head,
            lingering_time=LINGER_SECONDS,
            # 200 kB of zeros, compressed, hold the loop for as long as 200 MB take to come out.
            auto_decompress=False,
        )
        self._connections = connections
        self._deadlines = deadlines
        self._head_bytes = 0
        self._is_chunked = False
        self._morsels = 0
        self._body: asyncio.TimerHandle | None = None
        self._taking: asyncio.TimerHandle | None = None
        self.network = ""
        #: called when the client has gone, by what would only notice at its next word
        self.lost: Callable[[], object] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol; a connection there is no room for is ended at once."""
        peer = transport.get_extra_info("peername")
        address = peer[0] if isinstance(peer, tuple) else ""
        if self._connections.is_proxy(address):
            self._keepalive_timeout = self._deadlines.proxy
        if not self._connections.enter(self, address):
            cast("asyncio.Transport", transport).abort()
            return
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        """See asyncio.Protocol."""
        self._connections.leave(self)
        for timer in (self._body, self._taking):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)
        if self.lost is not None:
            self.lost()

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        if self._is_minced(data):
            self._connections.too_slow("body")
            self.evict()
            return
        before = self._request_count
        super().data_received(data)
        if self._request_count != before:
            self._head_bytes = self._morsels = 0
            self._is_chunked = any(getattr(one, "chunked", False) for one, _ in self._messages)
            self._connections.works(self)
        elif self._waiter is not None and not self._waiter.done():
            # It is a head we wait for, not the rest of a body that nobody wants.
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_LIMIT:
                self.force_close()

    def pause_writing(self) -> None:
        """See asyncio.Protocol."""
        super().pause_writing()
        self._see_that_it_is_taken(self.transport)

    def resume_writing(self) -> None:
        """See asyncio.Protocol."""
        super().resume_writing()
        if self._taking is not None:
            self._taking.cancel()
            self._taking = None

    def force_close(self) -> None:
        """See aiohttp."""
        transport = self.transport
        super().force_close()
        self._see_that_it_is_taken(transport)

    def receives(self, content: StreamReader) -> None:
        """A request's body begins: it must arrive in time. Raises BodyTooSlow in its reader."""
        if content.is_eof():
            return
        self._connections.receives(self)
        self._await_body(content, self._loop.time(), self._deadlines.body)
        content.on_eof(self._received)

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """See aiohttp; from here on we wait for the next request."""
        transport = self.transport
        finished = await super().finish_response(request, resp, start_time)
        if self._body is not None:
            self._body.cancel()
            self._body = None
        if not resp.keep_alive:
            self._see_that_it_is_taken(transport)
        if not self._messages:
            self._connections.waits(self)
        return finished

    def evict(self) -> None:
        """See core.web.limits.connections.Closable."""
        if self.transport is not None:
            self.transport.abort()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002
    ) -> web.StreamResponse:
        """See aiohttp."""
        if request.writer is not None and request.writer.output_size > 0:
            raise ConnectionError("The answer has begun; there is no room for an error.")
        if status >= 500:
            log.error("a request broke the server", exc_info=exc)
            problem = Problem(500, "Something went wrong here; it has been recorded.")
        else:
            problem = Problem(status, "This is not a well-formed HTTP request.")
        response = problem.response()
        response.force_close()
        return response

    def _is_minced(self, data: bytes) -> bool:
        """Whether a body comes in more tiny chunks than anybody honest makes of one.

        A body of 600,000 chunks of a byte each is 4 MB on the wire and holds the loop for seconds;
        to count them before they are read costs a hundredth.
        """
        if data.count(b"\r\n") < MOST_MORSELS // 10:
            return False
        if not self._is_chunked and b"hunked" not in data[:HEAD_LIMIT]:
            return False
        self._morsels += len(_MORSEL.findall(data))
        return self._morsels > MOST_MORSELS

    def _received(self) -> None:
        if self._body is not None:
            self._body.cancel()
            self._body = None
        self._connections.works(self)

    def _await_body(self, content: StreamReader, began: float, seconds: float) -> None:
        def look() -> None:
            self._body = None
            now = self._loop.time()
            if self._reading_paused:
                # It is we who do not read: the handler is busy with what came before.
                self._await_body(content, began + seconds, seconds)
                return
            allowed = self._deadlines.body + content.total_raw_bytes / self._deadlines.least_rate
            if now - began >= allowed:
                self._connections.too_slow("body")
                content.set_exception(BodyTooSlow())
            else:
                self._await_body(content, began, allowed - (now - began))

        self._body = self._loop.call_later(seconds, look)

    def _see_that_it_is_taken(self, transport: asyncio.Transport | None) -> None:
        """Look now and then whether what is written goes out; called when no more is added.

        Closing does not help: the transport then waits for ever for a client that takes nothing.
        """
        if transport is None:
            return
        if self._taking is not None:
            self._taking.cancel()
            self._taking = None
        waiting, seconds = _untaken(transport), self._deadlines.answer
        if not waiting:
            return

        def look() -> None:
            self._taking = None
            if waiting - _untaken(transport) < self._deadlines.least_rate * seconds:
                self._connections.too_slow("answer")
                transport.abort()
            else:
                self._see_that_it_is_taken(transport)

        self._taking = self._loop.call_later(seconds, look)


def _untaken(transport: asyncio.Transport) -> int:
    """Bytes that wait for the client to take them, in our buffer and, where it tells, the system's.

    Without the system's part a slow but honest client would seem to stand still: what leaves our
    buffer leaves it in pieces of hundreds of kilobytes.
    """
    ours = transport.get_write_buffer_size()
    held = transport.get_extra_info("socket")
    if ours == 0 or held is None or not sys.platform.startswith("linux"):
        return ours
    try:
        answer = fcntl.ioctl(held.fileno(), termios.TIOCOUTQ, b"\0" * 4)
    except (OSError, ValueError):
        return ours
    return ours + int.from_bytes(answer, sys.byteorder)


def prepare(listening: Iterable[socket.socket]) -> None:
    """Set what every connection inherits from the socket it was accepted on."""
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    if option is None:
        return  # not Linux: a client that vanished is noticed when the system gives up sending
    for one in listening:
        with contextlib.suppress(OSError):
            one.setsockopt(socket.IPPROTO_TCP, option, int(UNACKNOWLEDGED_SECONDS * 1000))
