"""A medium's address leads on to a store of somebody else's, which learns no password."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from channels.sms.api import TwilioApi
from core.errors import AttachmentRefused
from tests.support.servers.faults import Listening


def _listening(
    path: str, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> Listening:
    app = web.Application()
    app.router.add_get(path, handler)
    return Listening(app)


async def test_a_redirect_to_another_host_carries_no_password() -> None:
    heard: dict[str, str | None] = {}

    async def store(request: web.Request) -> web.StreamResponse:
        heard["store"] = request.headers.get("Authorization")
        return web.Response(body=b"a picture")

    async def media(request: web.Request) -> web.StreamResponse:
        heard["vendor"] = request.headers.get("Authorization")
        raise web.HTTPFound(f"{elsewhere.url}/picture")

    elsewhere, vendor = _listening("/picture", store), _listening("/media", media)
    await elsewhere.open()
    await vendor.open()
    api = TwilioApi(account_sid="AC1", auth_token="secret", base_url=vendor.url)
    taken = bytearray()

    async def write(chunk: bytes) -> None:
        taken.extend(chunk)

    await api.download(f"{vendor.url}/media", write)
    await api.close()
    await vendor.close()
    await elsewhere.close()
    assert bytes(taken) == b"a picture"
    assert heard["vendor"] is not None
    assert heard["store"] is None


@pytest.mark.parametrize(
    "inside", ["http://127.0.0.2:1/", "http://169.254.169.254/latest/", "http://[::1]:1/"]
)
async def test_a_redirect_into_our_own_network_is_not_followed(inside: str) -> None:
    async def media(request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound(inside)

    async def write(_: bytes) -> None:
        raise AssertionError("something was read")

    vendor = _listening("/media", media)
    await vendor.open()
    api = TwilioApi(account_sid="AC1", auth_token="secret", base_url=vendor.url)
    with pytest.raises(AttachmentRefused, match="our own network"):
        await api.download(f"{vendor.url}/media", write)
    await api.close()
    await vendor.close()
