"""Fetches the files of messages from where Twilio keeps them."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector

from core.errors import AttachmentRefused, ChannelNotReady
from core.runtime.ip_addresses import address_of, is_public
from core.sdk.channel import Write

CALL_SECONDS = 15.0
DOWNLOAD_SECONDS = 120.0
CHUNK_BYTES = 65_536


async def download(
    url: str, write: Write, *, headers: Mapping[str, str], home: str, vendor: str = "Twilio"
) -> None:
    """Hand over what lies there. Raises AttachmentRefused, ChannelNotReady.

    `home` is the API's address; files may lie there too, be it on a private network.
    """
    within_reach = await _Reach.of(home)
    timeout = ClientTimeout(total=DOWNLOAD_SECONDS, sock_read=CALL_SECONDS)
    try:
        # Twilio leads on to its own store, which gets no password: a header of the request stays
        # with its host, while a session's `auth` would go wherever the vendor leads.
        async with (
            ClientSession(
                timeout=timeout, connector=TCPConnector(socket_factory=within_reach)
            ) as session,
            session.get(url, headers=headers) as answer,
        ):
            if answer.status in (401, 403, 404, 410):
                raise AttachmentRefused(f"{vendor} does not give this file ({answer.status}).")
            if answer.status != 200:
                raise ChannelNotReady(f"{vendor} does not give a file ({answer.status}).")
            async for chunk in answer.content.iter_chunked(CHUNK_BYTES):
                await write(chunk)
    except (ClientError, OSError) as error:
        if within_reach.refused:
            raise AttachmentRefused(f"{vendor} leads to an address of our own network.") from error
        raise ChannelNotReady(f"{vendor} broke off in a file: {type(error).__name__}") from error


class _Reach:
    """Opens sockets to the internet and to where the API itself is, wherever a redirect leads."""

    def __init__(self, home: Collection[str]) -> None:
        self._home = home
        self.refused = False

    @classmethod
    async def of(cls, url: str) -> _Reach:
        """`url` is the API's; on a test's or a proxy's private address files lie there too."""
        place = urlsplit(url)
        found = await asyncio.get_running_loop().getaddrinfo(place.hostname, place.port)
        return cls({str(info[4][0]) for info in found})

    def __call__(self, info: Any) -> socket.socket:
        family, kind, protocol, _, (host, *_) = info
        address = address_of(str(host))
        if host not in self._home and (address is None or not is_public(address)):
            self.refused = True
            raise PermissionError(errno.EACCES, "This address is not on the internet.")
        return socket.socket(family, kind, protocol)
